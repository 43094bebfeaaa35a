"""What a holder can see: everything done in their name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from dojang.audit.queries import events_about
from dojang.ca.queries import standings_of
from dojang.wallet.uses.queries import mask_source

if TYPE_CHECKING:
    from dojang.audit.queries import EventView

#: Events a holder is shown; the rest of the trail is the bank's own business.
SHOWN: Final = (
    "biometric:off",
    "biometric:on",
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
class LogEntry:
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


def log_of(customer_id: str, *, limit: int = 200) -> tuple[LogEntry, ...]:
    """Read out of the audit trail what was ever done in a customer's name, newest first."""
    products = {standing.serial: standing.product for standing in standings_of(customer_id)}
    events = events_about([customer_id, *products], types=SHOWN, limit=limit)
    return tuple(_entry(event, products) for event in events)


def origin_of(serial: str) -> Origin | None:
    """Tell where a certificate was asked for."""
    for event in events_about([serial], types=["certificate:intended"], limit=1):
        acting = event.acting
        return Origin(datetime.fromisoformat(event.at), acting["channel"], mask_source(acting["source"]))
    return None


def _entry(event: EventView, products: dict[str, str]) -> LogEntry:
    acting, data = event.acting, event.data
    return LogEntry(
        at=datetime.fromisoformat(event.at),
        type=event.type,
        serial=event.subject if event.subject in products else "",
        product=products.get(event.subject) or str(data.get("product", "")),
        who=acting["kind"],
        channel=acting["channel"],
        source=mask_source(acting["source"]),
        data=data,
    )
