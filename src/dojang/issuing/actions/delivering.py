"""Between a signed certificate and an active one, when the key is not ours to keep.

The order waits in state ``delivering``: certificate, chain and a challenge are handed over. The holder stores
them, signs the challenge with the new key and says ``stored``. That answer is committed on its own before
anything follows from it, so a crash right behind it activates the certificate and never forgets it. Not
stored, or no answer in time: the new certificate is revoked, the old one lives. Never none, never two.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction

from dojang.audit.actions import record_event
from dojang.ca.actions import holding_order
from dojang.ca.errors import CertificateRevokedError
from dojang.issuing.actions.custodies import custody_of
from dojang.issuing.actions.ending import fail_order
from dojang.issuing.models import Order
from dojang.issuing.store import open_body, seal_body
from dojang.journeys.delivery import is_stored

if TYPE_CHECKING:
    from dojang.ca.models import Certificate
    from dojang.ports.acting import Acting
    from dojang.ports.world import World


def begin_delivery(order: Order, certificate: Certificate, *, acting: Acting, world: World) -> bool:
    """Put a placed order into ``delivering``; tell whether its holder is waited for. Commits by itself.

    Raises `CertificateRevokedError` for a certificate that was taken back meanwhile.
    """
    challenge = custody_of(order).deliver()
    if not challenge:
        return False
    if certificate.state == certificate.State.REVOKED:
        raise CertificateRevokedError(serial=certificate.serial)
    now, policy = world.clock.now(), world.policy
    with transaction.atomic():
        row = Order.objects.select_for_update().get(id=order.id)
        if row.state != Order.State.PLACED:
            return True
        seal_body(row, replace(open_body(row.id, row.body), challenge=challenge))
        row.state = Order.State.DELIVERING
        row.deliver_until = min(
            now + timedelta(seconds=policy.issue.deliver_within),
            certificate.issued_at + timedelta(seconds=policy.issue.confirm_within),
        )
        row.save(update_fields=["body", "state", "deliver_until"])
        record_event("order:delivering", acting=acting, subject=row.id, at=now, serial=certificate.serial)
    return True


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
        key = custody_of(order).key_of(order.key_id, order.customer_id).public_key
        challenge = bytes.fromhex(body.challenge)
        if not signature or not is_stored(public_key=key, challenge=challenge, signature=signature):
            with transaction.atomic():
                record_event(
                    "order:delivery_refused", acting=acting, subject=order.id, customer=order.customer_id
                )
            return False
        seal_body(order, replace(body, label=label, platform=platform))
        order.stored_at = world.clock.now()
        with transaction.atomic():
            order.save(update_fields=["body", "stored_at"])
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
