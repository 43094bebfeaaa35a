"""Somebody else's certificate, truly proven where a customer is logged in: both persons are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from dojang.audit.actions import record_event
from dojang.notices import foreign
from dojang.notices.letters import Letters, gather
from dojang.pki.day import day_of

if TYPE_CHECKING:
    from dojang.ca.queries import CertificateView
    from dojang.ports.acting import Acting
    from dojang.ports.world import World

EVIDENCE = "certificate"


def warn_of_foreign(view: CertificateView, *, offered_for: str, acting: Acting, world: World) -> None:
    """Tell both, once a day; its key has signed, so it is in whoever's hands is logged in."""
    letters = Letters(gather([offered_for, view.customer_id], world=world))
    day = day_of(world.clock.now()).isoformat()
    told = foreign.warn_both(
        letters,
        EVIDENCE,
        offered_for=offered_for,
        owners=[view.customer_id],
        door=foreign.PROVING,
        key=f"proof:{view.serial}:{offered_for}:{day}",
    )
    with transaction.atomic():
        letters.write(acting=acting, world=world)
        record_event(
            "evidence:foreign",
            acting=acting,
            subject=offered_for,
            at=world.clock.now(),
            evidence=EVIDENCE,
            customer=offered_for,
            owners=[view.customer_id],
            told=list(told),
        )
