"""Lifting a brake: an operator who knows what happened lets somebody enter at full speed again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from dojang.audit.actions import record_event
from dojang.guard import budgets

if TYPE_CHECKING:
    from dojang.ports.acting import Acting
    from dojang.ports.world import World


def lift_brake(source: str | None, *, acting: Acting, world: World) -> int:
    """Forget today's wrong entries of an address (None: of everybody together); return how many counts."""
    now = world.clock.now()
    with transaction.atomic():
        lifted = budgets.begin_afresh(source, now=now)
        record_event(
            "brake:lifted", acting=acting, subject=source or budgets.EVERYBODY, at=now, counts=lifted
        )
    return lifted
