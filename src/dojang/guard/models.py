"""Rows of the guard: what was counted, what is locked, what was asked. Counted subjects are indexed."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q


class FactorCounter(models.Model):
    """Wrong entries of one factor by one subject, all runs and channels together.

    `errors` moves before anybody is asked and is the figure compared with the limit; `total` only rises.
    The subject (customer id, user id, network source) is kept as a keyed blind index.
    """

    factor = models.CharField(max_length=32)
    subject = models.BinaryField(max_length=32)
    customer_id = models.CharField(max_length=64, default="")
    window_start = models.DateTimeField()
    window = models.PositiveIntegerField(null=True)  # seconds; None counts until right or unlocked
    limit = models.PositiveIntegerField()
    errors = models.PositiveIntegerField(default=0)
    total = models.PositiveBigIntegerField(default=0)
    locked_at = models.DateTimeField(null=True)

    class Meta:
        """One counter for a factor and a subject; locks are looked up by customer."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["factor", "subject"], name="guard_counter_once")
        ]
        indexes: ClassVar = [models.Index(fields=["customer_id", "factor"], name="guard_counter_customer")]

    def __str__(self) -> str:
        return f"{self.factor}: {self.errors} of {self.limit}"


class Attempt(models.Model):
    """One counted entry: `counted` before the outside is asked, then what it turned out to be."""

    class State(models.TextChoices):
        """Life of an attempt."""

        COUNTED = "counted"
        RIGHT = "right"
        WRONG = "wrong"
        KEPT = "kept"
        UNANSWERED = "unanswered"

    counter = models.ForeignKey(FactorCounter, on_delete=models.CASCADE, related_name="attempts")
    run_id = models.CharField(max_length=32, db_index=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.COUNTED)
    at = models.DateTimeField()

    class Meta:
        """Open attempts are few and looked up on every judgement."""

        indexes: ClassVar = [
            models.Index(fields=["counter"], name="guard_attempt_open", condition=Q(state="counted"))
        ]

    def __str__(self) -> str:
        return f"{self.counter_id} {self.state}"


class FactorLock(models.Model):
    """A factor locked for a subject, and how it was opened again."""

    counter = models.ForeignKey(FactorCounter, on_delete=models.CASCADE, related_name="locks")
    locked_at = models.DateTimeField()
    opens_at = models.DateTimeField(null=True)  # a day's limit opens by itself; None waits for the way out
    opened_at = models.DateTimeField(null=True)
    opened_by = models.CharField(max_length=64, default="")

    class Meta:
        """One open lock at a time."""

        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["counter"], name="guard_lock_open_once", condition=Q(opened_at__isnull=True)
            )
        ]

    def __str__(self) -> str:
        return f"{self.counter_id} since {self.locked_at}"


class Challenge(models.Model):
    """What somebody is asked to sign: for one purpose and whoever it is bound to, once, for a short time."""

    id = models.CharField(primary_key=True, max_length=32)
    key = models.CharField(max_length=200, default="")  # idempotency key of who asked, if they have one
    purpose = models.CharField(max_length=200)
    subject = models.CharField(max_length=160, default="")  # the key that is to answer; empty: any
    origin = models.CharField(max_length=200, default="")
    browser = models.CharField(max_length=64, default="")  # hash of the secret a browser got with it
    body = models.BinaryField()  # the very bytes to be signed
    made_at = models.DateTimeField()
    until = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        """One for a key; old ones are cleared away by their time."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["key"], name="guard_challenge_once", condition=~Q(key=""))
        ]
        indexes: ClassVar = [models.Index(fields=["until"], name="guard_challenge_until")]

    def __str__(self) -> str:
        return f"{self.purpose} until {self.until}"


class KeyMark(models.Model):
    """What a sealing key leaves in the database: other keys leave other marks, and no mark tells a key."""

    name = models.CharField(primary_key=True, max_length=32)
    mark = models.BinaryField(max_length=32)

    def __str__(self) -> str:
        return self.name


class SetAside(models.Model):
    """A row a round could not handle: left alone until its pause is over, and shown to people."""

    round = models.CharField(max_length=64)
    row = models.CharField(max_length=64)
    why = models.CharField(max_length=64)  # the code of an error or its class, never its words
    times = models.PositiveIntegerField()
    since = models.DateTimeField()
    seen_at = models.DateTimeField()
    until = models.DateTimeField()

    class Meta:
        """One note for a row."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["round", "row"], name="guard_aside_once")]

    def __str__(self) -> str:
        return f"{self.round}: {self.row}"
