"""Rows of the customer's account. Tokens are SHA-256 (hex) only; the customer id is an opaque number."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q


class Session(models.Model):
    """Somebody logged in. The cookie's token is new at every proof; the policy says how long."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    token = models.CharField(max_length=64, unique=True)
    customer_id = models.CharField(max_length=64)
    certificate = models.ForeignKey("ca.Certificate", on_delete=models.PROTECT, related_name="+")
    method = models.CharField(max_length=16)
    device_id = models.CharField(max_length=64, default="")  # whose key logged in; empty: of no device
    source = models.CharField(max_length=45)
    agent = models.CharField(max_length=80)
    made_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    proved_at = models.DateTimeField()  # when the certificate was last proven
    ended_at = models.DateTimeField(null=True)
    end_reason = models.CharField(max_length=16, default="")

    class Meta:
        """Live ones are looked up by customer when everything has to end."""

        indexes: ClassVar = [
            models.Index(
                fields=["customer_id"], name="account_session_live", condition=Q(ended_at__isnull=True)
            )
        ]

    def __str__(self) -> str:
        return f"{self.method} since {self.made_at}"


class Browser(models.Model):
    """A browser that was asked to remember its customer: it names them, it proves nothing more."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    token = models.CharField(max_length=64, unique=True)
    customer_id = models.CharField(max_length=64)
    agent = models.CharField(max_length=80)
    made_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        """Listed by customer."""

        indexes: ClassVar = [models.Index(fields=["customer_id", "made_at"], name="account_browser_customer")]

    def __str__(self) -> str:
        return f"{self.agent} since {self.made_at}"


class SeenBrowser(models.Model):
    """A browser connected with a customer: there the PIN may be asked for. It names nobody."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    token = models.CharField(max_length=64)
    customer_id = models.CharField(max_length=64)
    agent = models.CharField(max_length=80)
    made_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    class Meta:
        """Known once to each of its customers."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["token", "customer_id"], name="account_seenbrowser_once")
        ]

    def __str__(self) -> str:
        return f"{self.agent} since {self.made_at}"


class Connecting(models.Model):
    """A browser that is being connected: what was typed is sealed, the number on its screen is derived."""

    id = models.UUIDField(primary_key=True)
    token = models.CharField(max_length=64, unique=True)
    way = models.CharField(max_length=16)  # how the telephone answers; ``issue``: connected by a run
    line = models.BinaryField()
    outside = models.CharField(max_length=120, default="")  # id of the call, or of the question in the app
    locale = models.CharField(max_length=2)
    agent = models.CharField(max_length=80, default="")
    made_at = models.DateTimeField(db_index=True)
    until = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.way} since {self.made_at}"
