"""An order's sealed body: what carrying it out needs and nobody may read."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from dojang.guard.sealing import sealer

if TYPE_CHECKING:
    from dojang.issuing.models import Order


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderBody:
    """The sealed part of an order. `challenge` and `proof_key` are hexadecimal, and go with its end."""

    name: str = field(default="", repr=False)  #: as it goes into the certificate, fixed once
    challenge: str = field(default="", repr=False)
    proof_key: str = field(default="", repr=False)
    label: str = ""  #: what the device says of itself
    platform: str = ""
    app_version: str = ""
    contact: dict[str, Any] | None = field(default=None, repr=False)  #: ``email address changed``


def open_body(order_id: str, sealed: bytes | memoryview) -> OrderBody:
    """Open an order's body. Raises `SealBrokenError` when it is not this order's."""
    return OrderBody(**sealer().open(bytes(sealed), table="issuing_order", column="body", row=order_id))


def sealed_body(order_id: str, body: OrderBody) -> bytes:
    """Seal a body for its order."""
    return sealer().seal(asdict(body), table="issuing_order", column="body", row=order_id)


def seal_body(order: Order, body: OrderBody) -> None:
    """Put a body into a row (not saved)."""
    order.body = sealed_body(order.id, body)
