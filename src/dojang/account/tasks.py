"""Background work of this room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from procrastinate.contrib.django import app

from dojang.account.browsers.actions import clear_browsers
from dojang.account.challenges import clear_old

if TYPE_CHECKING:
    from procrastinate import JobContext


@app.periodic(cron="17 * * * *")
@app.task(
    name="account.clear_challenges",
    aliases=["rp.clear_challenges"],
    queue="upkeep",
    pass_context=True,
)
def clear_challenges(context: JobContext, timestamp: int = 0) -> None:
    """Clear challenges nobody can answer any more away, and browsers nobody has used for long."""
    del timestamp
    clear_old(world=context.additional_context["world"])
    clear_browsers(world=context.additional_context["world"])
