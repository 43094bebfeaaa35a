"""A session by its token, for whoever brings it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from dojang.account.errors import SessionMissingError
from dojang.account.models import Session
from dojang.account.sessions.actions import end_session, expire_session, touch_session
from dojang.ca.queries import IN_USE
from dojang.guard.sealing import digest_of
from dojang.journeys.login import LogIn
from dojang.ports.acting import Acting

if TYPE_CHECKING:
    from datetime import datetime

    from dojang.ports.world import World

#: Looking at pages in quick order is not written down each time.
_TOUCH: Final = timedelta(seconds=5)
#: Why a session is missing whose certificate is not in use any more (`SessionMissingError.data`).
CERTIFICATE: Final = "certificate"
_DOOR: Final = Acting(kind="system", id="session", channel="web")


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


def access_session(token: str, *, world: World) -> SessionView:
    """Return the live session of a token and note the visit.

    Raises `SessionMissingError`; with data ``reason`` of `CERTIFICATE` when the certificate it began with was
    held or revoked since, or ran out: whoever has the session then need not be its holder, and it ends.
    """
    rows = Session.objects.select_related("certificate").filter(ended_at__isnull=True)
    row = rows.filter(token=digest_of(token)).first() if token else None
    if row is None:
        raise SessionMissingError
    now, policy = world.clock.now(), world.policy
    until = row.made_at + timedelta(seconds=policy.sessions.absolute)
    idle_until = row.seen_at + timedelta(seconds=policy.sessions.idle)
    if not row.made_at <= now < min(until, idle_until):
        expire_session(row.pk, world=world)
        raise SessionMissingError
    if row.certificate.state != IN_USE or now > row.certificate.not_after:
        end_session(str(row.pk), reason=CERTIFICATE, acting=_DOOR, world=world)
        raise SessionMissingError(reason=CERTIFICATE)
    if now - row.seen_at >= _TOUCH:
        touch_session(row.pk, world=world)
        idle_until = now + timedelta(seconds=policy.sessions.idle)
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
