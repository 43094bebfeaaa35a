"""The record of uses: its rows only grow."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q


class Use(models.Model):
    """One use of a certificate, or a try that was refused: never changed, never deleted."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    customer_id = models.CharField(max_length=64)
    certificate = models.ForeignKey("ca.Certificate", on_delete=models.PROTECT, related_name="uses")
    purpose = models.CharField(max_length=40)
    outcome = models.CharField(max_length=16)  # ``accepted``, or why not
    origin = models.CharField(max_length=200)
    channel = models.CharField(max_length=16)
    source = models.CharField(max_length=45)
    agent = models.CharField(max_length=80)
    challenge_id = models.UUIDField()
    at = models.DateTimeField()

    class Meta:
        """A challenge leads to one accepted use at most."""

        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["challenge_id"], name="wallet_use_once", condition=Q(outcome="accepted")
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["customer_id", "-at"], name="wallet_use_customer"),
            models.Index(fields=["certificate", "-at"], name="wallet_use_certificate"),
        ]

    def __str__(self) -> str:
        return f"{self.purpose}: {self.outcome}"
