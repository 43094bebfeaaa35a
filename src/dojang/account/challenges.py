"""What somebody is asked to sign at a log-in: a challenge bound to this origin and this browser."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import transaction

from dojang.account.errors import ChallengeUnknownError
from dojang.guard.challenges import Asked, Taken, ask_text, take_challenge

if TYPE_CHECKING:
    from dojang.ports.world import World

LIFE: Final = timedelta(minutes=3)


def sha256(body: bytes) -> bytes:
    """Digest of what is signed, as the wallet takes it."""
    return hashlib.sha256(body).digest()


def ask(purpose: str, *, origin: str, world: World) -> Asked:
    """Make a challenge and keep it."""
    return ask_text(purpose, origin=origin, life=LIFE, now=world.clock.now())


def spend(challenge_id: str, secret: str, *, purpose: str, origin: str, world: World) -> Taken:
    """Take a challenge for its one use, before anything is verified; committed at once.

    Raises `ChallengeUnknownError` when it is another browser's, purpose's or origin's, used or late.
    """
    with transaction.atomic():
        taken = take_challenge(
            challenge_id, purpose=purpose, origin=origin, secret=secret, now=world.clock.now()
        )
    if taken.refused:
        raise ChallengeUnknownError
    return taken
