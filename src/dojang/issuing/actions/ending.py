"""How an order ends: done, with its certificate active, or failed, with nothing left of it in use."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from django.db import connection, transaction

from dojang.audit.actions import draft_event, record_event
from dojang.ca import actions as ca
from dojang.ca.errors import OrderBusyError
from dojang.ca.queries import certificate_of_order
from dojang.issuing.actions.custodies import CUSTODIES, Accepted, custody_of
from dojang.issuing.models import LIVING, Order
from dojang.issuing.store import OrderBody, seal_body, sealed_body
from dojang.notices.actions import Occasion, tell_all
from dojang.notices.letters import Letters, gather
from dojang.notices.queries import Channel
from dojang.pki.errors import DojangError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from dojang.audit.actions import Draft
    from dojang.ca.models import Certificate
    from dojang.notices.actions import Audience
    from dojang.ports.acting import Acting
    from dojang.ports.world import World


@dataclass(frozen=True, slots=True)
class Ending:
    """An order whose certificate is becoming active: its opened body, whom to tell, who acts.

    `order` is as it was read under its lock, where nobody else changes it, and stays so: an activation that
    has to look again comes here again.
    """

    order: Order
    body: OrderBody
    audience: Audience
    acting: Acting
    new: Certificate
    old: Certificate | None


def complete_orders(endings: Sequence[Ending], *, world: World) -> list[Draft]:
    """Do this room's share of activations, in their transaction: custodies accept, the orders are done.

    Returns the events about it. Raises for the first that cannot be completed.
    """
    now = world.clock.now()
    _finish(endings, now)
    drafts = []
    for name, custody in CUSTODIES.items():
        mine = [one for one in endings if one.order.custody == name]
        if mine:
            taken = [Accepted(one.order.key_id, one.body, one.new, one.acting) for one in mine]
            drafts += custody.accept(taken, world=world)
    occasions: list[Occasion] = []
    for one in endings:
        letters = Letters({one.order.customer_id: one.audience})
        _tell(letters, one.body, one.order, one.new, is_first=one.old is None)
        occasions += letters.occasions(acting=one.acting, world=world)
    _, told = tell_all(occasions, world=world)
    done = [
        draft_event(
            "order:done",
            acting=one.acting,
            subject=one.order.id,
            at=now,
            customer=one.new.customer_id,
            serial=one.new.serial,
        )
        for one in endings
    ]
    return drafts + told + done


def leaves_nothing(body: OrderBody, old: Certificate | None) -> bool:
    """Tell whether nothing follows outside the database: no new address, no certificate that ended."""
    return body.contact is None and old is None


_DONE: Final = """
    UPDATE issuing_order o SET state = 'done', ended_at = %b, body = w.body, tidied = w.tidied
    FROM unnest(%b::text[], %b::bytea[], %b::boolean[]) AS w (id, body, tidied)
    WHERE o.id = w.id AND o.state IN ('placed', 'delivering') RETURNING o.id
"""


def _finish(endings: Sequence[Ending], now: datetime) -> None:
    ids = [one.order.id for one in endings]
    # What only the way here needed goes with it; the name and new addresses are still to be used.
    kept = [sealed_body(one.order.id, replace(one.body, challenge="", proof_key="")) for one in endings]
    tidied = [leaves_nothing(one.body, one.old) for one in endings]
    with connection.cursor() as cursor:
        cursor.execute(_DONE, [now, ids, kept, tidied])
        if len(cursor.fetchall()) < len(ids):
            raise DojangError("an order that has ended cannot receive a certificate")


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
