"""Dojang, the open certificate centre for banks."""

__version__ = "0.1.0"
