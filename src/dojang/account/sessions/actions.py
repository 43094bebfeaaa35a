"""Sessions beginning and ending: short, with a token that is new whenever somebody proves who they are."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from django.db import transaction

from dojang.account.errors import SessionMissingError
from dojang.account.models import Browser, Session
from dojang.audit.actions import record_event
from dojang.ca.queries import IN_USE
from dojang.guard.sealing import digest_of

if TYPE_CHECKING:
    from uuid import UUID

    from dojang.ports.acting import Acting
    from dojang.ports.world import World


def open_session(
    customer_id: str,
    certificate_id: int,
    *,
    method: str,
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
        agent=acting.agent[:80],
        made_at=now,
        seen_at=now,
        proved_at=now,
    )
    record_event("session:opened", acting=acting, subject=customer_id, at=now, method=method)
    return token


def touch_session(session_id: UUID, *, world: World) -> None:
    """Note that a session was used."""
    Session.objects.filter(pk=session_id).update(seen_at=world.clock.now())


def expire_session(session_id: UUID, *, world: World) -> None:
    """Write down that a session's time is over; a repeat changes nothing."""
    rows = Session.objects.filter(pk=session_id, ended_at__isnull=True)
    rows.update(ended_at=world.clock.now(), end_reason="expired")


def renew_token(session_id: str, *, world: World) -> str:
    """Give a session a new token after a fresh proof; the one before opens nothing any more.

    Raises `SessionMissingError` when it ended meanwhile, or the certificate it began with is not in use.
    """
    token = secrets.token_urlsafe(32)
    alive = Session.objects.filter(pk=session_id, ended_at__isnull=True, certificate__state=IN_USE)
    changed = alive.update(token=digest_of(token), proved_at=world.clock.now())
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
