"""What can be told about devices and the keys on them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dojang.wallet.devices.models import Approval, Biometric, Device, DeviceKey

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet


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


def devices_of(customer_id: str) -> tuple[DeviceView, ...]:
    """Return a customer's devices, live and held, newest first."""
    rows = Device.objects.filter(customer_id=customer_id).exclude(state=Device.State.RETIRED)
    return tuple(device_view(row) for row in rows.order_by("-created_at", "id"))


def device_view(row: Device) -> DeviceView:
    """Describe a device as it stands."""
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


def owner_of_key(public_key: bytes) -> str | None:
    """Return whose a device's key pair is, by its public half (SubjectPublicKeyInfo)."""
    name = hashlib.sha256(public_key).digest()
    row = DeviceKey.objects.filter(fingerprint=name).values_list("customer_id", flat=True).first()
    return None if row is None else str(row)


def serials_on(device_id: str, customer_id: str) -> frozenset[str]:
    """Return the serials of a customer's certificates whose keys live on a device."""
    rows = DeviceKey.objects.filter(
        device__device_id=device_id, customer_id=customer_id, certificate__isnull=False
    ).exclude(state=DeviceKey.State.RETIRED)
    return frozenset(rows.values_list("certificate__serial", flat=True))


def device_key(device_id: str, product: str, *, customer_id: str = "") -> DeviceKey | None:
    """Return the newest certified key of a product on a device, of one customer if that is known."""
    rows = DeviceKey.objects.filter(
        device__device_id=device_id, product=product, certificate__isnull=False
    ).exclude(state=DeviceKey.State.RETIRED)
    if customer_id:
        rows = rows.filter(customer_id=customer_id)
    return rows.order_by("-created_at").first()


def place_of_key(key_id: str) -> tuple[int, str] | None:
    """Return the certificate (its row's id) of a key on a device, and what its device is called."""
    return _place(DeviceKey.objects.filter(id=key_id))


def place_of_approval(approval_id: str) -> tuple[int, str] | None:
    """Return the certificate, by its row's id, of the telephone an approval was asked of, and its name."""
    devices = Approval.objects.filter(id=approval_id).values("device")
    usable = (DeviceKey.State.LIVE, DeviceKey.State.LOCKED)
    return _place(DeviceKey.objects.filter(device__in=devices, proof__isnull=False, state__in=usable))


def _place(rows: QuerySet[DeviceKey]) -> tuple[int, str] | None:
    key = rows.select_related("device").filter(certificate__isnull=False).first()
    if key is None or key.certificate_id is None:
        return None
    return int(key.certificate_id), key.device.label if key.device else ""
