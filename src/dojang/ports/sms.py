"""Text messages out, and replies in (MO)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Inbound:
    """A message a handset sent to the bank's short code."""

    id: str
    sender: str  #: digits only
    text: str
    at: datetime


class Sms(Protocol):
    """Port to the message centre."""

    def send(self, *, number: str, text: str, key: str) -> None:
        """Send a text; idempotent by `key`."""
        ...

    def inbound(
        self, *, since: datetime, sender: str | None = None, text: str | None = None
    ) -> tuple[Inbound, ...]:
        """Messages received since a moment whose sender *or* text matches, newest first."""
        ...
