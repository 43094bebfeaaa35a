"""Text messages out, and replies in (MO)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from dojang.ports.writing import plain_phone

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Inbound:
    """A message a handset sent to the bank's short code."""

    id: str
    sender: str  #: digits only
    text: str
    at: datetime

    def __post_init__(self) -> None:
        """Bring the sender's number into its plain writing: networks tell it with or without ``+82``."""
        object.__setattr__(self, "sender", plain_phone(self.sender))


class Sms(Protocol):
    """Port to the message centre."""

    def send(self, *, number: str, text: str, key: str) -> None:
        """Send a text; idempotent by `key`."""
        ...

    def inbound(
        self, *, since: datetime, sender: str | None = None, text: str | None = None
    ) -> tuple[Inbound, ...]:
        """Messages received since a moment whose sender *or* text matches, newest first.

        A text matches when the number it begins with (`dojang.ports.writing.reply_number`) is `text`.
        """
        ...
