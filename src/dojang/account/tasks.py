"""Background work of this room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from procrastinate.contrib.django import app

from dojang.account.browsers.actions import clear_browsers
from dojang.guard.rounds import tend

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
    """Clear browsers away that nobody has used for long."""
    del timestamp
    world = context.additional_context["world"]
    tend("account.clear_browsers", {"browsers": lambda: clear_browsers(world=world)}, world=world)
