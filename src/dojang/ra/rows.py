"""A run's row, read and written by fixed statements.

Every request reads and writes it several times. The statements are always the same text, so a connection
plans each of them once, and none of them is composed anew for each use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.db import connection

from dojang.ra.models import Run

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

_FIELDS: Final = tuple(field.attname for field in Run._meta.concrete_fields)  # noqa: SLF001 - Django's public name for it
_SELECT: Final = f"SELECT {', '.join(_FIELDS)} FROM ra_run"  # noqa: S608 - names of our own columns
#: What walking a run may change; its session belongs to the hand-off.
_WALKED: Final = (
    "state", "revision", "step", "customer_id", "body", "lease", "leased_at", "waits_for", "end_reason",
    "touched_at", "idle_until", "ended_at",
)  # fmt: skip
_SET: Final = ", ".join(f"{name} = %s" for name in _WALKED)

_READ: Final = f"{_SELECT} WHERE id = %s AND session = %s"
_LOCK: Final = f"{_SELECT} WHERE id = %s FOR UPDATE"
_WRITE: Final = f"UPDATE ra_run SET {_SET} WHERE id = %s"  # noqa: S608 - the same
_ANSWERED: Final = f"""
    WITH answered AS (
        INSERT INTO ra_stepoutcome (run_id, step, revision, action, outcome, at)
        VALUES (%s, %s, %s, %s, %s, %s)
    )
    {_WRITE}
"""  # noqa: S608 - the same
_LEASE: Final = """
    UPDATE ra_run SET body = %s, lease = %s, leased_at = %s
    WHERE id = %s AND revision = %s AND state = 'open' AND lease = %s
"""
_ENTERED: Final = """
    UPDATE ra_run SET body = %s, step = %s, state = %s, end_reason = %s, ended_at = %s, lease = %s,
        leased_at = %s, waits_for = %s
    WHERE id = %s AND revision = %s AND state = 'open' AND lease = %s
"""


def _made(sql: str, parameters: Sequence[Any]) -> Run | None:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        row = cursor.fetchone()
    return None if row is None else Run.from_db(connection.alias, _FIELDS, row)


def read_run(run_id: str, session: str) -> Run | None:
    """Return a session's run, or None."""
    return _made(_READ, [run_id, session])


def lock_run(run_id: str) -> Run:
    """Return a run with its row locked until the transaction ends. Raises `Run.DoesNotExist`."""
    found = _made(_LOCK, [run_id])
    if found is None:
        raise Run.DoesNotExist
    return found


def write_run(run: Run) -> None:
    """Store what walking changed in a locked row."""
    _execute(_WRITE, [*_walked(run), run.id])


def write_answered(run: Run, *, step: str, revision: int, action: str, outcome: str, at: datetime) -> None:
    """Store a locked row, and that this (step, revision, action) was answered, in one statement.

    Raises `django.db.IntegrityError` when it was answered before.
    """
    _execute(_ANSWERED, [run.id, step, revision, action, outcome, at, *_walked(run), run.id])


def take_lease(run: Run, *, before: str) -> bool:
    """Store body and lease if nobody moved the run since it was read; locks the row until the commit."""
    return _execute(_LEASE, [run.body, run.lease, run.leased_at, run.id, run.revision, before])


def write_entered(run: Run, *, before: str) -> bool:
    """Store what entering (or looking at) a step changed, if nobody moved or leased the run since."""
    values = [run.body, run.step, str(run.state), run.end_reason, run.ended_at, run.lease, run.leased_at]
    return _execute(_ENTERED, [*values, run.waits_for, run.id, run.revision, before])


def _walked(run: Run) -> Iterable[Any]:
    run.state = str(run.state)  # a word, not a member of its enumeration, for the driver
    return (getattr(run, name) for name in _WALKED)


def _execute(sql: str, parameters: Iterable[Any]) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(sql, list(parameters))
        return bool(cursor.rowcount == 1)
