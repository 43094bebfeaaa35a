"""What can be told about keys made in the signer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dojang.wallet.keys.models import WalletKey

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class KeyView:
    """One key, without its sealed part."""

    id: str
    product: str
    state: str
    certificate_id: int | str | None
    created_at: datetime


def usable_key(customer_id: str, product: str) -> WalletKey | None:
    """Return the key a person uses for a product: live or locked."""
    return WalletKey.objects.filter(
        customer_id=customer_id,
        product=product,
        state__in=[WalletKey.State.LIVE, WalletKey.State.LOCKED],
    ).first()


def keys_of(customer_id: str) -> tuple[KeyView, ...]:
    """Return every key of a person, newest first."""
    rows = WalletKey.objects.filter(customer_id=customer_id).order_by("-created_at", "id")
    return tuple(KeyView(row.id, row.product, row.state, row.certificate_id, row.created_at) for row in rows)
