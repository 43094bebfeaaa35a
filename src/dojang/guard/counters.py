"""Retry counters, the only ones: moved and committed before the comparison, one row per factor and subject.

The subject is whatever can be guessed at: a customer's card, a user id, one key's PIN or pattern.
The row is locked (`SELECT … FOR UPDATE`), so parallel attempts from any number of runs, channels and
processes count exactly: with a limit of five, five questions reach the outside and no sixth.

A right answer sets a counter back, but only for the past: attempts still under way stay counted, and so do
wrong ones counted later. A crash between counting and judging leaves the attempt counted, which errs on the
careful side. All functions run inside the caller's transaction; the caller commits before anybody is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db import connection

from dojang.guard.models import Attempt, FactorCounter, FactorLock
from dojang.guard.sealing import sealer
from dojang.ports.limits import is_day, window_begins, window_ends

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from dojang.ports.limits import Limit

#: An attempt not judged within this time belonged to a process that died.
OPEN_FOR: Final = timedelta(seconds=90)
#: How long attempts are kept, for whoever has to explain a count; longer than any rolling window.
KEPT_FOR: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What to count: `subject` in clear (indexed, never stored), and how many entries within what.

    `locks`: the limit, once reached, locks until its window ends or somebody unlocks; otherwise it only
    refuses. A rolling window never locks: it opens bit by bit.
    """

    factor: str
    subject: str
    limit: Limit
    customer_id: str = ""
    locks: bool = True

    def __post_init__(self) -> None:
        """Refuse what cannot be: a lock has an end, or somebody who opens it."""
        if self.locks and _is_rolling(self.limit.seconds):
            raise ValueError("a rolling limit refuses, it does not lock")

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


def _is_rolling(window: int | None) -> bool:
    return window is not None and not is_day(window)


def _is_over(row: FactorCounter, *, now: datetime) -> bool:
    """Tell whether the window has ended as a whole; a rolling one never does."""
    ends = None if _is_rolling(row.window) else window_ends(row.window, row.window_start)
    return ends is not None and now >= ends


def _counted(row: FactorCounter, *, now: datetime) -> int:
    """Return what counts against a row's limit now."""
    if _is_rolling(row.window):
        since = window_begins(row.window, now)
        return row.attempts.filter(at__gt=since).exclude(state__in=_NOT_COUNTED).count()
    return 0 if _is_over(row, now=now) else row.errors


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
# Closes attempts. Says how many of each counter are under way besides them; and of right ones, how many were
# counted after them and after the last right one, and were wrong: those a right answer does not forgive.
_CLOSE: Final = """
    WITH given AS (SELECT * FROM unnest(%s::bigint[], %s::text[]) AS g(id, state)),
    closed AS (
        UPDATE guard_attempt a SET state = g.state FROM given g
        WHERE a.id = g.id AND a.state = 'counted' RETURNING a.id, a.counter_id, a.at, a.state
    )
    SELECT closed.id, closed.counter_id, (
        SELECT count(*) FROM guard_attempt o WHERE o.counter_id = closed.counter_id AND o.state = 'counted'
            AND o.at > %s AND o.id NOT IN (SELECT id FROM given)
    ), CASE closed.state WHEN 'right' THEN (
        SELECT count(*) FROM guard_attempt o WHERE o.counter_id = closed.counter_id
            AND o.state IN ('wrong', 'kept') AND o.id > greatest(closed.id, (
                SELECT max(r.id) FROM guard_attempt r
                WHERE r.counter_id = closed.counter_id AND r.state = 'right'
            ))
    ) ELSE 0 END, closed.at FROM closed ORDER BY closed.id
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
        [tally.limit.seconds for tally in wanted.values()],
        [tally.limit.count for tally in wanted.values()],
    ]
    found = {(row.factor, bytes(row.subject)): row for row in _rows(_LOCK, parameters)}
    for row in found.values():
        if _is_over(row, now=now):
            row.window_start, row.errors = now, 0
            if row.locked_at is not None:
                row.locked_at = None
                row.locks.filter(opened_at=None).update(opened_at=now, opened_by="window")
            row.save()
        elif _is_rolling(row.window):
            row.errors = _counted(row, now=now)
            row.save(update_fields=["errors"])
    return [found[name] for name in names]


def _found(names: Mapping[str, bytes]) -> Iterable[FactorCounter]:
    """Return the counters with these factors and subjects, as far as there are any."""
    rows = _rows(_FIND, [list(names), list(names.values())]) if names else []
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
    opens_at = window_ends(row.window, row.window_start)
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
    for attempt, counter, under_way, later, at in judged:
        row, verdict = rows[counter], verdicts[attempt]
        if verdict == "reset":
            row.errors = min(row.errors, under_way + later)
        elif verdict == "refund" and at >= row.window_start:  # else it was counted in a window that is over
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
_NOT_COUNTED: Final = (Attempt.State.RIGHT, Attempt.State.UNANSWERED)


def tries_left(
    customer_id: str, factors: Iterable[str], *, of: str = "customer", now: datetime
) -> dict[str, int]:
    """Return what is left by factor for a customer; a factor never counted is absent, a locked one has 0.

    `of`: what was counted for, the customer or (``claim``) somebody who only says to be them.
    """
    subject = f"{of}:{customer_id}"
    names = {name: sealer().blind_index(f"counter.{name}", subject) for name in factors}
    return {row.factor: _left(row, row.limit, now=now) for row in _found(names)}


def left_of(tallies: Iterable[Tally], *, now: datetime) -> dict[str, int]:
    """Return what is left by factor, each factor once; one never counted is absent, a locked one has 0."""
    wanted = {tally.factor: tally for tally in tallies}
    found = _found({name: tally.index for name, tally in wanted.items()})
    return {row.factor: _left(row, wanted[row.factor].limit.count, now=now) for row in found}


def _left(row: FactorCounter, limit: int, *, now: datetime) -> int:
    if row.locked_at is not None and not _is_over(row, now=now):
        return 0
    return max(0, limit - _counted(row, now=now))


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
        row.errors, row.locked_at, row.window_start = 0, None, now
        row.save(update_fields=["errors", "locked_at", "window_start"])
        row.locks.filter(opened_at=None).update(opened_at=now, opened_by=opened_by)
    return opened


def name_customer(tally: Tally, customer_id: str) -> None:
    """Say whose a counter is, once that is known: their locks are found, told and opened by it."""
    FactorCounter.objects.filter(factor=tally.factor, subject=tally.index).update(customer_id=customer_id)


def forget_attempts(*, now: datetime, limit: int = 10_000) -> int:
    """Delete attempts nobody asks about any more, the oldest first; return how many. Counters keep theirs."""
    oldest = Attempt.objects.order_by("id").values_list("id", "at")[:limit]
    old = [attempt for attempt, at in oldest if at < now - KEPT_FOR]
    return Attempt.objects.filter(id__in=old).delete()[0]
