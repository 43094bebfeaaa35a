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
    if connection.in_atomic_block:
        raise RuntimeError("a run is walked outside any transaction")
    number = _number(run_id)
    if not _take(number, patience):
        yield False
        return
    try:
        yield True
    finally:
        _free(number)


def _take(number: int, patience: float) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [number])
        if cursor.fetchone()[0]:
            return True
        if patience <= 0:
            return False
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
