"""Background work of this room and those below. Every job may run twice, also in parallel.

The World comes from the worker (``additional_context["world"]``). Each task is also a plain function of this
room or the authority's, so that tests and the command line call it without a worker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from dojang.audit.actions import anchor_heads
from dojang.ca import actions as ca
from dojang.ports.acting import Acting
from dojang.ra import holding, steps, upkeep

if TYPE_CHECKING:
    from procrastinate import JobContext

    from dojang.ports.world import World

#: What a worker should run once when it starts, besides the timetable below.
AT_START: Final = (
    "ra.renew_ocsp_responders",
    "ra.reconcile",
    "ra.refresh_ocsp_answers",
    "ra.publish_crls",
    "ra.expire_runs",
)


def _world(context: JobContext) -> World:
    world: World = context.additional_context["world"]
    return world


def job(name: str) -> Acting:
    """Return who is acting when a job runs."""
    return Acting(kind="system", id=name, channel="job")


@app.periodic(cron="* * * * *")
@app.task(name="ra.reconcile", queue="upkeep", pass_context=True, lock="ra.reconcile")
def reconcile(context: JobContext, timestamp: int = 0) -> None:
    """Take up what a crash left: issuing runs, intents, prepared keys, notices. Each minute, and at start."""
    del timestamp
    upkeep.reconcile(acting=job("reconcile"), world=_world(context))


@app.periodic(cron="* * * * *")
@app.task(name="ra.expire_runs", queue="upkeep", pass_context=True)
def expire_runs(context: JobContext, timestamp: int = 0) -> None:
    """End runs whose time has run out."""
    del timestamp
    upkeep.expire_runs(acting=job("expire_runs"), world=_world(context))


@app.task(
    name="ra.dispatch",
    queue="notices",
    priority=10,
    pass_context=True,
    retry=RetryStrategy(max_attempts=4, wait=2),
)
def dispatch(context: JobContext, run_id: str, step: str, visit: int, what: str) -> None:
    """Do what a step of a run left to be done, such as sending a code. Its arguments hold no secret."""
    steps.dispatch_step(run_id, step, visit, what, acting=job("dispatch"), world=_world(context))


@app.task(
    name="ra.suspend_left",
    queue="status",
    pass_context=True,
    retry=RetryStrategy(max_attempts=20, exponential_wait=2),
)
def suspend_left(context: JobContext, customer_id: str) -> None:
    """Finish holding everything of a customer, should whoever began it have died."""
    holding.suspend_left(customer_id, acting=job("suspend_left"), world=_world(context))


@app.periodic(cron="13 * * * *")
@app.task(name="ra.end_long_holds", queue="upkeep", pass_context=True)
def end_long_holds(context: JobContext, timestamp: int = 0) -> None:
    """Revoke what has been suspended for six months."""
    del timestamp
    upkeep.end_long_holds(acting=job("end_long_holds"), world=_world(context))


@app.periodic(cron="*/10 * * * *")
@app.task(name="ra.clear_away", queue="upkeep", pass_context=True)
def clear_away(context: JobContext, timestamp: int = 0) -> None:
    """Delete parcels, hand-off numbers and push messages that are over."""
    del timestamp
    upkeep.clear_away(world=_world(context))


@app.periodic(cron="* * * * *", periodic_id="each-minute")
@app.task(
    name="ra.publish_crls",
    queue="status",
    pass_context=True,
    retry=RetryStrategy(max_attempts=5, exponential_wait=2),
)
def publish_crls(context: JobContext, timestamp: int = 0) -> None:
    """Publish the lists that are due: soon after a revocation, and by the clock."""
    del timestamp
    ca.publish_crls(acting=job("publish_crls"), world=_world(context))


@app.periodic(cron="* * * * *")
@app.task(name="ra.refresh_ocsp_answers", queue="status", pass_context=True)
def refresh_ocsp_answers(context: JobContext, timestamp: int = 0) -> None:
    """Sign status answers ahead of their end."""
    del timestamp
    ca.refresh_ocsp_answers(acting=job("refresh_ocsp_answers"), world=_world(context))


@app.periodic(cron="*/5 * * * *")
@app.task(name="ra.renew_ocsp_responders", queue="status", pass_context=True)
def renew_ocsp_responders(context: JobContext, timestamp: int = 0) -> None:
    """Let every OCSP responder that ends soon be followed by the next."""
    del timestamp
    ca.renew_ocsp_responders(acting=job("renew_ocsp_responders"), world=_world(context))


@app.periodic(cron="*/10 * * * *")
@app.task(name="ra.anchor_audit", queue="upkeep", pass_context=True)
def anchor_audit(context: JobContext, timestamp: int = 0) -> None:
    """Write the audit trail's heads into the signer's journal."""
    del timestamp
    anchor_heads(acting=job("anchor_audit"), world=_world(context))
