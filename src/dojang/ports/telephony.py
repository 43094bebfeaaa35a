"""Outbound calls (ARS): the bank rings, the customer keys in the number on the screen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Call:
    """State of one call.

    `state`: ``dialing`` → ``ringing`` → ``answered`` → ``approved`` | ``wrong_code`` | ``rejected`` |
    ``no_answer`` | ``busy`` | ``ended``. Only ``approved`` means the expected digits were keyed.
    """

    id: str
    state: str


class Telephony(Protocol):
    """Port to the telephone network."""

    def place_call(self, *, number: str, expect: str, announcement: str, locale: str, key: str) -> Call:
        """Ring `number`, speak the announcement, wait for `expect` on the keypad; idempotent by `key`."""
        ...

    def call(self, call_id: str) -> Call:
        """Present state of a call. Raises `TelephonyError` when the network cannot be asked."""
        ...

    def hang_up(self, call_id: str) -> None:
        """End a call that is no longer wanted."""
        ...
