"""After a crash: every order is finished or failed. Safe at any time, beside anything."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Q

from dojang.ca.actions import reconcile as reconcile_authority
from dojang.issuing.actions.carrying import carry_out
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

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What one round did; `authority` is None when the signer could not be asked."""

    issuing: int = 0  #: orders under way that were taken up
    tidied: int = 0  #: done orders whose last errands were done
    told: int = 0  #: retired keys the signer was told about
    notices: int = 0  #: notices put back on the queue
    authority: Reconciled | None = None


def reconcile(*, acting: Acting, world: World, limit: int = 500) -> Kept:
    """Bring every unfinished order to its end."""
    now = world.clock.now()
    waits = Q(waits_until__gt=now, stored_at__isnull=False)
    due = Q(state=Order.State.PLACED) | Q(state=Order.State.DELIVERING) & (
        Q(stored_at__isnull=False) | Q(deliver_until__lt=now)
    )
    orders = Order.objects.filter(due).exclude(waits).order_by("placed_at")
    waiting = list(orders.values_list("id", flat=True)[:limit])
    taken = len(carry_out(waiting, acting=acting, world=world))
    authority = None
    try:
        # Orders above have confirmed what they could; what is still only issued belongs to no living order.
        authority = reconcile_authority(
            acting=acting,
            world=world,
            confirmed=lambda _certificate: False,
            waits=lambda certificate: is_stored(certificate.intent.order_key),
        )
    except SignerError as error:
        log.warning("the authority cannot be reconciled now: %s", error.code)
    untidy = Order.objects.filter(state=Order.State.DONE, tidied=False).order_by("ended_at")
    tidied = tidy_up(list(untidy.values_list("id", flat=True)[:limit]), acting=acting, world=world)
    told = 0
    try:
        told = tell_signer(world=world)
    except SignerError as error:
        log.warning("the signer cannot be told of retired keys now: %s", error.code)
    return Kept(
        issuing=taken, tidied=tidied, told=told, notices=deliver_waiting(world=world), authority=authority
    )
