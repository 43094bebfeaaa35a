"""Background work of the notices room. Jobs carry the notice's id and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from dojang.notices import actions

if TYPE_CHECKING:
    from procrastinate import JobContext


@app.task(
    name="notices.deliver_notice",
    queue="notices",
    pass_context=True,
    retry=RetryStrategy(max_attempts=actions.MAX_ATTEMPTS, exponential_wait=3),
)
def deliver_notice(context: JobContext, notice_id: str) -> None:
    """Send one notice; a failure is tried again with growing pauses."""
    actions.deliver(notice_id, world=context.additional_context["world"])
