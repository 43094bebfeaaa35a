"""After a crash: every order is finished or failed. Safe at any time, beside anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Q

from dojang.ca.actions import reconcile as reconcile_authority
from dojang.guard.rounds import Round, tend
from dojang.issuing.actions.carrying import BATCH, carry_out
from dojang.issuing.actions.tidying import tidy_up
from dojang.issuing.models import Order
from dojang.issuing.queries import is_stored
from dojang.notices.actions import deliver_waiting
from dojang.ports.signer_errors import SignerError
from dojang.wallet.keys.actions import tell_signer

if TYPE_CHECKING:
    from dojang.ca.actions import Reconciled
    from dojang.ports.acting import Acting
    from dojang.ports.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What one round did; `authority` is None when the signer could not be asked."""

    issuing: int = 0  #: orders under way that were taken up
    tidied: int = 0  #: done orders whose last errands were done
    told: int = 0  #: retired keys the signer was told about
    notices: int = 0  #: notices put back on the queue
    authority: Reconciled | None = None


def reconcile(*, acting: Acting, world: World, limit: int = 500) -> Kept:
    """Bring every unfinished order to its end. What the signer has to be asked for waits when it is away."""

    def carry() -> int:
        return _carry(acting=acting, world=world, limit=limit)

    def authority() -> Reconciled:
        # Orders above have confirmed what they could; what is still only issued belongs to no living order.
        return reconcile_authority(
            acting=acting,
            world=world,
            confirmed=lambda _certificate: False,
            waits=lambda certificate: is_stored(certificate.intent.order_key),
        )

    done = tend(
        "issuing.reconcile",
        {
            "issuing": carry,
            "authority": authority,
            "tidied": lambda: tidy_up(acting=acting, world=world, limit=limit),
            "told": lambda: tell_signer(world=world),
            "notices": lambda: deliver_waiting(world=world),
        },
        world=world,
        passing=(SignerError,),
    )
    return Kept(**done)


def _carry(*, acting: Acting, world: World, limit: int) -> int:
    """Carry out what is due, a batch at a time; a batch that fails, order by order. Returns how many."""
    now = world.clock.now()
    tended = Round[int]("issuing.reconcile.orders", now, world.signer)
    waits = Q(waits_until__gt=now, stored_at__isnull=False)
    due = Q(state=Order.State.PLACED) | Q(state=Order.State.DELIVERING) & (
        Q(stored_at__isnull=False) | Q(deliver_until__lt=now)
    )
    orders = Order.objects.filter(due).exclude(waits).exclude(id__in=tended.resting()).order_by("placed_at")
    waiting, taken = list(orders.values_list("id", flat=True)[:limit]), 0
    for begin in range(0, len(waiting), BATCH):
        batch = waiting[begin : begin + BATCH]
        try:
            taken += len(carry_out(batch, acting=acting, world=world))
        except Exception:  # noqa: BLE001 - one of them, or all: each by itself tells
            taken += sum(
                tended.each(batch, lambda order: len(carry_out([order], acting=acting, world=world)))
            )
    return taken
