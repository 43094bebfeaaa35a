"""Retry counters: moved and committed before the comparison, one row per factor and subject.

The row is locked (`SELECT … FOR UPDATE`), so parallel attempts from any number of runs, channels and
processes count exactly: with a limit of five, five questions reach the outside and no sixth.

A right answer sets a counter back, but only for the past: attempts still under way stay counted.
A crash between counting and judging leaves the attempt counted, which errs on the careful side.
All functions run inside the caller's transaction; the caller commits before anybody is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final

from dojang.journeys.model import DAY
from dojang.ra.models import Attempt, FactorCounter, FactorLock
from dojang.ra.sealing import sealer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_KST: Final = timezone(timedelta(hours=9))
#: An attempt not judged within this time belonged to a process that died.
OPEN_FOR: Final = timedelta(seconds=90)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What to count: `subject` in clear (indexed, never stored), `limit` entries within `window` seconds.

    A window of a day ends at midnight, Korean time; ``None`` counts until a right answer or an unlock.
    """

    factor: str
    subject: str
    limit: int
    window: int | None = None
    customer_id: str = ""
    locks: bool = True

    @property
    def index(self) -> bytes:
        """The subject as it is stored."""
        return sealer().blind_index(f"counter.{self.factor}", self.subject)


@dataclass(frozen=True, slots=True)
class Counted:
    """Result of counting: attempts and tries left in the order of the tallies, or the index that refuses.

    `locked`: the refusing counter was locked just now, by this call. `at_limit` holds the indexes of
    tallies that have nothing left after this attempt: if it is wrong, they lock.
    """

    attempts: tuple[int, ...] = ()
    left: tuple[int, ...] = ()
    refused: int | None = None
    locked: bool = False
    at_limit: tuple[int, ...] = ()


def _window_end(start: datetime, window: int) -> datetime:
    if window != DAY:
        return start + timedelta(seconds=window)
    day = start.astimezone(_KST).date() + timedelta(days=1)
    return datetime(day.year, day.month, day.day, tzinfo=_KST)


def _is_over(row: FactorCounter, *, now: datetime) -> bool:
    return row.window is not None and now >= _window_end(row.window_start, row.window)


def _locked_row(tally: Tally, *, now: datetime) -> FactorCounter:
    """Fetch (or make) a counter's row and lock it; start a new window when the old one is over."""
    rows = FactorCounter.objects.select_for_update()
    row = rows.filter(factor=tally.factor, subject=tally.index).first()
    if row is None:
        values = {"window": tally.window, "limit": tally.limit, "window_start": now}
        FactorCounter.objects.bulk_create(
            [
                FactorCounter(
                    factor=tally.factor, subject=tally.index, customer_id=tally.customer_id, **values
                )
            ],
            ignore_conflicts=True,
        )
        row = rows.get(factor=tally.factor, subject=tally.index)
    row.limit, row.window = tally.limit, tally.window
    row.customer_id = tally.customer_id or row.customer_id
    if _is_over(row, now=now):
        row.window_start, row.errors = now, 0
        if row.locked_at is not None:
            row.locked_at = None
            row.locks.filter(opened_at=None).update(opened_at=now, opened_by="window")
        row.save()
    return row


def _under_way(row: FactorCounter, *, now: datetime) -> int:
    return row.attempts.filter(state=Attempt.State.COUNTED, at__gt=now - OPEN_FOR).count()


def count_attempts(tallies: Sequence[Tally], *, run_id: str, now: datetime) -> Counted:
    """Move every counter by one, or none.

    Rows are locked in one fixed order, whatever the caller's, so two calls cannot wait for each other.
    """
    order = sorted(range(len(tallies)), key=lambda at: (tallies[at].factor, tallies[at].index))
    rows = {at: _locked_row(tallies[at], now=now) for at in order}
    for at, row in sorted(rows.items()):
        if row.locked_at is not None:
            return Counted(refused=at)
        if row.errors >= row.limit:
            newly = tallies[at].locks and not _under_way(row, now=now)
            if newly:
                _lock(row, now=now)
            return Counted(refused=at, locked=newly)
    for row in rows.values():
        row.errors += 1
        row.total += 1
        row.save()
    made = Attempt.objects.bulk_create(
        Attempt(counter=row, run_id=run_id, at=now) for _at, row in sorted(rows.items())
    )
    attempts = [attempt.pk for attempt in made]
    at_limit = tuple(at for at, row in sorted(rows.items()) if tallies[at].locks and row.errors >= row.limit)
    left = tuple(max(0, row.limit - row.errors) for _at, row in sorted(rows.items()))
    return Counted(attempts=tuple(attempts), left=left, at_limit=at_limit)


def _lock(row: FactorCounter, *, now: datetime) -> None:
    row.locked_at = now
    row.save(update_fields=["locked_at"])
    opens_at = None if row.window is None else _window_end(row.window_start, row.window)
    FactorLock.objects.create(counter=row, locked_at=now, opens_at=opens_at)


def judge_attempts(
    verdicts: Mapping[int, str], *, locking: Iterable[int] = (), now: datetime
) -> tuple[str, ...]:
    """Close attempts and return the factors locked by that.

    Verdicts by attempt: ``reset`` (right: forget the past), ``refund`` (this one did not count), ``keep``
    (done, stays counted), ``wrong`` (stays counted; attempts in `locking` lock their counter at its limit).
    """
    involved = FactorCounter.objects.filter(attempts__in=verdicts.keys())
    rows = {
        row.pk: row
        for row in FactorCounter.objects.select_for_update()
        .filter(pk__in=involved)
        .order_by("factor", "subject")
    }
    locked: list[str] = []
    may_lock = frozenset(locking)
    open_attempts = Attempt.objects.filter(pk__in=verdicts.keys(), state=Attempt.State.COUNTED)
    judged = list(open_attempts.order_by("pk"))
    for verdict in {verdicts[attempt.pk] for attempt in judged}:
        mine = [attempt.pk for attempt in judged if verdicts[attempt.pk] == verdict]
        Attempt.objects.filter(pk__in=mine).update(state=_STATES[verdict])
    for attempt in judged:
        row, verdict = rows[attempt.counter_id], verdicts[attempt.pk]
        if verdict == "reset":
            row.total = max(0, row.total - 1)
            row.errors = _under_way(row, now=now)
        elif verdict == "refund":
            row.total = max(0, row.total - 1)
            row.errors = max(0, row.errors - 1)
        if verdict in {"reset", "refund"}:
            row.save(update_fields=["errors", "total"])
        full = verdict == "wrong" and attempt.pk in may_lock and row.errors >= row.limit
        if full and row.locked_at is None and not _under_way(row, now=now):
            _lock(row, now=now)
            locked.append(row.factor)
    return tuple(locked)


_STATES: Final = {
    "reset": Attempt.State.RIGHT,
    "refund": Attempt.State.UNANSWERED,
    "keep": Attempt.State.KEPT,
    "wrong": Attempt.State.WRONG,
}


def tries_left(customer_id: str, factors: Iterable[str], *, now: datetime) -> dict[str, int]:
    """Return what is left by factor for a customer; a factor never counted is absent, a locked one has 0."""
    tallies = {name: sealer().blind_index(f"counter.{name}", f"customer:{customer_id}") for name in factors}
    rows = FactorCounter.objects.filter(factor__in=tallies, subject__in=tallies.values())
    left: dict[str, int] = {}
    for row in rows:
        if bytes(row.subject) != tallies[row.factor]:
            continue
        if _is_over(row, now=now):
            left[row.factor] = row.limit
        elif row.locked_at is not None:
            left[row.factor] = 0
        else:
            left[row.factor] = max(0, row.limit - row.errors)
    return left


def is_budget_spent(factor: str, subject: str, limit: int, *, now: datetime) -> bool:
    """Whether a day's budget of wrong entries (one network source, or everybody together) is used up."""
    index = sealer().blind_index(f"counter.{factor}", subject)
    row = FactorCounter.objects.filter(factor=factor, subject=index).first()
    return row is not None and not _is_over(row, now=now) and row.errors >= limit


def spend_budget(factor: str, subject: str, limit: int, *, now: datetime) -> None:
    """Count one wrong entry against a day's budget."""
    row = _locked_row(Tally(factor=factor, subject=subject, limit=limit, window=DAY), now=now)
    row.errors += 1
    row.total += 1
    row.save(update_fields=["errors", "total"])


def locked_factors(customer_id: str, *, now: datetime) -> tuple[str, ...]:
    """Factors locked for a customer now."""
    rows = FactorCounter.objects.filter(customer_id=customer_id, locked_at__isnull=False)
    return tuple(sorted({row.factor for row in rows if not _is_over(row, now=now)}))


def open_lock(customer_id: str, factor: str, *, opened_by: str, now: datetime) -> int:
    """Open a customer's locks of one factor and start its counters afresh; return how many were locked."""
    opened = 0
    rows = FactorCounter.objects.select_for_update().filter(customer_id=customer_id, factor=factor)
    for row in rows.order_by("factor", "subject"):
        opened += row.locked_at is not None
        row.errors, row.locked_at = 0, None
        row.save(update_fields=["errors", "locked_at"])
        row.locks.filter(opened_at=None).update(opened_at=now, opened_by=opened_by)
    return opened
