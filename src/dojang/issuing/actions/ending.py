"""How an order ends: done, with its certificate active, or failed, with nothing left of it in use."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from django.db import transaction

from dojang.audit.actions import record_event
from dojang.ca import actions as ca
from dojang.ca.errors import OrderBusyError
from dojang.ca.queries import certificate_of_order
from dojang.issuing.actions.custodies import CUSTODIES, custody_of
from dojang.issuing.models import LIVING, Order
from dojang.issuing.store import OrderBody, open_body, seal_body, sealed_body
from dojang.notices.letters import Letters, gather
from dojang.notices.queries import Channel
from dojang.pki.errors import DojangError

if TYPE_CHECKING:
    from dojang.ca.models import Certificate
    from dojang.ports.acting import Acting
    from dojang.ports.world import World


def complete_order(
    order: Order,
    letters: Letters,
    new: Certificate,
    old: Certificate | None,
    *,
    acting: Acting,
    world: World,
) -> None:
    """Do this room's share of an activation, in its transaction: the custody accepts, the order is done.

    `order` is as it was read under its lock, where nobody else changes it, and stays so: an activation that
    has to look again comes here again.
    """
    now, body = world.clock.now(), open_body(order.id, order.body)
    # What only the way here needed goes with it; the name and new addresses are still to be used.
    kept = sealed_body(order.id, replace(body, challenge="", proof_key=""))
    living = Order.objects.filter(id=order.id, state__in=LIVING)
    if not living.update(state=Order.State.DONE, ended_at=now, body=kept):
        raise DojangError("an order that has ended cannot receive a certificate")
    custody_of(order).accept(order.key_id, body, new, acting=acting, world=world)
    _tell(letters, body, order, new, is_first=old is None)
    letters.write(acting=acting, world=world)
    record_event(
        "order:done", acting=acting, subject=order.id, at=now, customer=new.customer_id, serial=new.serial
    )


def _tell(letters: Letters, body: OrderBody, order: Order, new: Certificate, *, is_first: bool) -> None:
    """Write to every channel known before, and to a new address besides."""
    holder = new.customer_id
    message = "certificate_issued" if is_first else "certificate_reissued"
    letters.add(holder, message, new.serial, product=new.product, serial=new.serial[-8:])
    changed = () if body.contact is None else body.contact["changed"]
    if body.contact is not None and "email" in changed:
        audience = letters.audiences[holder]
        channels = (*audience.channels, Channel("mail", body.contact["email"]))
        letters.audiences[holder] = replace(audience, channels=channels)
        letters.add(holder, "contact_changed", order.id)
    if "address" in changed:
        letters.add(holder, "address_changed", order.id)


def fail_order(order_id: str, why: str, *, acting: Acting, world: World) -> None:
    """Fail a living order for good. What was signed and not confirmed is revoked; the old one lives."""
    with ExitStack() as held:
        # Who is at it at this moment ends it one way or the other; who does not let go finds it failed.
        with suppress(OrderBusyError):
            held.enter_context(ca.holding_order(order_id))
        order = Order.objects.filter(id=order_id, state__in=LIVING).first()
        if order is None:
            return
        made = certificate_of_order(order.id)
        if made is not None and made.state == "issued":
            ca.revoke_certificate(made.id, "cessationOfOperation", acting=acting, world=world)
        letters = Letters(gather([order.customer_id], world=world))
        with transaction.atomic():
            _fail(order.id, why, letters, acting=acting, world=world)


def _fail(order_id: str, why: str, letters: Letters, *, acting: Acting, world: World) -> None:
    order, now = Order.objects.select_for_update().get(id=order_id), world.clock.now()
    if order.state not in LIVING:
        return
    custody_of(order).discard(order.id, acting=acting, world=world)
    order.state, order.end_reason, order.ended_at = Order.State.FAILED, why, now
    seal_body(order, OrderBody())
    order.save(update_fields=["body", "state", "end_reason", "ended_at"])
    letters.add(order.customer_id, "issue_failed", order.id, product=order.product)
    letters.write(acting=acting, world=world)
    record_event("order:failed", acting=acting, subject=order.id, at=now, why=why)


def discard_keys(order_id: str, *, acting: Acting, world: World) -> int:
    """Give up the keys that were offered for an order nobody placed; return how many."""
    with transaction.atomic():
        return sum(custody.discard(order_id, acting=acting, world=world) for custody in CUSTODIES.values())
