"""Background work of the certification authority. Every job may run twice, also in parallel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from dojang.ca import actions
from dojang.guard.rounds import tend
from dojang.ports.acting import job

if TYPE_CHECKING:
    from procrastinate import JobContext

#: What a worker does once when it starts, in this order.
AT_START: Final = ("ca.renew_ocsp_responders", "ca.refresh_ocsp_answers", "ca.publish_crls")


@app.periodic(cron="* * * * *", periodic_id="each-minute")
@app.task(
    name="ca.publish_crls",
    aliases=["ra.publish_crls"],
    queue="status",
    pass_context=True,
    retry=RetryStrategy(max_attempts=5, exponential_wait=2),
)
def publish_crls(context: JobContext, timestamp: int = 0) -> None:
    """Publish the lists that are due: soon after a revocation, and by the clock."""
    del timestamp
    world = context.additional_context["world"]
    tend(
        "ca.publish_crls",
        {"lists": lambda: actions.publish_crls(acting=job("publish_crls"), world=world)},
        world=world,
    )


@app.periodic(cron="* * * * *")
@app.task(
    name="ca.refresh_ocsp_answers", aliases=["ra.refresh_ocsp_answers"], queue="status", pass_context=True
)
def refresh_ocsp_answers(context: JobContext, timestamp: int = 0) -> None:
    """Sign status answers ahead of their end."""
    del timestamp
    world = context.additional_context["world"]
    tend(
        "ca.refresh_ocsp_answers",
        {"answers": lambda: actions.refresh_ocsp_answers(acting=job("refresh_ocsp_answers"), world=world)},
        world=world,
    )


@app.periodic(cron="*/5 * * * *")
@app.task(
    name="ca.renew_ocsp_responders", aliases=["ra.renew_ocsp_responders"], queue="status", pass_context=True
)
def renew_ocsp_responders(context: JobContext, timestamp: int = 0) -> None:
    """Let every OCSP responder that ends soon be followed by the next."""
    del timestamp
    world = context.additional_context["world"]
    tend(
        "ca.renew_ocsp_responders",
        {
            "responders": lambda: actions.renew_ocsp_responders(
                acting=job("renew_ocsp_responders"), world=world
            )
        },
        world=world,
    )
