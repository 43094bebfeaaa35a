"""Sessions: short, known by the hash of a token that is new whenever somebody proves who they are."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import transaction

from dojang.account.challenges import digest_of
from dojang.account.errors import SessionMissingError
from dojang.account.models import Browser, Session
from dojang.audit.actions import record_event
from dojang.journeys.login import LogIn

if TYPE_CHECKING:
    from datetime import datetime

    from dojang.ports.acting import Acting
    from dojang.ports.world import World

#: Looking at pages in quick order is not written down each time.
_TOUCH: Final = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class SessionView:
    """Who is logged in, by which certificate, and until when."""

    id: str
    customer_id: str
    certificate_id: int
    method: str
    made_at: datetime
    proved_at: datetime
    idle_until: datetime
    until: datetime


def open_session(
    customer_id: str,
    certificate_id: int,
    *,
    method: str,
    agent: str,
    device_id: str = "",
    acting: Acting,
    world: World,
) -> str:
    """Begin a session inside the caller's transaction; return its token, which is kept nowhere.

    `device_id`: the device whose own key proved the certificate, if it was such a key.
    """
    now, token = world.clock.now(), secrets.token_urlsafe(32)
    Session.objects.create(
        token=digest_of(token),
        customer_id=customer_id,
        certificate_id=certificate_id,
        method=method,
        device_id=device_id,
        source=acting.source[:45],
        agent=agent[:80],
        made_at=now,
        seen_at=now,
        proved_at=now,
    )
    record_event("session:opened", acting=acting, subject=customer_id, at=now, method=method)
    return token


def access_session(token: str, *, world: World) -> SessionView:
    """Return the live session of a token and note the visit. Raises `SessionMissingError`."""
    row = Session.objects.filter(token=digest_of(token), ended_at__isnull=True).first() if token else None
    if row is None:
        raise SessionMissingError
    now, policy = world.clock.now(), world.policy
    until = row.made_at + timedelta(seconds=policy.session_absolute)
    idle_until = row.seen_at + timedelta(seconds=policy.session_idle)
    if not row.made_at <= now < min(until, idle_until):
        Session.objects.filter(pk=row.pk, ended_at__isnull=True).update(ended_at=now, end_reason="expired")
        raise SessionMissingError
    if now - row.seen_at >= _TOUCH:
        Session.objects.filter(pk=row.pk).update(seen_at=now)
        idle_until = now + timedelta(seconds=policy.session_idle)
    return SessionView(
        str(row.id), row.customer_id, row.certificate_id, row.method, row.made_at, row.proved_at,
        min(idle_until, until), until,
    )  # fmt: skip


def login_on(token: str, *, device_id: str, world: World) -> LogIn | None:
    """Return a live log-in that was proven by a key of this very device, for a journey that begins on it.

    None for every other: of another device, by a certificate that lives elsewhere, or over.
    """
    try:
        session = access_session(token, world=world)
    except SessionMissingError:
        return None
    row = Session.objects.select_related("certificate").get(pk=session.id)
    if not device_id or row.device_id != device_id:
        return None
    return LogIn(
        id=session.id, customer=row.customer_id, serial=row.certificate.serial, device_id=row.device_id
    )


def renew_token(session_id: str, *, world: World) -> str:
    """Give a session a new token after a fresh proof; the one before opens nothing any more."""
    token = secrets.token_urlsafe(32)
    changed = Session.objects.filter(pk=session_id, ended_at__isnull=True).update(
        token=digest_of(token), proved_at=world.clock.now()
    )
    if not changed:
        raise SessionMissingError
    return token


def end_session(session_id: str, *, reason: str, acting: Acting, world: World) -> None:
    """Log out. A repeat changes nothing."""
    with transaction.atomic():
        row = Session.objects.select_for_update().filter(pk=session_id, ended_at__isnull=True).first()
        if row is None:
            return
        row.ended_at, row.end_reason = world.clock.now(), reason
        row.save(update_fields=["ended_at", "end_reason"])
        record_event("session:ended", acting=acting, subject=row.customer_id, reason=reason)


def end_sessions_of(
    customer_id: str,
    *,
    reason: str,
    keep: str = "",
    forget: bool = True,
    acting: Acting,
    world: World,
) -> int:
    """End a customer's sessions everywhere (except `keep`); return how many. `forget`: browsers, too."""
    now = world.clock.now()
    with transaction.atomic():
        rows = Session.objects.filter(customer_id=customer_id, ended_at__isnull=True)
        if keep:
            rows = rows.exclude(pk=keep)
        ended = rows.update(ended_at=now, end_reason=reason)
        if forget:
            Browser.objects.filter(customer_id=customer_id, ended_at__isnull=True).update(ended_at=now)
        record_event("session:all_ended", acting=acting, subject=customer_id, reason=reason, count=ended)
    return ended


# --- browsers that remember ------------------------------------------------------------------------------


def remember_browser(customer_id: str, *, agent: str, world: World) -> str:
    """Let this browser know its customer; return the token for its cookie. Inside a transaction."""
    now, token = world.clock.now(), secrets.token_urlsafe(32)
    Browser.objects.create(
        token=digest_of(token), customer_id=customer_id, agent=agent[:80], made_at=now, seen_at=now
    )
    return token


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


def note_visit(token: str, *, world: World) -> None:
    """Note that a browser that remembers was used again."""
    if token:
        Browser.objects.filter(token=digest_of(token)).update(seen_at=world.clock.now())


def forget_browser(*, token: str = "", browser_id: str = "", customer_id: str = "", world: World) -> bool:
    """Make a browser forget: by its own token, or by its id and its customer."""
    rows = Browser.objects.filter(ended_at__isnull=True)
    if token:
        rows = rows.filter(token=digest_of(token))
    elif browser_id and customer_id:
        rows = rows.filter(pk=browser_id, customer_id=customer_id)
    else:
        return False
    return bool(rows.update(ended_at=world.clock.now()))
