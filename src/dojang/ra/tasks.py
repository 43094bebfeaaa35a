"""Background work of the registration authority. Every job may run twice, also in parallel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from dojang.guard.rounds import tend
from dojang.ports.acting import job
from dojang.ra.actions import handoff, steps, upkeep

if TYPE_CHECKING:
    from procrastinate import JobContext

#: What a worker does once when it starts.
AT_START: Final = ("ra.expire_runs",)


@app.periodic(cron="* * * * *")
@app.task(name="ra.expire_runs", queue="upkeep", pass_context=True)
def expire_runs(context: JobContext, timestamp: int = 0) -> None:
    """End runs whose time has run out."""
    del timestamp
    world = context.additional_context["world"]
    tend(
        "ra.expire_runs",
        {"runs": lambda: upkeep.expire_runs(acting=job("expire_runs"), world=world)},
        world=world,
    )


@app.periodic(cron="* * * * *")
@app.task(name="ra.discard_keys", queue="upkeep", pass_context=True)
def discard_keys(context: JobContext, timestamp: int = 0) -> None:
    """Give up keys that were made in runs which ended without an order."""
    del timestamp
    world = context.additional_context["world"]
    tend(
        "ra.discard_keys",
        {"keys": lambda: upkeep.discard_keys(acting=job("discard_keys"), world=world)},
        world=world,
    )


@app.task(
    name="ra.dispatch",
    queue="notices",
    priority=10,
    pass_context=True,
    retry=RetryStrategy(max_attempts=4, wait=2),
)
def dispatch(context: JobContext, run_id: str, step: str, visit: int, what: str) -> None:
    """Do what a step of a run left to be done, such as sending a code. Its arguments hold no secret."""
    world = context.additional_context["world"]
    steps.dispatch_step(run_id, step, visit, what, acting=job("dispatch"), world=world)


@app.periodic(cron="*/10 * * * *")
@app.task(name="ra.clear_away", queue="upkeep", pass_context=True)
def clear_away(context: JobContext, timestamp: int = 0) -> None:
    """Delete hand-off numbers that are over."""
    del timestamp
    world = context.additional_context["world"]
    tend("ra.clear_away", {"handoffs": lambda: handoff.forget_handoffs(world=world)}, world=world)
