"""Notices: whom to tell what, when and by which channel."""
