"""Read values: where an order stands, what its delivery carries, what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dojang.ca.errors import CertificateNotFoundError
from dojang.ca.queries import certificate_of_order, chain_of, issued_by_order
from dojang.issuing.actions.custodies import CUSTODIES
from dojang.issuing.models import LIVING, BroughtKey, Order
from dojang.issuing.store import open_body
from dojang.journeys.delivery import Delivery
from dojang.wallet.queries import keys_waiting_since

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class OrderView:
    """Where an order stands. `state` as in `models`: ``placed`` | ``delivering`` | ``done`` | ``failed``."""

    id: str
    product: str
    customer_id: str
    origin: str
    custody: str
    key_id: str
    state: str
    end_reason: str
    replaces: str
    placed_at: datetime
    deliver_until: datetime | None
    stored_at: datetime | None
    ended_at: datetime | None
    sealed: bytes = field(repr=False)

    @property
    def is_living(self) -> bool:
        """Whether its certificate is still on its way."""
        return self.state in LIVING


def view_of(order: Order) -> OrderView:
    """Freeze one row."""
    return OrderView(
        id=order.id,
        product=order.product,
        customer_id=order.customer_id,
        origin=order.origin,
        custody=order.custody,
        key_id=order.key_id,
        state=str(order.state),
        end_reason=order.end_reason,
        replaces=order.replaces,
        placed_at=order.placed_at,
        deliver_until=order.deliver_until,
        stored_at=order.stored_at,
        ended_at=order.ended_at,
        sealed=bytes(order.body),
    )


def find_order(order_id: str) -> OrderView | None:
    """Return where an order stands."""
    order = Order.objects.filter(id=order_id).first()
    return None if order is None else view_of(order)


def is_under_way(customer_id: str, product: str) -> bool:
    """Tell whether a certificate of this product is on its way to a person."""
    return Order.objects.filter(customer_id=customer_id, product=product, state__in=LIVING).exists()


def living_of(customer_id: str) -> list[str]:
    """Return the ids of a person's orders that have not ended."""
    orders = Order.objects.filter(customer_id=customer_id, state__in=LIVING).order_by("placed_at")
    return list(orders.values_list("id", flat=True))


def living_among(order_ids: Collection[str]) -> set[str]:
    """Return which of these orders have not ended."""
    return set(Order.objects.filter(id__in=order_ids, state__in=LIVING).values_list("id", flat=True))


def offered_before(moment: datetime) -> list[str]:
    """Return for which runs or orders keys were offered before a moment and have not been certified."""
    brought = BroughtKey.objects.filter(state=BroughtKey.State.PREPARED, created_at__lt=moment)
    return [*keys_waiting_since(moment), *brought.order_by("created_at").values_list("order_id", flat=True)]


def delivery_of(order: OrderView) -> Delivery:
    """Return what is handed over while an order is ``delivering``. Raises `CertificateNotFoundError`."""
    certificate = certificate_of_order(order.id)
    if certificate is None or order.deliver_until is None:
        raise CertificateNotFoundError
    return Delivery(
        certificate=certificate.der,
        chain=chain_of(certificate),
        challenge=bytes.fromhex(open_body(order.id, order.sealed).challenge),
        algorithm=CUSTODIES[order.custody].key_of(order.key_id, order.customer_id).algorithm,
        product=order.product,
        key_id=order.key_id,
        until=order.deliver_until,
    )


def result_of(order: OrderView) -> dict[str, Any]:
    """Describe the certificate of a done order in plain words. Raises `CertificateNotFoundError`."""
    issued = issued_by_order(order.id)
    if issued is None:
        raise CertificateNotFoundError
    new, replaced = issued
    return {
        "serial": new.serial,
        "holder": open_body(order.id, order.sealed).name,
        "product": new.product,
        "subject": new.subject,
        "issuer": new.issuer,
        "not_before": new.not_before.isoformat(),
        "not_after": new.not_after.isoformat(),
        "policy": new.policy,
        "sha256": new.sha256,
        "replaced": replaced,
    }
