"""Challenges: fresh bytes to be signed, good for one purpose, once, for a short time; all by this one way.

A challenge may be bound further: to a *subject* (the key that is to answer), to an *origin*, and to a
*browser*, by a secret that browser alone was given. Taking one spends it, before anything is verified, and
what does not fit it does not spend it. Two forms of what is signed: `octets`, 32 random ones, for keys that
sign nothing else; `text`, which names purpose and origin and begins with a mark, for keys that do.
"""

from __future__ import annotations

import hmac
import json
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from dojang.guard.models import Challenge
from dojang.guard.rounds import delete_each
from dojang.guard.sealing import digest_of
from dojang.ports.trail import moment_text

if TYPE_CHECKING:
    from datetime import datetime

OCTETS: Final = 32
UNKNOWN: Final = "unknown"
LATE: Final = "late"
_LONGEST: Final = 200
_KEPT_FOR: Final = timedelta(hours=1)
_MARK: Final = b"dojang challenge\0"  # keeps these bytes apart from anything else a key may sign


@dataclass(frozen=True, slots=True)
class Asked:
    """A challenge as it is handed out: `body` is what is signed, `secret` stays in the browser's cookie."""

    id: str
    body: bytes
    secret: str = field(repr=False)
    until: datetime


@dataclass(frozen=True, slots=True)
class Taken:
    """A challenge taken for its one use, or why it was `refused`: ``unknown``, or ``late`` (used or over)."""

    id: str = ""
    body: bytes = b""
    subject: str = ""
    refused: str = ""


def ask_text(purpose: str, *, origin: str, life: timedelta, now: datetime) -> Asked:
    """Make a challenge for whoever has the secret that comes with it, at one origin."""
    secret = secrets.token_urlsafe(32)
    text = {
        "at": moment_text(now),
        "nonce": secrets.token_hex(OCTETS),
        "origin": origin,
        "purpose": purpose,
    }
    body = _MARK + json.dumps(text, sort_keys=True, separators=(",", ":")).encode()
    row = Challenge.objects.create(
        id=secrets.token_hex(16),
        purpose=purpose,
        origin=origin,
        browser=digest_of(secret),
        body=body,
        made_at=now,
        until=now + life,
    )
    return Asked(row.id, body, secret, row.until)


def ask_octets(purpose: str, *, subject: str, key: str, life: timedelta, now: datetime) -> Asked | None:
    """Make a challenge for one key; the same idempotency `key` gives the same one.

    None when that `key` was used for another purpose or subject.
    """
    row, _made = Challenge.objects.get_or_create(
        key=key[:_LONGEST],
        defaults={
            "id": secrets.token_hex(16),
            "purpose": purpose[:_LONGEST],
            "subject": subject,
            "body": secrets.token_bytes(OCTETS),
            "made_at": now,
            "until": now + life,
        },
    )
    if (row.subject, row.purpose) != (subject, purpose[:_LONGEST]):
        return None
    return Asked(row.id, bytes(row.body), "", row.until)


def take_challenge(
    challenge_id: str, *, purpose: str | None, origin: str = "", secret: str = "", now: datetime
) -> Taken:
    """Take a challenge for its one use. Inside a transaction that is committed before anything is verified.

    `purpose` of None takes any; `origin` and `secret` must be those it was made with. What is ``late`` still
    says whose it was.
    """
    row = Challenge.objects.select_for_update().filter(id=challenge_id).first()
    if row is None or purpose not in {None, row.purpose} or row.origin != origin:
        return Taken(refused=UNKNOWN)
    if row.browser and not hmac.compare_digest(row.browser, digest_of(secret)):
        return Taken(refused=UNKNOWN)
    if row.used_at is not None or not row.made_at <= now < row.until:
        return Taken(row.id, subject=row.subject, refused=LATE)
    row.used_at = now
    row.save(update_fields=["used_at"])
    return Taken(row.id, bytes(row.body), row.subject)


def forget_challenges(*, now: datetime, limit: int = 10_000) -> int:
    """Delete challenges that have been over for an hour; return how many."""
    old = Challenge.objects.filter(until__lt=now - _KEPT_FOR)
    return delete_each("guard.clear_away.challenges", old, now=now, limit=limit)
