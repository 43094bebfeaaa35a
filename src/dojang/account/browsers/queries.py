"""What can be told about browsers: with whom they are connected, and whom they remember."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from dojang.account.models import Browser, SeenBrowser
from dojang.guard.sealing import digest_of

if TYPE_CHECKING:
    from datetime import datetime


#: A browser not used for this long is new again.
LIFE: Final = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class BrowserView:
    """A browser that knows its customer."""

    id: str
    agent: str
    made_at: datetime
    seen_at: datetime


def _known(token: str) -> Browser | None:
    if not token:
        return None
    return Browser.objects.filter(token=digest_of(token), ended_at__isnull=True).first()


def known_customer(token: str) -> str | None:
    """Return the customer a browser was asked to remember."""
    row = _known(token)
    return None if row is None else row.customer_id


def known_browser(token: str) -> str:
    """Return the id of a browser that remembers; empty when it does not."""
    row = _known(token)
    return "" if row is None else str(row.id)


def browsers_of(customer_id: str) -> tuple[BrowserView, ...]:
    """List the browsers that know a customer, newest first."""
    rows = Browser.objects.filter(customer_id=customer_id, ended_at__isnull=True).order_by("-made_at")
    return tuple(BrowserView(str(row.id), row.agent, row.made_at, row.seen_at) for row in rows)


def is_connected(token: str, customer_id: str, *, now: datetime) -> bool:
    """Tell whether a browser is connected with a customer. Nobody's id costs the same as anybody's."""
    if not token:
        return False
    rows = SeenBrowser.objects.filter(token=digest_of(token), customer_id=customer_id)
    return rows.filter(seen_at__gt=now - LIFE).exists()


def is_connected_at_all(token: str, *, now: datetime) -> bool:
    """Tell whether a browser is connected with anybody: then it may be asked for a user id and a PIN."""
    if not token:
        return False
    return SeenBrowser.objects.filter(token=digest_of(token), seen_at__gt=now - LIFE).exists()


def connected_browsers_of(customer_id: str, *, now: datetime) -> tuple[BrowserView, ...]:
    """List the browsers connected with a customer, the one used last first."""
    rows = SeenBrowser.objects.filter(customer_id=customer_id, seen_at__gt=now - LIFE).order_by("-seen_at")
    return tuple(BrowserView(str(row.id), row.agent, row.made_at, row.seen_at) for row in rows)


def connected_browser(token: str, customer_id: str) -> str:
    """Return the id by which this browser is connected with a customer; empty when it is not."""
    row = SeenBrowser.objects.filter(token=digest_of(token), customer_id=customer_id).first()
    return "" if row is None else str(row.id)
