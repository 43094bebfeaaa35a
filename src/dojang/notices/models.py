"""Rows of the notices room. Addresses and arguments are sealed; the customer id is an opaque number."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models


class Notice(models.Model):
    """One message to one channel of one customer. `key` makes the same notice once, however often told."""

    class State(models.TextChoices):
        """`waiting` → `sent`, or `failed` after the last retry."""

        WAITING = "waiting"
        SENT = "sent"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    key = models.CharField(max_length=64, unique=True)
    customer_id = models.CharField(max_length=64, db_index=True)
    message_id = models.CharField(max_length=100)
    args = models.BinaryField()
    channel = models.CharField(max_length=8)
    address = models.BinaryField()
    locale = models.CharField(max_length=8)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)

    class Meta:
        """Waiting notices are what a worker looks for after a restart."""

        indexes: ClassVar = [
            models.Index(fields=["created_at"], name="notices_waiting", condition=models.Q(state="waiting"))
        ]

    def __str__(self) -> str:
        return f"{self.message_id} by {self.channel}: {self.state}"


class KnownChannel(models.Model):
    """A channel a customer was seen with. One that was replaced is still told for a while (`gone_at`)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    customer_id = models.CharField(max_length=64)
    kind = models.CharField(max_length=8)
    address = models.BinaryField()
    address_index = models.BinaryField(max_length=32)
    first_seen = models.DateTimeField()
    gone_at = models.DateTimeField(null=True)

    class Meta:
        """A channel is remembered once per customer."""

        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["customer_id", "kind", "address_index"], name="notices_channel_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.customer_id}"


class ExpiryNotice(models.Model):
    """That the end of a certificate is to be told, `days` ahead: once for each, whoever asks how often.

    Written by the daily look together with its job; `told_at` is set when the notices were written.
    """

    certificate = models.ForeignKey(
        "ca.Certificate", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    days = models.PositiveSmallIntegerField()  # one of `expiry.DAYS`
    made_at = models.DateTimeField()
    told_at = models.DateTimeField(null=True)

    class Meta:
        """Once for a certificate and a number of days; untold ones are what a crash leaves."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["certificate", "days"], name="notices_expiry_once")
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["made_at"], name="notices_expiry_untold", condition=models.Q(told_at__isnull=True)
            )
        ]

    def __str__(self) -> str:
        return f"{self.certificate_id}, {self.days} days ahead"
