"""Rows of the certification authority. No logic: changes are in `actions`, reading in `queries`.

Serials are lower-case hexadecimal without a sign, two digits for each octet (`serials.serial_text`).
Moments are by the world's clock. The first migration adds triggers: a certificate's state only goes
forward, a revocation is never taken back (except a hold), nothing signed is ever deleted.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from dojang.ca.states import CertificateState

SERIAL_LENGTH = 40  #: 20 octets


class Authority(models.Model):
    """A key that signs certificates, CRLs or OCSP answers; `label` is its name in the signer."""

    class Role(models.TextChoices):
        """What the key may sign."""

        ROOT = "root"
        ISSUING = "issuing"
        OCSP = "ocsp"

    label = models.CharField(max_length=64, unique=True)
    role = models.CharField(max_length=16, choices=Role)
    algorithm = models.CharField(max_length=32)
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="children")
    public_key = models.BinaryField()
    certificate = models.BinaryField(null=True)  # absent until the ceremony has made it
    not_before = models.DateTimeField(null=True)
    not_after = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        """Table."""

        db_table = "ca_authority"

    def __str__(self) -> str:
        return self.label


class Intent(models.Model):
    """What is going to be signed, stored before it is: serial, exact bytes, evidence."""

    class State(models.TextChoices):
        """``open`` until the certificate is stored or the intent is given up.

        ``late``: given up, and found signed afterwards; its certificate is stored and revoked.
        """

        OPEN = "open"
        STORED = "stored"
        VOID = "void"
        LATE = "late"

    order_key = models.CharField(max_length=128)
    order_sha256 = models.BinaryField()  # of the order's content: the same key never means two things
    issuer = models.ForeignKey(Authority, on_delete=models.PROTECT, related_name="intents")
    serial = models.CharField(max_length=SERIAL_LENGTH, db_collation="C")
    profile = models.CharField(max_length=32)
    product = models.CharField(max_length=32)
    customer_id = models.CharField(max_length=64)
    number = models.CharField(max_length=32, blank=True)  # the number in the subject's common name
    tbs = models.BinaryField()
    evidence = models.JSONField(default=list)  # ids of what the issuing rests on
    replaces = models.CharField(max_length=32, blank=True)  # reason the old certificate is revoked with
    shard = models.SmallIntegerField()
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    created_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    class Meta:
        """A serial once; an order key has one intent that counts."""

        db_table = "ca_intent"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["issuer", "serial"], name="ca_intent_serial_once"),
            models.UniqueConstraint(
                fields=["order_key"],
                condition=Q(state__in=["open", "stored"]),
                name="ca_intent_one_for_order",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["created_at"], condition=Q(state="open"), name="ca_intent_open"),
            models.Index(fields=["closed_at"], condition=Q(state="void"), name="ca_intent_void"),
        ]

    def __str__(self) -> str:
        return f"{self.order_key} {self.serial} {self.state}"


class Certificate(models.Model):
    """A signed certificate and its state."""

    State = CertificateState

    intent = models.OneToOneField(Intent, on_delete=models.PROTECT, related_name="certificate")
    issuer = models.ForeignKey(Authority, on_delete=models.PROTECT, related_name="certificates")
    serial = models.CharField(max_length=SERIAL_LENGTH, db_collation="C")
    der = models.BinaryField()
    sha256 = models.CharField(max_length=64, db_collation="C")
    subject = models.TextField()
    profile = models.CharField(max_length=32)
    product = models.CharField(max_length=32)
    customer_id = models.CharField(max_length=64)
    policy = models.CharField(max_length=64, blank=True)
    shard = models.SmallIntegerField()
    state = models.CharField(max_length=8, choices=State)
    status_seq = models.IntegerField(default=1)  # goes up with every change of state
    not_before = models.DateTimeField()
    not_after = models.DateTimeField()
    issued_at = models.DateTimeField()
    activated_at = models.DateTimeField(null=True)
    successor = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="predecessors")

    class Meta:
        """A serial once; one active certificate of a product for a person."""

        db_table = "ca_certificate"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["issuer", "serial"], name="ca_certificate_serial_once"),
            models.UniqueConstraint(
                fields=["customer_id", "product"],
                condition=Q(state="active"),
                name="ca_certificate_one_active",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["issued", "active", "held", "revoked"]), name="ca_certificate_state"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["customer_id", "issued_at"], name="ca_certificate_holder"),
            models.Index(fields=["serial"], name="ca_certificate_serial"),
            models.Index(fields=["not_after", "id"], name="ca_certificate_expiry"),
            models.Index(fields=["issued_at"], condition=Q(state="issued"), name="ca_certificate_waiting"),
        ]

    def __str__(self) -> str:
        return f"{self.serial} {self.state}"


class Revocation(models.Model):
    """The end of a certificate before its time, or a hold on it (which alone can be lifted)."""

    certificate = models.ForeignKey(Certificate, on_delete=models.PROTECT, related_name="revocations")
    issuer = models.ForeignKey(Authority, on_delete=models.PROTECT, related_name="+")
    serial = models.CharField(max_length=SERIAL_LENGTH, db_collation="C")
    shard = models.SmallIntegerField()
    reason = models.CharField(max_length=32)
    at = models.DateTimeField()
    not_after = models.DateTimeField()  # of the certificate: tells when the entry may leave the CRL
    lifted_at = models.DateTimeField(null=True)
    by = models.CharField(max_length=16)  # kind of the one who acted

    class Meta:
        """One standing revocation for a certificate."""

        db_table = "ca_revocation"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["certificate"], condition=Q(lifted_at__isnull=True), name="ca_revocation_one_standing"
            )
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["issuer", "shard", "not_after"], name="ca_revocation_shard")
        ]

    def __str__(self) -> str:
        return f"{self.serial} {self.reason}"


class Crl(models.Model):
    """A published CRL of one shard of one authority."""

    issuer = models.ForeignKey(Authority, on_delete=models.PROTECT, related_name="crls")
    shard = models.SmallIntegerField()
    number = models.BigIntegerField()
    this_update = models.DateTimeField()
    next_update = models.DateTimeField()
    entries = models.IntegerField()
    der = models.BinaryField()

    class Meta:
        """A number once in its scope."""

        db_table = "ca_crl"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["issuer", "shard", "number"], name="ca_crl_number_once")
        ]

    def __str__(self) -> str:
        return f"{self.issuer_id}/{self.shard} number {self.number}"


class OcspAnswer(models.Model):
    """The answers signed ahead for one certificate: one for each hash a request may name it by."""

    certificate = models.OneToOneField(Certificate, on_delete=models.PROTECT, primary_key=True)
    issuer = models.ForeignKey(Authority, on_delete=models.PROTECT, related_name="+", db_index=False)
    serial = models.CharField(max_length=SERIAL_LENGTH, db_collation="C")
    status_seq = models.IntegerField()  # the state of the certificate it tells of
    this_update = models.DateTimeField()
    next_update = models.DateTimeField()
    by_sha1 = models.BinaryField()
    by_sha256 = models.BinaryField()

    class Meta:
        """Found by issuer and serial."""

        db_table = "ca_ocspanswer"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["issuer", "serial"], name="ca_ocspanswer_serial")
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["next_update"], name="ca_ocspanswer_due")
        ]

    def __str__(self) -> str:
        return f"{self.serial} until {self.next_update}"
