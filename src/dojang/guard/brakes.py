"""Brakes: what happens where a budget is used up. They slow, they do not close.

Whoever asks from a network with too many wrong entries shows work (a number whose hash begins with so many
zero bits, found by the visitor's own machine, no third party) or waits. The work costs an honest visitor
seconds and a guesser all of his machines; the wait is one turn for a network in so many seconds, for whoever
cannot compute. Both grow with what was overrun, to a bound, and both end with the day.

A challenge is nothing that is stored: moment, difficulty and salt under a key of ours, bound to the network.
What solved one is noted, so that it serves once.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction

from dojang.guard import budgets, counters
from dojang.guard.budgets import Budget
from dojang.guard.models import Attempt, Challenge, FactorCounter
from dojang.guard.networks import network_of
from dojang.guard.sealing import sealer
from dojang.ports.limits import Limit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from dojang.ports.acting import Acting

#: Zero bits wanted at the limit, and at most. 16 are some 65,000 hashes: a fraction of a second.
FIRST_BITS: Final = 16
MOST_BITS: Final = 20
#: Seconds between two turns without work, at the limit and at most.
FIRST_WAIT: Final = 5
LONGEST_WAIT: Final = 60
#: How long a challenge may be worked at.
CHALLENGE_LIFE: Final = timedelta(minutes=10)
_TURN: Final = "brake_turn"
_PURPOSE: Final = "work"
_SHOWN: Final = re.compile(r"(([0-9]{1,12})\.([0-9]{1,2})\.([0-9a-f]{16}))\.([0-9a-f]{32})\.([0-9]{1,12})")


@dataclass(frozen=True, slots=True)
class Brake:
    """What is asked of a visitor now: work (a challenge with so many bits), or waiting so many seconds."""

    bits: int
    wait: int
    challenge: str

    @property
    def told(self) -> dict[str, Any]:
        """What a client is told."""
        return {"challenge": self.challenge, "bits": self.bits, "wait": self.wait}


def brake_on(bounded: Sequence[Budget], *, acting: Acting, now: datetime) -> Brake | None:
    """Tell what would be asked of this visitor now; None when the brake is off. Changes nothing."""
    level = budgets.overrun(bounded, now=now)
    return _brake(level, acting=acting, now=now) if level else None


def pass_brake(bounded: Sequence[Budget], *, acting: Acting, now: datetime) -> Brake | None:
    """Let a visitor pass (None), or say what has to be done first.

    Takes what was brought: a proof serves once, and a turn is nobody else's. Who does not pass has used up
    nothing.
    """
    level = budgets.overrun(bounded, now=now)
    if not level or _has_worked(acting, level=level, now=now) or _takes_turn(acting, level=level, now=now):
        return None
    return _brake(level, acting=acting, now=now)


def _bits(level: int) -> int:
    return min(MOST_BITS, FIRST_BITS + level - 1)


def _wait(level: int) -> int:
    return min(LONGEST_WAIT, FIRST_WAIT << min(level - 1, 4))


def _brake(level: int, *, acting: Acting, now: datetime) -> Brake:
    head = f"{int(now.timestamp())}.{_bits(level)}.{secrets.token_hex(8)}"
    wait = max(1, _until_turn(acting, seconds=_wait(level), now=now))
    return Brake(_bits(level), wait, f"{head}.{_mark(head, acting)}")


def _mark(head: str, acting: Acting) -> str:
    return sealer().blind_index("brake.work", f"{network_of(acting.source)}|{head}").hex()[:32]


def zero_bits(text: str) -> int:
    """Count the zero bits the SHA-256 of a text begins with."""
    return 256 - int.from_bytes(hashlib.sha256(text.encode()).digest(), "big").bit_length()


def _has_worked(acting: Acting, *, level: int, now: datetime) -> bool:
    """Accept a proof once: of this network, not old, and as hard as it says."""
    shown = _SHOWN.fullmatch(acting.work)
    if shown is None:
        return False
    head, begun, bits, _, mark, _ = shown.groups()
    age = now.timestamp() - int(begun)
    if not hmac.compare_digest(mark, _mark(head, acting)) or not 0 <= age <= CHALLENGE_LIFE.total_seconds():
        return False
    # The level may have risen while it was worked at: it was asked for so much, and gave it.
    if int(bits) < min(FIRST_BITS, _bits(level)) or zero_bits(acting.work) < int(bits):
        return False
    return _is_first(f"{head}.{mark}", now=now)


def _is_first(challenge: str, *, now: datetime) -> bool:
    key = f"{_PURPOSE}:{hashlib.sha256(challenge.encode()).hexdigest()}"
    row = secrets.token_hex(16)
    spent = Challenge(
        id=row, key=key, purpose=_PURPOSE, body=b"", made_at=now, until=now + CHALLENGE_LIFE, used_at=now
    )
    with transaction.atomic():
        Challenge.objects.bulk_create([spent], ignore_conflicts=True)
    return Challenge.objects.filter(key=key, id=row).exists()


def _turn(acting: Acting, seconds: int) -> Budget:
    return Budget(_TURN, network_of(acting.source), Limit(1, seconds))


def _takes_turn(acting: Acting, *, level: int, now: datetime) -> bool:
    """Take the network's next turn, if it has waited for one. Exact under parallel requests.

    Who was never told to wait begins to wait: else a fresh address would be a free try.
    """
    waited_since = _newest_turn(acting)
    if not _begin_wait(acting, level=level, now=now) or waited_since is None:
        return False
    return now - waited_since <= CHALLENGE_LIFE


def _begin_wait(acting: Acting, *, level: int, now: datetime) -> bool:
    """Let a network wait from now on, unless it waits already; tell whether it does not."""
    with transaction.atomic():
        taken = budgets.take([_turn(acting, _wait(level))], now=now)
        if taken is None:
            return False
        budgets.keep(taken, now=now)
    return True


def _newest_turn(acting: Acting) -> datetime | None:
    tally = _turn(acting, FIRST_WAIT).tally
    turns = Attempt.objects.filter(counter__factor=tally.factor, counter__subject=tally.index)
    return turns.order_by("-id").values_list("at", flat=True).first()


def _until_turn(acting: Acting, *, seconds: int, now: datetime) -> int:
    """Return in how many seconds the network's next turn is."""
    newest = _newest_turn(acting)
    return seconds if newest is None else math.ceil(seconds - (now - newest).total_seconds())


def spend_wrong(bounded: Sequence[Budget], *, acting: Acting, now: datetime) -> tuple[str, ...]:
    """Spend a wrong entry; from a used up budget on, the next one waits. Inside a transaction.

    Returns the names of the budgets that were used up by it just now.
    """
    ended = budgets.spend(bounded, now=now)
    wait_from_now(bounded, acting=acting, now=now)
    return ended


def wait_from_now(bounded: Sequence[Budget], *, acting: Acting, now: datetime) -> None:
    """Let a network wait for its next turn, if one of its budgets is used up."""
    level = budgets.overrun(bounded, now=now)
    if level:
        _begin_wait(acting, level=level, now=now)


# ------------------------------------------------------------------------------------------ for people


@dataclass(frozen=True, slots=True)
class BrakeView:
    """One budget that is used up. Networks are known by their index alone: only everybody's has a name."""

    name: str
    errors: int
    limit: int
    since: datetime


def brakes_now(*, now: datetime) -> list[BrakeView]:
    """Return the budgets of wrong entries that are used up today, the most overrun first."""
    rows = FactorCounter.objects.filter(factor__in=budgets.BRAKED, errors__gt=0).order_by("-errors", "id")
    return [
        BrakeView(row.factor, row.errors, row.limit, row.window_start)
        for row in rows[:1000]
        if row.errors >= row.limit and not counters.is_over(row, now=now)
    ]
