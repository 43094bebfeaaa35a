"""When a telephone is lost: its owner's certificates and devices are held, and the runs under way stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dojang.issuing import actions as issuing
from dojang.ra.actions import finish
from dojang.ra.models import Run

if TYPE_CHECKING:
    from collections.abc import Callable

    from dojang.issuing.actions import Held
    from dojang.ports.acting import Acting
    from dojang.ports.world import World


def hold_everything(
    customer_id: str, *, acting: Acting, world: World, within: Callable[[], None] = lambda: None
) -> Held:
    """Suspend every certificate of a customer, block the devices, stop the runs; tell every channel.

    A repeat holds what is left to hold, and tells only when there was something. `within` is what a room
    above ends in the same transaction.
    """

    def stop_runs() -> int:
        within()
        rows = Run.objects.select_for_update().filter(customer_id=customer_id, state=Run.State.OPEN)
        stopped = list(rows.order_by("id"))
        for run in stopped:
            finish.end_run(run, Run.State.CANCELLED, "held", acting=acting, world=world)
        return len(stopped)

    return issuing.hold_everything(customer_id, acting=acting, world=world, within=stop_runs)
