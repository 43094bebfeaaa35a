"""A run's row written by fixed statements, each of them the same text for every use (see `rows`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.db import connection

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from dojang.ra.models import Run

#: What walking a run may change; its session belongs to the hand-off.
_WALKED: Final = (
    "state", "revision", "step", "customer_id", "body", "lease", "leased_at", "waits_for", "end_reason",
    "touched_at", "idle_until", "ended_at",
)  # fmt: skip
_SET: Final = ", ".join(f"{name} = %s" for name in _WALKED)

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
