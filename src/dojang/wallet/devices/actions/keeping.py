"""Devices of customers and the keys made on them: offered, certified, held, retired.

Everything is inside the transaction of what it belongs to; nothing here talks to the outside.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING, Any, Final

from django.db import connection

from dojang.audit.actions import record_event
from dojang.guard.sealing import sealer
from dojang.wallet.devices.actions.biometrics import end_biometrics
from dojang.wallet.devices.actions.pushing import STANDING, end_push
from dojang.wallet.devices.errors import DeviceKeyUsedError
from dojang.wallet.devices.models import Biometric, Device, DeviceKey
from dojang.wallet.keys.errors import WalletKeyMismatchError, WalletKeyNotFoundError
from dojang.wallet.prepared import PreparedKey

if TYPE_CHECKING:
    from django.db import models

    from dojang.ca.models import Certificate
    from dojang.ports.acting import Acting
    from dojang.ports.world import World

USABLE: Final = (DeviceKey.State.LIVE, DeviceKey.State.LOCKED)


# ------------------------------------------------------------------------------------------ devices


def register_device(
    customer_id: str,
    device_id: str,
    *,
    label: str = "",
    platform: str = "",
    app_version: str = "",
    acting: Acting,
    world: World,
) -> Device:
    """Return the customer's device of this name, made or brought up to date. Inside a transaction.

    A held device stays held: registering again is no way around a hold.
    """
    now = world.clock.now()
    found = {"label": _plain(label, 80), "platform": _plain(platform, 40), "app_version": app_version[:20]}
    row = (
        Device.objects.select_for_update()
        .filter(customer_id=customer_id, device_id=device_id, state__in=STANDING)
        .first()
    )
    if row is not None:
        for name, value in found.items():
            setattr(row, name, value or getattr(row, name))
        row.seen_at = now
        row.save(update_fields=[*found, "seen_at"])
        return row
    row = Device.objects.create(
        id=secrets.token_hex(16),
        device_id=device_id,
        customer_id=customer_id,
        created_at=now,
        seen_at=now,
        **found,
    )
    record_event("device:registered", acting=acting, subject=customer_id, at=now, device=row.id)
    return row


def _plain(text: str, longest: int) -> str:
    return "".join(sign for sign in text if sign.isprintable())[:longest].strip()


def describe_device(
    device_id: str, *, label: str = "", platform: str = "", app_version: str = "", world: World
) -> bool:
    """Note what a device says of itself, for every customer who registered it; tell whether anybody did."""
    said = {"label": _plain(label, 80), "platform": _plain(platform, 40), "app_version": app_version[:20]}
    changes: dict[str, Any] = {"seen_at": world.clock.now(), **{k: v for k, v in said.items() if v}}
    return bool(Device.objects.filter(device_id=device_id, state__in=STANDING).update(**changes))


def hold_devices(customer_id: str, *, acting: Acting, world: World) -> int:
    """Block every device of a customer; return how many were live. Inside a transaction.

    Each that takes push messages is told so by its last one.
    """
    now = world.clock.now()
    rows = Device.objects.select_for_update().filter(customer_id=customer_id, state=Device.State.LIVE)
    held = list(rows.order_by("id"))
    for row in held:
        row.state, row.held_at = Device.State.HELD, now
        row.save(update_fields=["state", "held_at"])
        end_push(row, "held", world=world)
        record_event("device:held", acting=acting, subject=customer_id, at=now, device=row.id)
    # For good, also when the telephone is found again: somebody may have added a finger of their own.
    rows_of = Biometric.objects.filter(device_key__customer_id=customer_id)
    end_biometrics(rows_of, "held", acting=acting, world=world)
    return len(held)


def release_devices(customer_id: str, *, acting: Acting, world: World) -> int:
    """Let held devices be used again, after the branch has seen the customer. Inside a transaction."""
    now = world.clock.now()
    rows = Device.objects.select_for_update().filter(customer_id=customer_id, state=Device.State.HELD)
    released = list(rows.order_by("id"))
    for row in released:
        row.state, row.held_at = Device.State.LIVE, None
        row.save(update_fields=["state", "held_at"])
        record_event("device:released", acting=acting, subject=customer_id, at=now, device=row.id)
    return len(released)


def retire_device(row_id: str, *, customer_id: str, acting: Acting, world: World) -> bool:
    """Forget a device that holds no usable key; tell whether it was. Inside a transaction."""
    row = (
        Device.objects.select_for_update()
        .filter(id=row_id, customer_id=customer_id, state__in=STANDING)
        .first()
    )
    if row is None or row.keys.filter(state__in=USABLE).exists():
        return False
    _retire_device(row, acting=acting, world=world)
    return True


def _retire_device(row: Device, *, acting: Acting, world: World) -> None:
    row.state, row.retired_at, row.push = Device.State.RETIRED, world.clock.now(), None
    row.save(update_fields=["state", "retired_at", "push"])
    record_event("device:retired", acting=acting, subject=row.customer_id, device=row.id)


# ------------------------------------------------------------------------------------------ keys


def fingerprint_of(public_key: bytes) -> bytes:
    """SHA-256 of a SubjectPublicKeyInfo: the one name of a key pair."""
    return hashlib.sha256(public_key).digest()


def is_used(public_key: bytes, *, run_id: str) -> bool:
    """Tell whether a public key was offered or certified before, in any other run or for a certificate."""
    known = DeviceKey.objects.filter(fingerprint=fingerprint_of(public_key)).first()
    return known is not None and (known.run_id != run_id or known.state != DeviceKey.State.PREPARED)


def keep_device_key(
    *,
    key_id: str,
    customer_id: str,
    product: str,
    run_id: str,
    device_id: str,
    algorithm: str,
    public_key: bytes,
    vid: bytes,
    acting: Acting,
    world: World,
) -> PreparedKey:
    """Keep the public half of a key a run was offered; other keys of the run go. Inside a transaction.

    Raises `DeviceKeyUsedError` for a key that was ever offered elsewhere, or certified.
    """
    if is_used(public_key, run_id=run_id):
        raise DeviceKeyUsedError
    DeviceKey.objects.filter(run_id=run_id, state=DeviceKey.State.PREPARED).exclude(id=key_id).delete()
    DeviceKey.objects.get_or_create(
        id=key_id,
        defaults={
            "customer_id": customer_id,
            "product": product,
            "run_id": run_id,
            "device_name": device_id,
            "algorithm": algorithm,
            "public_key": public_key,
            "fingerprint": fingerprint_of(public_key),
            "vid": vid,
            "created_at": world.clock.now(),
        },
    )
    record_event("device_key:offered", acting=acting, subject=customer_id, key=key_id, run=run_id)
    return PreparedKey(key_id, public_key, vid)


def offered_key(*, key_id: str, customer_id: str) -> DeviceKey:
    """Return a key a run was offered (or that is certified already). Raises `WalletKeyNotFoundError`."""
    row = DeviceKey.objects.filter(id=key_id, customer_id=customer_id).first()
    if row is None or row.state == DeviceKey.State.RETIRED:
        raise WalletKeyNotFoundError(key=key_id)
    return row


def accept_device_certificate(
    key_id: str,
    certificate: Certificate,
    *,
    proof_key: bytes | None,
    label: str = "",
    platform: str = "",
    app_version: str = "",
    acting: Acting,
    world: World,
) -> Device:
    """Make an offered key the live one of its product; the key before it, on whatever device, is retired.

    Must run inside the transaction that makes the certificate active. Enrols the pattern with it, if there is
    one, and registers the device.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("a certificate is accepted in the transaction that makes it active")
    key = DeviceKey.objects.select_for_update().filter(id=key_id).first()
    if key is None or key.state == DeviceKey.State.RETIRED:
        raise WalletKeyNotFoundError(key=key_id)
    if key.state != DeviceKey.State.PREPARED or key.customer_id != certificate.customer_id:
        raise WalletKeyMismatchError(key=key_id)
    device = register_device(
        key.customer_id,
        key.device_name,
        label=label,
        platform=platform,
        app_version=app_version,
        acting=acting,
        world=world,
    )
    before = DeviceKey.objects.filter(customer_id=key.customer_id, product=key.product, state__in=USABLE)
    left = set(before.exclude(device=None).exclude(device=device).values_list("device_id", flat=True))
    _retire(before, acting=acting, world=world)
    _end_push_of_replaced(left, world=world)
    key.state, key.certificate, key.device = DeviceKey.State.LIVE, certificate, device
    if proof_key is not None:
        key.proof = seal_proof(key.id, proof_key)
    key.save(update_fields=["state", "certificate", "device", "proof"])
    record_event(
        "device_key:live",
        acting=acting,
        subject=key.customer_id,
        key=key.id,
        certificate=str(certificate.pk),
        device=device.id,
    )
    return device


def _end_push_of_replaced(devices: set[str], *, world: World) -> None:
    """Let devices that have just lost their last key to another one take no more messages."""
    for row in Device.objects.select_for_update().filter(id__in=devices).order_by("id"):
        if not row.keys.filter(state__in=USABLE).exists():
            end_push(row, "replaced", world=world)


def seal_proof(key_id: str, proof_key: bytes) -> bytes:
    """Seal a pattern's proof key for its row."""
    return sealer().seal(proof_key.hex(), table="wallet_devicekey", column="proof", row=key_id)


def open_proof(key: DeviceKey) -> bytes:
    """Open a pattern's proof key."""
    text: str = sealer().open(bytes(key.proof or b""), table="wallet_devicekey", column="proof", row=key.id)
    return bytes.fromhex(text)


def retire_device_keys_of(certificate: Certificate, *, acting: Acting, world: World) -> int:
    """Retire the device key of a certificate, with the certificate's end. Inside a transaction."""
    rows = DeviceKey.objects.filter(certificate_id=certificate.pk).exclude(state=DeviceKey.State.RETIRED)
    return _retire(rows, acting=acting, world=world)


def discard_offered(run_id: str, *, acting: Acting, world: World) -> int:
    """Retire keys a run was offered and will not use. Inside a transaction."""
    rows = DeviceKey.objects.filter(run_id=run_id, state=DeviceKey.State.PREPARED)
    return _retire(rows, acting=acting, world=world)


def _retire(rows: models.QuerySet[DeviceKey], *, acting: Acting, world: World) -> int:
    count = 0
    for key in rows.select_for_update().order_by("id"):
        key.state, key.retired_at, key.proof = DeviceKey.State.RETIRED, world.clock.now(), None
        key.save(update_fields=["state", "retired_at", "proof"])
        record_event("device_key:retired", acting=acting, subject=key.customer_id, key=key.id)
        end_biometrics(Biometric.objects.filter(device_key=key), "retired", acting=acting, world=world)
        count += 1
    return count
