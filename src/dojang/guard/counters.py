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
from typing import TYPE_CHECKING, Any, Final

from django.db import connection

from dojang.guard.models import Attempt, FactorCounter, FactorLock
from dojang.guard.sealing import sealer
from dojang.journeys.model import DAY

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


_FIELDS: Final = (
    "id", "factor", "subject", "customer_id", "window_start", "window", "limit", "errors", "total",
    "locked_at",
)  # fmt: skip
_COLUMNS: Final = ", ".join(f'c."{name}"' for name in _FIELDS)
# One statement makes what is missing and locks everything, in one order. What is there keeps its figures.
_LOCK: Final = f"""
    INSERT INTO guard_factorcounter AS c
        (factor, subject, customer_id, window_start, "window", "limit", errors, total)
    SELECT t.factor, t.subject, t.customer_id, %s, t.frame, t.bound, 0, 0
    FROM unnest(%s::text[], %s::bytea[], %s::text[], %s::int[], %s::int[])
        AS t(factor, subject, customer_id, frame, bound)
    ORDER BY t.factor, t.subject
    ON CONFLICT (factor, subject) DO UPDATE SET "limit" = excluded."limit", "window" = excluded."window",
        customer_id = CASE excluded.customer_id WHEN '' THEN c.customer_id ELSE excluded.customer_id END
    RETURNING {_COLUMNS}
"""  # noqa: S608 - names of our own columns
_MOVE: Final = """
    WITH tried AS (SELECT * FROM unnest(%s::bigint[]) WITH ORDINALITY AS t(counter_id, place)),
    moved AS (
        UPDATE guard_factorcounter c SET errors = c.errors + t.times, total = c.total + t.times
        FROM (SELECT counter_id, count(*) AS times FROM tried GROUP BY counter_id) t
        WHERE c.id = t.counter_id
    )
    INSERT INTO guard_attempt (counter_id, run_id, state, at)
    SELECT counter_id, %s, 'counted', %s FROM tried ORDER BY place RETURNING id
"""
_INVOLVED: Final = f"""
    SELECT {_COLUMNS} FROM guard_factorcounter c
    WHERE c.id IN (SELECT counter_id FROM guard_attempt WHERE id = ANY(%s)) ORDER BY c.factor, c.subject
    FOR UPDATE
"""  # noqa: S608 - the same
# Closes attempts, and says how many of each counter are under way besides them.
_CLOSE: Final = """
    WITH given AS (SELECT * FROM unnest(%s::bigint[], %s::text[]) AS g(id, state)),
    closed AS (
        UPDATE guard_attempt a SET state = g.state FROM given g
        WHERE a.id = g.id AND a.state = 'counted' RETURNING a.id, a.counter_id
    )
    SELECT closed.id, closed.counter_id, (
        SELECT count(*) FROM guard_attempt o WHERE o.counter_id = closed.counter_id AND o.state = 'counted'
            AND o.at > %s AND o.id NOT IN (SELECT id FROM given)
    ) FROM closed ORDER BY closed.id
"""
_SETTLE: Final = """
    UPDATE guard_factorcounter c SET errors = g.errors, total = g.total
    FROM unnest(%s::bigint[], %s::int[], %s::bigint[]) AS g(id, errors, total) WHERE c.id = g.id
"""
_FIND: Final = f"""
    SELECT {_COLUMNS} FROM guard_factorcounter c WHERE c.factor = ANY(%s) AND c.subject = ANY(%s)
"""  # noqa: S608 - the same


def _asked(sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else []


def _rows(sql: str, parameters: Sequence[Any]) -> list[FactorCounter]:
    return [FactorCounter.from_db(connection.alias, _FIELDS, row) for row in _asked(sql, parameters)]


def _locked_rows(tallies: Sequence[Tally], *, now: datetime) -> list[FactorCounter]:
    """Fetch (or make) the counters' rows and lock them; start a new window where the old one is over."""
    names = [(tally.factor, tally.index) for tally in tallies]
    wanted = dict(zip(names, tallies, strict=True))
    parameters = [
        now,
        [factor for factor, _ in wanted],
        [index for _, index in wanted],
        [tally.customer_id for tally in wanted.values()],
        [tally.window for tally in wanted.values()],
        [tally.limit for tally in wanted.values()],
    ]
    found = {(row.factor, bytes(row.subject)): row for row in _rows(_LOCK, parameters)}
    for row in found.values():
        if _is_over(row, now=now):
            row.window_start, row.errors = now, 0
            if row.locked_at is not None:
                row.locked_at = None
                row.locks.filter(opened_at=None).update(opened_at=now, opened_by="window")
            row.save()
    return [found[name] for name in names]


def _found(names: Mapping[str, bytes]) -> Iterable[FactorCounter]:
    """Return the counters with these factors and subjects, as far as there are any."""
    rows = _rows(_FIND, [list(names), list(names.values())])
    return (row for row in rows if bytes(row.subject) == names[row.factor])


def _under_way(row: FactorCounter, *, now: datetime) -> int:
    return row.attempts.filter(state=Attempt.State.COUNTED, at__gt=now - OPEN_FOR).count()


def count_attempts(tallies: Sequence[Tally], *, run_id: str, now: datetime) -> Counted:
    """Move every counter by one, or none.

    Rows are locked in one fixed order, whatever the caller's, so two calls cannot wait for each other.
    """
    if not tallies:
        return Counted()
    rows = _locked_rows(tallies, now=now)
    for at, row in enumerate(rows):
        if row.locked_at is not None:
            return Counted(refused=at)
        if row.errors >= row.limit:
            newly = tallies[at].locks and not _under_way(row, now=now)
            if newly:
                _lock(row, now=now)
            return Counted(refused=at, locked=newly)
    attempts = tuple(attempt for (attempt,) in _asked(_MOVE, [[row.pk for row in rows], run_id, now]))
    for row in rows:
        row.errors += 1
    at_limit = tuple(at for at, row in enumerate(rows) if tallies[at].locks and row.errors >= row.limit)
    left = tuple(max(0, row.limit - row.errors) for row in rows)
    return Counted(attempts=attempts, left=left, at_limit=at_limit)


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
    if not verdicts:
        return ()
    rows = {row.pk: row for row in _rows(_INVOLVED, [list(verdicts)])}
    states = [str(_STATES[verdict]) for verdict in verdicts.values()]
    judged = _asked(_CLOSE, [list(verdicts), states, now - OPEN_FOR])
    locked: list[str] = []
    may_lock = frozenset(locking)
    changed: dict[int, FactorCounter] = {}
    for attempt, counter, under_way in judged:
        row, verdict = rows[counter], verdicts[attempt]
        if verdict == "reset":
            row.errors = under_way
        elif verdict == "refund":
            row.errors = max(0, row.errors - 1)
        if verdict in {"reset", "refund"}:
            row.total = max(0, row.total - 1)
            changed[row.pk] = row
        full = verdict == "wrong" and attempt in may_lock and row.errors >= row.limit
        if full and row.locked_at is None and not under_way:
            _lock(row, now=now)
            locked.append(row.factor)
    if changed:
        settled = changed.values()
        _asked(_SETTLE, [list(changed), [row.errors for row in settled], [row.total for row in settled]])
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
    left: dict[str, int] = {}
    for row in _found(tallies) if tallies else ():
        if _is_over(row, now=now):
            left[row.factor] = row.limit
        elif row.locked_at is not None:
            left[row.factor] = 0
        else:
            left[row.factor] = max(0, row.limit - row.errors)
    return left


def is_budget_spent(factor: str, subject: str, limit: int, *, now: datetime) -> bool:
    """Whether a day's budget of wrong entries (one network source, or everybody together) is used up."""
    return bool(spent_budgets({(factor, subject): limit}, now=now))


def spent_budgets(limits: Mapping[tuple[str, str], int], *, now: datetime) -> set[str]:
    """Return the factors of those budgets that are used up; limits by (factor, subject), each factor once."""
    names = {factor: sealer().blind_index(f"counter.{factor}", subject) for factor, subject in limits}
    bounds = {factor: limit for (factor, _), limit in limits.items()}
    rows = (row for row in _found(names) if not _is_over(row, now=now))
    return {row.factor for row in rows if row.errors >= bounds[row.factor]}


def spend_budget(factor: str, subject: str, limit: int, *, now: datetime) -> None:
    """Count one wrong entry against a day's budget."""
    [row] = _locked_rows([Tally(factor=factor, subject=subject, limit=limit, window=DAY)], now=now)
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
