"""Background work of this room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from dojang.account.browsers.actions import clear_browsers
from dojang.account.connecting import actions as connecting
from dojang.guard.rounds import tend
from dojang.ports.acting import Acting

if TYPE_CHECKING:
    from procrastinate import JobContext


@app.periodic(cron="17 * * * *")
@app.task(
    name="account.clear_browsers",
    aliases=["account.clear_challenges", "rp.clear_challenges"],
    queue="upkeep",
    pass_context=True,
)
def forget_browsers(context: JobContext, timestamp: int = 0) -> None:
    """Clear browsers away that nobody has used for long, and what was not connected."""
    del timestamp
    world = context.additional_context["world"]
    tend(
        "account.clear_browsers",
        {
            "browsers": lambda: clear_browsers(world=world),
            "connecting": lambda: connecting.clear_connecting(world=world),
        },
        world=world,
    )


@app.task(
    name="account.ask_telephone",
    queue="notices",
    priority=10,
    pass_context=True,
    retry=RetryStrategy(max_attempts=3, wait=5),
)
def ask_telephone(context: JobContext, connecting_id: str) -> None:
    """Ring the telephone, or ask its app, for a browser that is to be connected."""
    acting = Acting(kind="system", id="ask_telephone", channel="job")
    connecting.ask_telephone(connecting_id, acting=acting, world=context.additional_context["world"])
