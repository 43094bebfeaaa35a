"""Push messages to a customer's registered devices."""

from __future__ import annotations

from typing import Protocol


class Push(Protocol):
    """Port to the push service."""

    def send(self, *, customer_id: str, title: str, text: str, key: str) -> int:
        """Push to every device of a customer; return how many accepted; idempotent by `key`."""
        ...
