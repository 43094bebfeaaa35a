"""What can be told about uses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dojang.wallet.uses.models import Use

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class UseView:
    """One use, or a try that was refused."""

    at: datetime
    purpose: str
    outcome: str
    origin: str
    channel: str
    source: str  #: network address, its last part hidden
    agent: str
    product: str
    serial: str

    @property
    def accepted(self) -> bool:
        """Whether the certificate was used."""
        return self.outcome == "accepted"


def mask_source(address: str) -> str:
    """Hide the last part of a network address: ``198.51.100.7`` → ``198.51.100.*``."""
    for mark in (".", ":"):
        if mark in address:
            return f"{address.rpartition(mark)[0]}{mark}*"
    return address


def uses_of(customer_id: str, *, certificate_id: int | None = None, limit: int = 100) -> tuple[UseView, ...]:
    """List uses, newest first."""
    rows = Use.objects.filter(customer_id=customer_id).select_related("certificate")
    if certificate_id is not None:
        rows = rows.filter(certificate_id=certificate_id)
    return tuple(
        UseView(
            row.at, row.purpose, row.outcome, row.origin, row.channel, mask_source(row.source), row.agent,
            row.certificate.product, row.certificate.serial,
        )
        for row in rows.order_by("-at")[:limit]
    )  # fmt: skip
