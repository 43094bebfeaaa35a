"""Protocols and values for everything outside: no code that does anything."""
