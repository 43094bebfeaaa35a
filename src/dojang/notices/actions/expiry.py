"""Telling that a certificate ends: 30, 14, 7 and 1 days ahead, once for each, however often it runs.

Two halves. The *look* walks the active certificates near their end by key, a page for a transaction: each
page writes its rows and their jobs together, so a look that dies has either done a page or not, and the next
one goes on with what is left. Cost and memory follow a page and what is near its end, not what exists. The
*telling* is one job for a certificate: it asks the core bank how to reach the holder and writes the notices.

Days are counted as people do, by the calendar of Korea. Whoever was missed (the centre stood still, or a new
certificate kept a near end) is told by the nearest number of days, not by all that went by.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db import DatabaseError, connection, transaction
from procrastinate.contrib.django import app as queue

from dojang.audit.actions import record_event
from dojang.ca.queries import state_of
from dojang.ca.states import CertificateState
from dojang.guard.rounds import Round, tend
from dojang.notices.actions.telling import gather_audience, tell
from dojang.notices.models import ExpiryNotice
from dojang.pki.day import day_begins, day_of, days_between

if TYPE_CHECKING:
    from collections.abc import Callable

    from dojang.ca.models import Certificate
    from dojang.ports.acting import Acting
    from dojang.ports.world import World

DAYS: Final = (30, 14, 7, 1)
PAGE: Final = 1000
MESSAGE: Final = "certificate_expires"
#: A row whose job was lost gets another one after this long.
_LOST_AFTER: Final = timedelta(hours=1)
_DUE: Final = """
    SELECT c.id, c.not_after FROM ca_certificate AS c
    WHERE c.state = 'active' AND c.not_after >= %s AND c.not_after < %s AND (c.not_after, c.id) > (%s, %s)
      AND NOT EXISTS (SELECT FROM notices_expirynotice AS n WHERE n.certificate_id = c.id AND n.days = %s)
    ORDER BY c.not_after, c.id LIMIT %s
"""
_NOTE: Final = """
    INSERT INTO notices_expirynotice (certificate_id, days, made_at)
    SELECT unnest(%s::bigint[]), %s, %s ON CONFLICT (certificate_id, days) DO NOTHING RETURNING id
"""


@dataclass(frozen=True, slots=True)
class Looked:
    """What one look found: certificates by number of days, and rows whose job was lost and made anew."""

    found: dict[int, int] = field(default_factory=dict)
    again: int = 0

    @property
    def total(self) -> int:
        """All certificates found."""
        return sum(self.found.values())


def days_left(not_after: datetime, now: datetime) -> int:
    """Count the days a certificate has left, by the Korean calendar: 0 on its last day."""
    return days_between(now, not_after)


def span_of(days: int, now: datetime) -> tuple[datetime, datetime]:
    """Return the ends (from, before) of the certificates to be told `days` ahead at this moment."""
    today = day_of(now)
    nearer = max((number for number in DAYS if number < days), default=None)

    def midnight(number: int) -> datetime:
        return day_begins(today + timedelta(days=number))

    return (now if nearer is None else midnight(nearer + 1)), midnight(days + 1)


def look(*, acting: Acting, world: World, page: int = PAGE) -> Looked:
    """Find every certificate whose end is to be told now; the nearest ends come first."""
    parts: dict[str, Callable[[], int]] = {
        str(days): functools.partial(_look_ahead, days, page, acting=acting, world=world)
        for days in sorted(DAYS)
    }
    done = tend(
        "notices.look_for_expiry",
        {**parts, "again": lambda: _requeue(world=world, limit=page)},
        world=world,
    )
    return Looked({days: done[str(days)] for days in sorted(DAYS)}, done["again"])


def _look_ahead(days: int, page: int, *, acting: Acting, world: World) -> int:
    now, total = world.clock.now(), 0
    start, before = span_of(days, now)
    key: tuple[datetime, int] = (start, 0)
    tended = Round[int](f"notices.look_for_expiry.{days}", world.clock.now(), world.signer)
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_DUE, [start, before, *key, days, page])
            rows = cursor.fetchall()
        if not rows:
            return total
        numbers = [number for number, _ in rows]
        try:
            total += _note(numbers, days, now, acting=acting)
        except DatabaseError:  # one of the page, or the database: each by itself tells
            total += sum(tended.each(numbers, lambda number: _note([number], days, now, acting=acting)))
        number, until = rows[-1]
        key = (until, number)


def _note(numbers: list[int], days: int, now: datetime, *, acting: Acting) -> int:
    """Write the rows of some certificates with their jobs; returns how many are new."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_NOTE, [numbers, days, now])
        made = [number for (number,) in cursor.fetchall()]
        _defer(made)
        if made:
            record_event("expiry:found", acting=acting, days=days, certificates=len(made))
    return len(made)


def _defer(numbers: list[int]) -> None:
    jobs: list[dict[str, Any]] = [{"expiry_id": number} for number in numbers]
    if jobs:
        queue.configure_task("notices.tell_expiry").batch_defer(*jobs)


def _requeue(*, world: World, limit: int) -> int:
    """Give rows whose job was lost another one; at most a page a look."""
    tended = Round[int]("notices.look_for_expiry.lost", world.clock.now(), world.signer)
    lost = ExpiryNotice.objects.filter(
        told_at__isnull=True, made_at__lt=world.clock.now() - _LOST_AFTER
    ).exclude(id__in=tended.resting())

    def again(numbers: list[int]) -> int:
        with transaction.atomic():
            rows = lost.filter(id__in=numbers).select_for_update(skip_locked=True)
            taken = list(rows.values_list("id", flat=True))
            ExpiryNotice.objects.filter(id__in=taken).update(made_at=world.clock.now())
            _defer(taken)
        return len(taken)

    numbers = list(lost.order_by("made_at", "id").values_list("id", flat=True)[:limit])
    try:
        return again(numbers)
    except DatabaseError:  # the same
        return sum(tended.each(numbers, lambda number: again([number])))


def tell_one(expiry_id: int, *, acting: Acting, world: World) -> int:
    """Tell one holder on every channel; return how many notices were written. A repeat writes none.

    A certificate that was replaced, revoked or held meanwhile, or has ended, is no longer told about.
    """
    row = ExpiryNotice.objects.select_related("certificate").filter(pk=expiry_id).first()
    if row is None or row.told_at is not None:
        return 0
    certificate: Certificate = row.certificate
    audience = gather_audience(certificate.customer_id, world=world)
    now = world.clock.now()
    with transaction.atomic():
        row = ExpiryNotice.objects.select_for_update().get(pk=expiry_id)
        if row.told_at is not None:
            return 0
        made = 0
        if state_of(certificate.pk) == CertificateState.ACTIVE and certificate.not_after >= now:
            made = tell(
                audience,
                MESSAGE,
                {
                    "product": certificate.product,
                    "serial": certificate.serial[-8:],
                    "days": days_left(certificate.not_after, now),
                    "until": day_of(certificate.not_after).isoformat(),
                },
                key=f"expiry:{certificate.pk}:{row.days}",
                acting=acting,
                world=world,
            )
        row.told_at = now
        row.save(update_fields=["told_at"])
    return made
