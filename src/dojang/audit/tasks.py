"""Background work of the audit trail. Every job may run twice, also in parallel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from procrastinate.contrib.django import app

from dojang.audit.actions import anchor_heads
from dojang.guard.rounds import tend
from dojang.ports.acting import job

if TYPE_CHECKING:
    from procrastinate import JobContext


@app.periodic(cron="*/10 * * * *")
@app.task(name="audit.anchor_heads", aliases=["ra.anchor_audit"], queue="upkeep", pass_context=True)
def anchor_audit(context: JobContext, timestamp: int = 0) -> None:
    """Write the audit trail's heads into the signer's journal."""
    del timestamp
    world = context.additional_context["world"]
    tend(
        "audit.anchor_heads",
        {"heads": lambda: anchor_heads(acting=job("anchor_audit"), world=world)},
        world=world,
    )
