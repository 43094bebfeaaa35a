"""Rows of issuing. In clear about a person: the opaque customer id alone."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q


class Order(models.Model):
    """One wanted certificate, from the evidence it rests on to the custody of its holder.

    The id is the idempotency key of everything that follows: intent, certificate, notices. `body` holds what
    must not be read, sealed: the holder's name, the delivery's challenge, a pattern's proof, new addresses.
    """

    class State(models.TextChoices):
        """`placed` (→ `delivering`) → `done`; or `failed`.

        `delivering`: the certificate is signed, its holder has yet to say that it is stored.
        """

        PLACED = "placed"
        DELIVERING = "delivering"
        DONE = "done"
        FAILED = "failed"

    class CustodyKind(models.TextChoices):
        """Where the private key lives: in the bank's wallet, on a device, or wherever a request was made."""

        WALLET = "wallet"
        DEVICE = "device"
        CSR = "csr"

    id = models.CharField(primary_key=True, max_length=32)
    product = models.CharField(max_length=16)
    profile = models.CharField(max_length=32)
    customer_id = models.CharField(max_length=64)
    origin = models.CharField(max_length=16)  # who ordered: ``journey``, ``staging`` …
    custody = models.CharField(max_length=8, choices=CustodyKind.choices)
    key_id = models.CharField(max_length=160)
    evidence = models.JSONField(default=list)  # ids of what was spent on it
    replaces = models.CharField(
        max_length=32, default=""
    )  # reason of the old certificate's end, if there is one
    not_after = models.DateTimeField(null=True)  # empty: the authority decides
    state = models.CharField(max_length=10, choices=State.choices, default=State.PLACED)
    end_reason = models.CharField(max_length=40, default="")
    placed_at = models.DateTimeField()
    deliver_until = models.DateTimeField(null=True)  # it must have been stored by then
    stored_at = models.DateTimeField(null=True)  # it was: only the activation is still to be done
    ended_at = models.DateTimeField(null=True)
    tidied = models.BooleanField(default=False)  # what follows a done order outside the database was done
    body = models.BinaryField()

    class Meta:
        """One living order per person and product; the database says so too."""

        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["customer_id", "product"],
                name="issuing_one_live_order",
                condition=Q(state__in=["placed", "delivering"]),
            ),
            models.CheckConstraint(
                condition=Q(state__in=["placed", "delivering", "done", "failed"]), name="issuing_order_state"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["placed_at"],
                name="issuing_order_live",
                condition=Q(state__in=["placed", "delivering"]),
            ),
            models.Index(
                fields=["ended_at"], name="issuing_order_untidy", condition=Q(state="done", tidied=False)
            ),
            models.Index(fields=["customer_id", "-placed_at"], name="issuing_order_customer"),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.product} {self.state}"


#: States in which a certificate is on its way.
LIVING = (Order.State.PLACED, Order.State.DELIVERING)


class UsedEvidence(models.Model):
    """Evidence spent on an order. The id is the evidence's own, so nothing can be spent a second time."""

    id = models.CharField(primary_key=True, max_length=160)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="used_evidence")
    name = models.CharField(max_length=64)
    purpose = models.CharField(max_length=64)
    customer_id = models.CharField(max_length=64, default="")
    proven_at = models.DateTimeField()
    used_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} for {self.purpose}"


class BroughtKey(models.Model):
    """The public half of a key made elsewhere, out of the certification request somebody brought."""

    class State(models.TextChoices):
        """`prepared` (no certificate yet) → `live`; or `retired`, when its order came to nothing."""

        PREPARED = "prepared"
        LIVE = "live"
        RETIRED = "retired"

    id = models.CharField(primary_key=True, max_length=160)
    order_id = models.CharField(max_length=32, db_index=True)
    customer_id = models.CharField(max_length=64)
    product = models.CharField(max_length=16)
    state = models.CharField(max_length=8, choices=State.choices, default=State.PREPARED)
    algorithm = models.CharField(max_length=16)
    public_key = models.BinaryField()
    fingerprint = models.BinaryField(max_length=32, unique=True)  # SHA-256 of the public key: no key twice
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.id} {self.state}"
