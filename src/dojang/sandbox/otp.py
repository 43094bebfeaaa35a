"""One-time passwords as a token shows them: RFC 6238 with HMAC-SHA-256, six digits, a new one each minute."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

STEP = 60  #: seconds a value is shown
DIGITS = 6
WINDOW = 1  #: steps before and after the present one that are accepted, for tokens that drift


def step_of(moment: datetime) -> int:
    """Return the number of the step a moment lies in, counted from the Unix epoch."""
    return int(moment.timestamp()) // STEP


def code_at(secret: bytes, step: int) -> str:
    """Return the six digits shown during a step (RFC 4226 §5.3 truncation)."""
    digest = hmac.digest(secret, step.to_bytes(8, "big"), hashlib.sha256)
    place = digest[-1] & 0x0F
    number = int.from_bytes(digest[place : place + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def matching_step(secret: bytes, code: str, now: datetime) -> int | None:
    """Return the newest accepted step whose value is `code`, or None. Looks at every step always."""
    present = step_of(now)
    found: int | None = None
    for step in range(present - WINDOW, present + WINDOW + 1):
        if hmac.compare_digest(code_at(secret, step).encode(), code.encode()):
            found = step
    return found
