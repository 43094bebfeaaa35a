"""Rows of devices, of the public halves of their keys, and of what is asked of them and sent to them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q


class Device(models.Model):
    """A telephone (or browser) a customer keeps certificates on. `device_id` is the name it made for itself.

    `live` → `held` (the telephone is lost) → `live` again at the branch; or `retired`.
    """

    class State(models.TextChoices):
        """Life of a device."""

        LIVE = "live"
        HELD = "held"
        RETIRED = "retired"

    id = models.CharField(primary_key=True, max_length=32)
    device_id = models.CharField(max_length=64, db_index=True)
    customer_id = models.CharField(max_length=64)
    label = models.CharField(max_length=80, default="")
    platform = models.CharField(max_length=40, default="")
    app_version = models.CharField(max_length=20, default="")
    push = models.BinaryField(null=True)  # the push subscription, sealed
    state = models.CharField(max_length=8, choices=State.choices, default=State.LIVE)
    created_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    held_at = models.DateTimeField(null=True)
    retired_at = models.DateTimeField(null=True)

    class Meta:
        """A device stands once for each customer."""

        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["customer_id", "device_id"],
                name="wallet_device_once",
                condition=Q(state__in=["live", "held"]),
            )
        ]

    def __str__(self) -> str:
        return f"{self.label or self.platform or self.id} {self.state}"


class DeviceKey(models.Model):
    """The public half of a key made on a device: `prepared` → `live` (its certificate is active) → `retired`.

    `proof` is the sealed key by which a pattern is proven (bank certificate only). After too many wrong
    patterns the key is `locked`: the way out is a re-issue.
    """

    class State(models.TextChoices):
        """Life of a key."""

        PREPARED = "prepared"
        LIVE = "live"
        LOCKED = "locked"
        RETIRED = "retired"

    id = models.CharField(primary_key=True, max_length=160)
    customer_id = models.CharField(max_length=64)
    product = models.CharField(max_length=16)
    run_id = models.CharField(max_length=32, db_index=True)
    device_name = models.CharField(max_length=64)  # what the device calls itself, until it is registered
    device = models.ForeignKey(Device, null=True, on_delete=models.PROTECT, related_name="keys")
    state = models.CharField(max_length=8, choices=State.choices, default=State.PREPARED)
    algorithm = models.CharField(max_length=16)
    public_key = models.BinaryField()
    fingerprint = models.BinaryField(max_length=32, unique=True)  # SHA-256 of the public key: no key twice
    vid = models.BinaryField()
    proof = models.BinaryField(null=True)
    certificate = models.ForeignKey(
        "ca.Certificate", null=True, on_delete=models.PROTECT, related_name="device_keys"
    )
    locked_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True)

    class Meta:
        """One usable key per person and product, on whatever device."""

        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["customer_id", "product"],
                name="wallet_one_device_key",
                condition=Q(state__in=["live", "locked"]),
            )
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.state}"


class Biometric(models.Model):
    """A key in the telephone's own keeper, used only for its owner's finger, face or screen lock (WebAuthn).

    It stands in for the pattern of one device key, and so for one customer, device and certificate, from
    when it is turned on until it is ended, for good. No finger and no face is ever here: a public key is.
    """

    id = models.CharField(primary_key=True, max_length=32)
    device_key = models.ForeignKey(DeviceKey, on_delete=models.PROTECT, related_name="biometrics")
    credential_id = models.BinaryField(max_length=1023, unique=True)
    public_key = models.BinaryField()  # COSE_Key
    count = models.BigIntegerField(default=0)  # the keeper's own signature counter, as last seen
    created_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    end_reason = models.CharField(max_length=16, default="")

    class Meta:
        """One in use for each device key."""

        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["device_key"], name="wallet_one_biometric", condition=Q(ended_at__isnull=True)
            )
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.end_reason or 'on'}"


class Approval(models.Model):
    """A question put to a customer's telephone: choose the number another screen shows."""

    class State(models.TextChoices):
        """`waiting` until answered or over."""

        WAITING = "waiting"
        APPROVED = "approved"
        REJECTED = "rejected"
        WRONG_NUMBER = "wrong_number"
        EXPIRED = "expired"

    id = models.CharField(primary_key=True, max_length=32)
    key = models.CharField(max_length=200, unique=True)
    customer_id = models.CharField(max_length=64)
    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="approvals")
    purpose = models.CharField(max_length=200)
    product = models.CharField(max_length=16)
    number = models.BinaryField()  # sealed
    locale = models.CharField(max_length=8)
    state = models.CharField(max_length=16, choices=State.choices, default=State.WAITING)
    asked_at = models.DateTimeField()
    until = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)

    class Meta:
        """Counted by person and time; looked for by device."""

        indexes: ClassVar = [
            models.Index(fields=["customer_id", "asked_at"], name="wallet_approval_recent"),
            models.Index(fields=["device"], name="wallet_approval_open", condition=Q(state="waiting")),
        ]

    def __str__(self) -> str:
        return f"{self.purpose}: {self.state}"


class PushMessage(models.Model):
    """A message on its way to the browser of one device. Its words are kept only while it waits."""

    class State(models.TextChoices):
        """`waiting` until the push service took it, or nobody can any more."""

        WAITING = "waiting"
        SENT = "sent"
        GONE = "gone"  # the device takes no messages any more
        LATE = "late"
        FAILED = "failed"

    id = models.CharField(primary_key=True, max_length=32)
    key = models.CharField(max_length=64, unique=True)  # SHA-256 of device and the asker's key
    asked = models.CharField(max_length=64, db_index=True)  # SHA-256 of customer and the asker's key
    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="push_messages")
    subscription = models.BinaryField(null=True)  # sealed; of a last message only
    message = models.BinaryField(null=True)  # sealed
    urgent = models.BooleanField(default=False)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    until = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"push {self.id}: {self.state}"


class Parcel(models.Model):
    """Ciphertext on its way between two devices. Fetched once, then gone; never readable here."""

    id = models.CharField(primary_key=True, max_length=32)
    locator = models.BinaryField(max_length=32, unique=True)  # blind index
    content = models.BinaryField()
    source_index = models.BinaryField(max_length=32)
    # What is copied, as its device says; none of ours: empty.
    certificate = models.ForeignKey("ca.Certificate", on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"parcel until {self.expires_at}"
