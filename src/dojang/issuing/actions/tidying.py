"""What follows done orders outside the database. Everything here may be repeated, until it succeeds."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from django.db import transaction

from dojang.audit.actions import record_event
from dojang.ca.actions import publish_soon
from dojang.guard.rounds import Round
from dojang.issuing.models import Order
from dojang.issuing.store import open_body
from dojang.pki.errors import DojangError
from dojang.ports.signer_errors import SignerError
from dojang.wallet.keys.actions import tell_signer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dojang.ports.acting import Acting
    from dojang.ports.world import World

log = logging.getLogger(__name__)


def tidy_up(*, acting: Acting, world: World, limit: int = 500) -> int:
    """Do what is left to be done for done orders, each by itself; return how many are tidy now."""
    tended = Round[bool]("issuing.reconcile.tidying", world.clock.now(), world.signer)
    untidy = Order.objects.filter(state=Order.State.DONE, tidied=False).exclude(id__in=tended.resting())
    waiting = list(untidy.order_by("ended_at").values_list("id", flat=True)[:limit])
    if not waiting:
        return 0
    tell_signer(world=world)
    done = tended.each(waiting, lambda order: _tidy(Order.objects.get(id=order), acting=acting, world=world))
    if Order.objects.filter(id__in=waiting, tidied=True).exclude(replaces="").exists():
        publish_soon()
    return sum(done)


def tidy_orders(orders: Sequence[tuple[Order, Acting]], *, world: World) -> int:
    """Tell the signer of keys that ended, the bank of new addresses, and ask for a CRL.

    `orders` are done and not tidied, each with who acts on it. Returns how many are tidy now; the reconcile
    job repeats what could not be done.
    """
    if not orders:
        return 0
    try:
        tell_signer(world=world)
    except SignerError as error:
        log.warning("tidying up waits: %s", error.code)
        return 0
    plain, done = [], 0
    for order, acting in orders:
        try:
            contact = open_body(order.id, order.body).contact
            if contact is None:
                plain.append(order.id)
            else:
                _register(order, contact, acting=acting, world=world)
                done += 1
        except Exception as error:  # noqa: BLE001 - the order is done; the round tells what stays wrong
            told = error.code if isinstance(error, DojangError) else type(error).__name__
            log.warning("tidying up after order %s waits: %s", order.id, told)
    if plain:
        done += Order.objects.filter(id__in=plain).update(tidied=True)
    if any(order.replaces for order, _ in orders):
        publish_soon()
    return done


def _tidy(order: Order, *, acting: Acting, world: World) -> bool:
    contact = open_body(order.id, order.body).contact
    if contact is None:
        Order.objects.filter(id=order.id).update(tidied=True)
    else:
        _register(order, contact, acting=acting, world=world)
    return True


def _register(order: Order, contact: dict[str, Any], *, acting: Acting, world: World) -> None:
    """Have the bank register new addresses; the order is tidy with it."""
    email, address = contact["email"], contact["address"] or None
    world.corebank.update_contact(order.customer_id, email=email, address=address, key=order.id)
    with transaction.atomic():
        Order.objects.filter(id=order.id).update(tidied=True)
        record_event(
            "customer:contact_changed",
            acting=acting,
            subject=order.customer_id,
            edited=sorted(contact["changed"]),
        )
