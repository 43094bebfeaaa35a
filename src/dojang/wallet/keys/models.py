"""Rows of the keys made in the signer. A sealed part is useless without the signer."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q


class WalletKey(models.Model):
    """One key. `prepared` (made, no certificate yet) → `live` → `retired`; or `locked` after wrong PINs."""

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
    state = models.CharField(max_length=8, choices=State.choices, default=State.PREPARED)
    public_key = models.BinaryField()
    vid = models.BinaryField()
    sealed = models.BinaryField()
    certificate = models.ForeignKey(
        "ca.Certificate", null=True, on_delete=models.PROTECT, related_name="wallet_keys"
    )
    locked_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True)
    signer_told = models.BooleanField(default=False)  # the signer knows that this key is retired

    class Meta:
        """One usable key per person and product; keys the signer must still be told about are few."""

        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["customer_id", "product"],
                name="wallet_one_key",
                condition=Q(state__in=["live", "locked"]),
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["retired_at"],
                name="wallet_to_tell",
                condition=Q(state="retired", signer_told=False),
            )
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.state}"
