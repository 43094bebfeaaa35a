"""What a holder can see: everything done in their name."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from dojang.audit.models import Event
from dojang.ca.models import Certificate
from dojang.wallet.uses.queries import mask_source

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Events a holder is shown; the rest of the trail is the bank's own business.
SHOWN: Final = (
    "biometric:off",
    "biometric:on",
    "browser:connected",
    "browser:disconnected",
    "certificate:intended",
    "certificate:activated",
    "certificate:suspended",
    "certificate:restored",
    "certificate:revoked",
    "certificate:voided",
    "device_key:pattern_changed",
    "factor:locked",
    "factor:unlocked",
    "session:opened",
    "session:all_ended",
    "wallet_key:locked",
    "wallet_key:pin_changed",
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log: what was done in somebody's name, when, and from where."""

    at: datetime
    type: str
    serial: str
    product: str
    who: str  #: ``customer`` | ``operator`` | ``system``
    channel: str
    source: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a certificate came from."""

    at: datetime
    channel: str
    source: str


def log_of(customer_id: str, *, limit: int = 200) -> tuple[Entry, ...]:
    """Read out of the audit trail what was ever done in a customer's name, newest first."""
    products = dict(Certificate.objects.filter(customer_id=customer_id).values_list("serial", "product"))
    return tuple(_entries(_events([customer_id, *products], limit=limit), products))


def origin_of(serial: str) -> Origin | None:
    """Tell where a certificate was asked for."""
    for event in Event.objects.filter(subject=serial, type="certificate:intended").order_by("id")[:1]:
        body = json.loads(event.body)
        acting = body["acting"]
        return Origin(datetime.fromisoformat(body["at"]), acting["channel"], mask_source(acting["source"]))
    return None


def _events(subjects: Iterable[str], *, limit: int) -> list[Event]:
    rows = Event.objects.filter(subject__in=list(subjects), type__in=SHOWN)
    return list(rows.order_by("-at", "-id")[:limit])


def _entries(events: Iterable[Event], products: dict[str, str]) -> Iterable[Entry]:
    for event in events:
        body = json.loads(event.body)
        acting, data = body["acting"], body["data"]
        yield Entry(
            at=datetime.fromisoformat(body["at"]),
            type=event.type,
            serial=event.subject if event.subject in products else "",
            product=products.get(event.subject) or str(data.get("product", "")),
            who=acting["kind"],
            channel=acting["channel"],
            source=mask_source(acting["source"]),
            data=data,
        )
