"""Rows of the audit trail.

Both tables are made by SQL in the migrations (`managed = False`): rows enter through the database functions
``audit_append`` and ``audit_append_many`` alone, and triggers refuse UPDATE, DELETE and TRUNCATE of what was
written.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Chain(models.Model):
    """Head of one chain: how many events it holds and the hash of the last one."""

    id = models.SmallIntegerField(primary_key=True)
    seq = models.BigIntegerField()
    hash = models.BinaryField()

    class Meta:
        """The table is made by SQL."""

        managed = False
        db_table = "audit_chain"

    def __str__(self) -> str:
        return f"chain {self.id} at {self.seq}"


class Event(models.Model):
    """One event. ``hash = SHA-256(hash before || seq as 8 bytes, big-endian || body as UTF-8)``.

    `body` is canonical JSON (sorted keys, no spaces); `type`, `subject` and `at` are taken from it by the
    database as the row is written, and verifying finds a row where they disagree.
    """

    id = models.BigAutoField(primary_key=True)
    chain = models.SmallIntegerField()
    seq = models.BigIntegerField()
    body = models.TextField()
    hash = models.BinaryField()
    type = models.TextField(editable=False)
    subject = models.TextField(editable=False)
    at = models.TextField(editable=False)

    class Meta:
        """The table is made by SQL."""

        managed = False
        db_table = "audit_event"
        ordering: ClassVar[list[str]] = ["chain", "seq"]

    def __str__(self) -> str:
        return f"{self.chain}/{self.seq} {self.type} {self.subject}"
