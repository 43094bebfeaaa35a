"""Relying on certificates: challenges, verification, log-in, sessions and the record of every use."""
