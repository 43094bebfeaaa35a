"""Background work of the wallet. Jobs carry a row's id and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from procrastinate import RetryDecision, RetryStrategy
from procrastinate.contrib.django import app

from dojang.guard.rounds import tend
from dojang.pki.errors import DojangError
from dojang.wallet.devices.actions import parcels, pushing

if TYPE_CHECKING:
    from procrastinate import JobContext
    from procrastinate.jobs import Job


class Patience(RetryStrategy):
    """Growing pauses, and never sooner than the push service asked (``Retry-After``, RFC 9110 §10.2.3)."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """Say when to try again; None after the last try."""
        if self.max_attempts and job.attempts >= self.max_attempts:
            return None
        asked = exception.data.get("retry_after", 0) if isinstance(exception, DojangError) else 0
        return RetryDecision(
            retry_in={"seconds": max(int(asked), self.exponential_wait ** (job.attempts + 1))}
        )


@app.task(
    name="wallet.deliver_push",
    queue="notices",
    pass_context=True,
    retry=Patience(max_attempts=pushing.MAX_ATTEMPTS - 1, exponential_wait=3),
)
def deliver_push(context: JobContext, message_id: str) -> None:
    """Hand one push message over; a failure is tried again with growing pauses."""
    pushing.deliver_message(message_id, world=context.additional_context["world"])


@app.periodic(cron="*/10 * * * *")
@app.task(name="wallet.clear_away", queue="upkeep", pass_context=True)
def clear_away(context: JobContext, timestamp: int = 0) -> None:
    """Delete parcels and push messages that are over."""
    del timestamp
    world = context.additional_context["world"]
    tend(
        "wallet.clear_away",
        {
            "parcels": lambda: parcels.forget_parcels(world=world),
            "messages": lambda: pushing.forget_messages(world=world),
        },
        world=world,
    )
