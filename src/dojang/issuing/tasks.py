"""Background work of issuing. Every job may run twice, also in parallel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from dojang.guard.rounds import tend
from dojang.issuing import actions
from dojang.ports.acting import job

if TYPE_CHECKING:
    from procrastinate import JobContext

#: What a worker does once when it starts.
AT_START: Final = ("issuing.reconcile",)


@app.periodic(cron="* * * * *")
@app.task(
    name="issuing.reconcile",
    aliases=["ra.reconcile"],
    queue="upkeep",
    pass_context=True,
    lock="issuing.reconcile",
)
def reconcile(context: JobContext, timestamp: int = 0) -> None:
    """Take up what a crash left: orders, intents, retired keys, notices. Each minute, and at start."""
    del timestamp
    world = context.additional_context["world"]
    tend(
        "issuing.reconcile",
        {"all": lambda: actions.reconcile(acting=job("reconcile"), world=world)},
        world=world,
    )


@app.task(
    name="issuing.suspend_left",
    aliases=["ra.suspend_left"],
    queue="status",
    pass_context=True,
    retry=RetryStrategy(max_attempts=20, exponential_wait=2),
)
def suspend_left(context: JobContext, customer_id: str) -> None:
    """Finish holding everything of a customer, should whoever began it have died."""
    actions.suspend_left(customer_id, acting=job("suspend_left"), world=context.additional_context["world"])


@app.periodic(cron="13 * * * *")
@app.task(name="issuing.end_long_holds", aliases=["ra.end_long_holds"], queue="upkeep", pass_context=True)
def end_long_holds(context: JobContext, timestamp: int = 0) -> None:
    """Revoke what has been suspended for six months."""
    del timestamp
    world = context.additional_context["world"]
    tend(
        "issuing.end_long_holds",
        {"holds": lambda: actions.end_long_holds(acting=job("end_long_holds"), world=world)},
        world=world,
    )
