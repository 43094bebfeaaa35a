"""Background work of the notices room. Jobs carry the notice's id and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from dojang.guard.rounds import tend
from dojang.notices import actions
from dojang.notices.actions import expiry
from dojang.ports.acting import Acting

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


@app.task(
    name="notices.tell_expiry",
    queue="notices",
    pass_context=True,
    retry=RetryStrategy(max_attempts=actions.MAX_ATTEMPTS, exponential_wait=3),
)
def tell_expiry(context: JobContext, expiry_id: int) -> None:
    """Tell one holder that a certificate ends."""
    acting = Acting(kind="system", id="tell_expiry", channel="job")
    expiry.tell_one(expiry_id, acting=acting, world=context.additional_context["world"])


@app.periodic(cron="0 0 * * *")  # nine in the morning in Korea
@app.task(name="notices.look_for_expiry", queue="upkeep", pass_context=True, lock="notices.look_for_expiry")
def look_for_expiry(context: JobContext, timestamp: int = 0) -> None:
    """Find the certificates that end soon, once a day. A second look on the same day finds nothing new."""
    del timestamp
    acting = Acting(kind="system", id="look_for_expiry", channel="job")
    world = context.additional_context["world"]
    tend("notices.look_for_expiry", {"all": lambda: expiry.look(acting=acting, world=world)}, world=world)
