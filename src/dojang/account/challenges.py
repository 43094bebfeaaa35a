"""Challenges: bytes to be signed, good for one origin, one purpose, one browser and one time."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import transaction

from dojang.account.errors import ChallengeUnknownError
from dojang.account.models import Challenge
from dojang.ports.trail import moment_text

if TYPE_CHECKING:
    from datetime import datetime

    from dojang.ports.world import World

LIFE: Final = timedelta(minutes=3)
_NONCE: Final = 32
_MARK: Final = b"dojang challenge\0"  # keeps these bytes apart from anything else a key may sign


@dataclass(frozen=True, slots=True)
class Asked:
    """A challenge as the browser gets it: `secret` stays in its cookie, `body` is what is signed."""

    id: str
    body: bytes
    secret: str = field(repr=False)
    until: datetime


def digest_of(token: str) -> str:
    """Return a bearer token as it is stored."""
    return hashlib.sha256(token.encode()).hexdigest()


def sha256(body: bytes) -> bytes:
    """Digest of what is signed, as the wallet takes it."""
    return hashlib.sha256(body).digest()


def ask(purpose: str, *, origin: str, world: World) -> Asked:
    """Make a challenge and keep it."""
    now, secret = world.clock.now(), secrets.token_urlsafe(32)
    text = {
        "at": moment_text(now),
        "nonce": secrets.token_hex(_NONCE),
        "origin": origin,
        "purpose": purpose,
    }
    body = _MARK + json.dumps(text, sort_keys=True, separators=(",", ":")).encode()
    row = Challenge.objects.create(
        purpose=purpose, origin=origin, browser=digest_of(secret), body=body, made_at=now, until=now + LIFE
    )
    return Asked(str(row.id), body, secret, row.until)


def spend(challenge_id: str, secret: str, *, purpose: str, origin: str, world: World) -> Challenge:
    """Take a challenge for its one use, before anything is verified; committed at once.

    Raises `ChallengeUnknownError` when it is another browser's, purpose's or origin's, used or late.
    """
    now = world.clock.now()
    try:
        uuid.UUID(challenge_id)
    except ValueError as error:
        raise ChallengeUnknownError from error
    with transaction.atomic():
        row = Challenge.objects.select_for_update().filter(id=challenge_id).first()
        fits = (
            row is not None
            and hmac.compare_digest(row.browser, digest_of(secret))
            and (row.purpose, row.origin) == (purpose, origin)
            and row.used_at is None
            and row.made_at <= now < row.until
        )
        if row is None or not fits:
            raise ChallengeUnknownError
        row.used_at = now
        row.save(update_fields=["used_at"])
    return row


def clear_old(*, world: World, keep: timedelta = timedelta(days=1)) -> int:
    """Delete challenges nobody can use any more; return how many."""
    return Challenge.objects.filter(until__lt=world.clock.now() - keep).delete()[0]
