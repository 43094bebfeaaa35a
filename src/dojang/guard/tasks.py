"""Background work of this room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from procrastinate.contrib.django import app

from dojang.guard.challenges import forget_challenges
from dojang.guard.counters import forget_attempts
from dojang.guard.rounds import forget_set_aside, tend

if TYPE_CHECKING:
    from procrastinate import JobContext


@app.periodic(cron="*/10 * * * *")
@app.task(name="guard.clear_away", queue="upkeep", pass_context=True)
def clear_away(context: JobContext, timestamp: int = 0) -> None:
    """Delete challenges that are over, and attempts nobody asks about any more."""
    del timestamp
    world = context.additional_context["world"]
    now = world.clock.now()
    tend(
        "guard.clear_away",
        {
            "challenges": lambda: forget_challenges(now=now),
            "attempts": lambda: forget_attempts(now=now),
            "set_aside": lambda: forget_set_aside(now=now),
        },
        world=world,
    )
