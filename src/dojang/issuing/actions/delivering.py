"""Between a signed certificate and an active one, when the key is not ours to keep.

The order waits in state ``delivering``: certificate, chain and a challenge are handed over. The holder stores
them, signs the challenge with the new key and says ``stored``. That answer is committed on its own before
anything follows from it, so a crash right behind it activates the certificate and never forgets it. Not
stored, or no answer in time: the new certificate is revoked, the old one lives. Never none, never two.
A re-issue that waits (`dojang.issuing.actions.waiting`) is told now and activated when its time has come.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import connection, transaction

from dojang.audit.actions import draft_event, record_event, record_events
from dojang.ca.actions import holding_order
from dojang.ca.errors import CertificateRevokedError
from dojang.issuing.actions import waiting
from dojang.issuing.actions.custodies import key_of
from dojang.issuing.actions.ending import fail_order
from dojang.issuing.models import Order
from dojang.issuing.store import open_body, seal_body, sealed_body
from dojang.journeys.delivery import is_stored
from dojang.notices.letters import Letters, gather

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dojang.ca.models import Certificate
    from dojang.ports.acting import Acting
    from dojang.ports.world import World


@dataclass(frozen=True, slots=True)
class Handover:
    """A stored certificate for an order whose holder must say that they have it, and the challenge for it."""

    order: Order
    certificate: Certificate
    challenge: str
    acting: Acting


def begin_deliveries(handovers: Sequence[Handover], *, world: World) -> list[None]:
    """Put placed orders into ``delivering``, all in one transaction; one that has gone on stays as it is.

    Raises `CertificateRevokedError` for a certificate that was taken back meanwhile. Commits by itself.
    """
    now, policy = world.clock.now(), world.policy
    for one in handovers:
        if one.certificate.state == one.certificate.State.REVOKED:
            raise CertificateRevokedError(serial=one.certificate.serial)
    with transaction.atomic():
        locked = Order.objects.select_for_update().order_by("id")
        rows = {row.id: row for row in locked.filter(id__in=[one.order.id for one in handovers])}
        begun = [one for one in handovers if rows[one.order.id].state == Order.State.PLACED]
        values = []
        for one in begun:
            row = rows[one.order.id]
            body = replace(open_body(row.id, row.body), challenge=one.challenge)
            until = min(
                now + timedelta(seconds=policy.issue.deliver_within),
                one.certificate.issued_at + timedelta(seconds=policy.issue.confirm_within),
            )
            values.append((row.id, sealed_body(row.id, body), until))
        if not begun:
            return [None] * len(handovers)
        with connection.cursor() as cursor:
            cursor.execute(_DELIVER, [list(column) for column in zip(*values, strict=True)])
        record_events(
            draft_event(
                "order:delivering",
                acting=one.acting,
                subject=one.order.id,
                at=now,
                serial=one.certificate.serial,
            )
            for one in begun
        )
    return [None] * len(handovers)


_DELIVER: Final = """
    UPDATE issuing_order o SET state = 'delivering', body = w.body, deliver_until = w.until
    FROM unnest(%b::text[], %b::bytea[], %b::timestamptz[]) AS w (id, body, until) WHERE o.id = w.id
"""


def confirm_delivery(
    order_id: str, signature: bytes, *, label: str = "", platform: str = "", acting: Acting, world: World
) -> bool:
    """Commit that the holder has the certificate; false when `signature` does not say so.

    `label` and `platform` are what the device says of itself. Nothing is activated yet: `carry_out` goes on.
    An order that has ended, or whose time is over, is left as it is. Raises `OrderBusyError`.
    """
    with holding_order(order_id):
        order = Order.objects.get(id=order_id)
        if not _is_awaited(order, world=world):
            return True
        body = open_body(order.id, order.body)
        key = key_of(order).public_key
        challenge = bytes.fromhex(body.challenge)
        if not signature or not is_stored(public_key=key, challenge=challenge, signature=signature):
            with transaction.atomic():
                record_event(
                    "order:delivery_refused", acting=acting, subject=order.id, customer=order.customer_id
                )
            return False
        seal_body(order, replace(body, label=label, platform=platform))
        order.stored_at = world.clock.now()
        letters = Letters(gather([order.customer_id] if order.waits_until else [], world=world))
        with transaction.atomic():
            order.save(update_fields=["body", "stored_at"])
            if order.waits_until is not None:
                waiting.tell(order, letters, acting=acting, world=world)
            record_event("order:stored", acting=acting, subject=order.id, customer=order.customer_id)
    return True


def refuse_delivery(order_id: str, *, acting: Acting, world: World) -> None:
    """Hear that the certificate could not be stored: it is revoked, unless it was said to be before.

    Raises `OrderBusyError`.
    """
    with holding_order(order_id):
        if Order.objects.filter(id=order_id, state=Order.State.DELIVERING, stored_at=None).exists():
            fail_order(order_id, "storage_failed", acting=acting, world=world)


def _is_awaited(order: Order, *, world: World) -> bool:
    """Tell whether the holder's word on a certificate is still waited for."""
    waiting = order.state == Order.State.DELIVERING and order.stored_at is None
    return waiting and order.deliver_until is not None and world.clock.now() <= order.deliver_until
