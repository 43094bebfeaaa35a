"""Outgoing e-mail."""

from __future__ import annotations

from typing import Protocol


class Mail(Protocol):
    """Port to the mail system."""

    def send(self, *, to: str, subject: str, text: str, key: str) -> None:
        """Send a plain-text mail; idempotent by `key`."""
        ...
