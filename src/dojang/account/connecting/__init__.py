"""Connecting a browser: its customer's telephone answers before any PIN is asked there. See `actions`."""
