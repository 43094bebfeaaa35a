"""Rows of the customer's account. Tokens are SHA-256 (hex) only; the customer id is an opaque number."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q


class Challenge(models.Model):
    """What a holder is asked to sign: for one origin, one purpose, one browser, once, for a short time."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    purpose = models.CharField(max_length=40)
    origin = models.CharField(max_length=200)
    browser = models.CharField(max_length=64)  # hash of the secret this browser got with the challenge
    body = models.BinaryField()  # the very bytes to be signed
    made_at = models.DateTimeField()
    until = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        """Old ones are cleared away by their time."""

        indexes: ClassVar = [models.Index(fields=["until"], name="account_challenge_until")]

    def __str__(self) -> str:
        return f"{self.purpose} for {self.origin} until {self.until}"


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
    """A browser a customer has logged in with: the first log-in from another is told. It names nobody."""

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
                fields=["challenge_id"], name="account_use_once", condition=Q(outcome="accepted")
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["customer_id", "-at"], name="account_use_customer"),
            models.Index(fields=["certificate", "-at"], name="account_use_certificate"),
        ]

    def __str__(self) -> str:
        return f"{self.purpose}: {self.outcome}"
