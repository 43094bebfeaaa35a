"""What can be told about browsers that remember their customer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from dojang.account.models import Browser, SeenBrowser
from dojang.guard.sealing import digest_of

if TYPE_CHECKING:
    from datetime import datetime


#: So long a browser nobody used is no stranger.
SEEN_LIFE: Final = timedelta(days=400)


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


def has_seen(digest: str, customer_id: str, *, now: datetime) -> bool:
    """Whether a customer has logged in with a browser lately; `digest` is its token's."""
    rows = SeenBrowser.objects.filter(token=digest, customer_id=customer_id)
    return rows.filter(seen_at__gt=now - SEEN_LIFE).exists()


def known_browser(token: str) -> str:
    """Return the id of a browser that remembers; empty when it does not."""
    row = _known(token)
    return "" if row is None else str(row.id)


def browsers_of(customer_id: str) -> tuple[BrowserView, ...]:
    """List the browsers that know a customer, newest first."""
    rows = Browser.objects.filter(customer_id=customer_id, ended_at__isnull=True).order_by("-made_at")
    return tuple(BrowserView(str(row.id), row.agent, row.made_at, row.seen_at) for row in rows)
