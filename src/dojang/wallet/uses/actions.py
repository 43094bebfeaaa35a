"""Writing down that a certificate was used, or refused: a row for its holder, an event for the trail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction

from dojang.audit.actions import record_event
from dojang.wallet.uses.models import Use

if TYPE_CHECKING:
    from dojang.ca.queries import CertificateView
    from dojang.ports.acting import Acting
    from dojang.ports.world import World


@dataclass(frozen=True, slots=True)
class UnrecordedUse:
    """A use that is still to be recorded. Of its purpose the part before a colon is told."""

    view: CertificateView
    purpose: str
    challenge_id: str


def record_use(use: UnrecordedUse, outcome: str, *, acting: Acting, world: World) -> None:
    """Write one use down, inside the caller's transaction."""
    purpose = use.purpose.partition(":")[0]
    Use.objects.create(
        customer_id=use.view.customer_id,
        certificate_id=use.view.id,
        purpose=purpose,
        outcome=outcome,
        origin=acting.origin[:200],
        channel=acting.channel,
        source=acting.source[:45],
        agent=acting.agent[:80],
        challenge_id=use.challenge_id,
        at=world.clock.now(),
    )
    record_event(
        "certificate:used" if outcome == "accepted" else "certificate:use_refused",
        acting=acting,
        subject=use.view.serial,
        purpose=purpose,
        outcome=outcome,
        challenge=use.challenge_id,
    )


def record_refused(use: UnrecordedUse, outcome: str, *, acting: Acting, world: World) -> None:
    """Write a refusal down on its own: nothing else happens with it."""
    with transaction.atomic():
        record_use(use, outcome, acting=acting, world=world)
