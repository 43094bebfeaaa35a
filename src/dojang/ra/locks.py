"""One walker of a run at a time: a PostgreSQL advisory lock that dies with its session.

The lock orders people who press twice and processes that share a run; a killed process frees it at once.
It is held while the outside is asked, with no transaction open. The lease in the row guards the one case it
cannot: a connection that was lost and taken up again while the outside was answering.
"""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from django.db import DatabaseError, OperationalError, connection

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Seconds a second request of the same run waits for the first; then it shows the page as it is.
PATIENCE: Final = 7.0
_LOCK_NOT_AVAILABLE: Final = "55P03"


def _number(name: str) -> int:
    return int.from_bytes(hashlib.sha256(f"dojang.ra|{name}".encode()).digest()[:8], "big", signed=True)


@contextmanager
def walking(run_id: str, *, patience: float = PATIENCE) -> Iterator[bool]:
    """Hold a run's lock and yield true, or yield false when `patience` (seconds) ran out.

    Outside any transaction: the lock must survive the commits of the work it guards.
    """
    number = _number(run_id)
    taken = _try("SELECT pg_try_advisory_lock(%s)", [number])
    with _holding(number, patience, bool(taken)) as held:
        yield held


@contextmanager
def walking_own(run_id: str, session: str, *, patience: float = PATIENCE) -> Iterator[bool | None]:
    """Hold the lock of a session's own run as `walking` does; yields None when there is no such run."""
    number = _number(run_id)
    # The lock is tried for a row that was found, and for nothing else.
    own = "SELECT pg_try_advisory_lock(%s) FROM ra_run WHERE id = %s AND session = %s"
    taken = _try(own, [number, run_id, session])
    if taken is None:
        yield None
        return
    with _holding(number, patience, taken) as held:
        yield held


def _try(sql: str, parameters: list[int | str]) -> bool | None:
    if connection.in_atomic_block:
        raise RuntimeError("a run is walked outside any transaction")
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        row = cursor.fetchone()
    return None if row is None else bool(row[0])


@contextmanager
def _holding(number: int, patience: float, taken: bool) -> Iterator[bool]:  # noqa: FBT001 - of this module
    if not (taken or _wait(number, patience)):
        yield False
        return
    try:
        yield True
    finally:
        _free(number)


def _wait(number: int, patience: float) -> bool:
    if patience <= 0:
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", [f"{int(patience * 1000)}ms"])
        try:
            cursor.execute("SELECT pg_advisory_lock(%s)", [number])
        except OperationalError as error:
            if getattr(error.__cause__, "sqlstate", "") != _LOCK_NOT_AVAILABLE:
                raise
            return False
        finally:
            cursor.execute("RESET lock_timeout")
        return True


def _free(number: int) -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [number])
    except DatabaseError:
        # The session is gone, and the lock with it; the next statement opens a new one.
        connection.close()
