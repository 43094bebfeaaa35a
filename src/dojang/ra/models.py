"""Rows of the registration authority. In clear about a person: the opaque customer id alone."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q


class Run(models.Model):
    """One walk through one journey. `body` holds facts, scratch, position and typed values, sealed."""

    class State(models.TextChoices):
        """`open` → `ordered`; or `failed`, `expired`, `cancelled`.

        A locked step is still open. `ordered`: the order of the same id tells how it goes on.
        """

        OPEN = "open"
        ORDERED = "ordered"
        FAILED = "failed"
        EXPIRED = "expired"
        CANCELLED = "cancelled"

    id = models.CharField(primary_key=True, max_length=32)
    journey = models.CharField(max_length=64)
    version = models.CharField(max_length=16)
    product = models.CharField(max_length=16)
    channel = models.CharField(max_length=8)
    locale = models.CharField(max_length=8)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    revision = models.PositiveIntegerField(default=1)
    step = models.CharField(max_length=64)
    session = models.CharField(max_length=64)  # SHA-256 (hex) of the run token
    former_session = models.CharField(max_length=64, default="")  # of the device it was moved away from
    source_index = models.BinaryField(max_length=32)  # finds the runs of one network source
    customer_id = models.CharField(max_length=64, default="")  # empty until identified
    body = models.BinaryField()
    lease = models.CharField(max_length=32, default="")
    leased_at = models.DateTimeField(null=True)
    waits_for = models.BinaryField(
        max_length=32, null=True
    )  # blind index of the number a text is awaited from
    end_reason = models.CharField(max_length=40, default="")
    created_at = models.DateTimeField()
    touched_at = models.DateTimeField()
    idle_until = models.DateTimeField()
    absolute_until = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        """One open run per person and product; the database says so too."""

        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["customer_id", "product"],
                name="ra_one_open_run",
                condition=Q(state="open") & ~Q(customer_id=""),
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["idle_until"], name="ra_run_due", condition=Q(state="open")),
            models.Index(fields=["customer_id", "-created_at"], name="ra_run_customer"),
            models.Index(fields=["waits_for"], name="ra_run_waits", condition=Q(waits_for__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.journey}/{self.step} {self.state}"


class Handoff(models.Model):
    """A number that moves a run to another device, once. Number and link are known by their index alone."""

    id = models.CharField(primary_key=True, max_length=32)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="handoffs")
    number_index = models.BinaryField(max_length=32, unique=True)
    link_index = models.BinaryField(max_length=32, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)

    class Meta:
        """One number that works for a run."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["run"], name="ra_one_handoff", condition=Q(used_at__isnull=True))
        ]

    def __str__(self) -> str:
        return f"{self.run_id} until {self.expires_at}"


class StepOutcome(models.Model):
    """That a page was answered: a repeat of (run, step, revision, action) shows the present page instead."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="outcomes")
    step = models.CharField(max_length=64)
    revision = models.PositiveIntegerField()
    action = models.CharField(max_length=40)
    outcome = models.CharField(max_length=16)
    at = models.DateTimeField()

    class Meta:
        """Answered once."""

        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["run", "step", "revision", "action"], name="ra_step_answered_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.step} revision {self.revision}: {self.outcome}"


class CardChallenge(models.Model):
    """The security-card positions a customer is asked for; the same until answered rightly."""

    customer_id = models.CharField(primary_key=True, max_length=64)
    challenge = models.JSONField()
    asked_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"challenge of {self.customer_id}"
