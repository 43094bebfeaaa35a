"""What the wallet can tell about keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dojang.wallet.models import Biometric, Device, DeviceKey, WalletKey

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
    errors: int


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
    return tuple(
        KeyView(row.id, row.product, row.state, row.certificate_id, row.created_at, row.errors)
        for row in rows
    )


@dataclass(frozen=True, slots=True)
class DeviceView:
    """A registered device, without its push subscription. `products` are those it holds a live key of.

    `biometric_since`: from when finger or face opens its bank certificate; None when they do not.
    """

    id: str
    device_id: str
    label: str
    platform: str
    app_version: str
    state: str
    created_at: datetime
    seen_at: datetime
    products: tuple[str, ...]
    biometric_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a certificate's key lives: ``wallet`` (the bank's) or ``device``, and which device."""

    kind: str
    since: datetime
    device: DeviceView | None = None


def devices_of(customer_id: str) -> tuple[DeviceView, ...]:
    """Return a customer's devices, live and held, newest first."""
    rows = Device.objects.filter(customer_id=customer_id).exclude(state=Device.State.RETIRED)
    return tuple(_device_view(row) for row in rows.order_by("-created_at", "id"))


def _device_view(row: Device) -> DeviceView:
    usable = row.keys.filter(state__in=[DeviceKey.State.LIVE, DeviceKey.State.LOCKED])
    biometric = Biometric.objects.filter(device_key__device=row, ended_at=None).first()
    return DeviceView(
        id=row.id,
        device_id=row.device_id,
        label=row.label,
        platform=row.platform,
        app_version=row.app_version,
        state=row.state,
        created_at=row.created_at,
        seen_at=row.seen_at,
        products=tuple(usable.order_by("product").values_list("product", flat=True)),
        biometric_since=None if biometric is None else biometric.created_at,
    )


def where_registered(certificate_id: int) -> Place | None:
    """Tell where a certificate's key was made and lives; None for one without a key here."""
    key = DeviceKey.objects.select_related("device").filter(certificate_id=certificate_id).first()
    if key is not None:
        return Place("device", key.created_at, None if key.device is None else _device_view(key.device))
    made = WalletKey.objects.filter(certificate_id=certificate_id).first()
    return None if made is None else Place("wallet", made.created_at)


def device_key(device_id: str, product: str, *, customer_id: str = "") -> DeviceKey | None:
    """Return the newest certified key of a product on a device, of one customer if that is known."""
    rows = DeviceKey.objects.filter(
        device__device_id=device_id, product=product, certificate__isnull=False
    ).exclude(state=DeviceKey.State.RETIRED)
    if customer_id:
        rows = rows.filter(customer_id=customer_id)
    return rows.order_by("-created_at").first()
