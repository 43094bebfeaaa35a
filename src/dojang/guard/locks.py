"""Locks by name, kept by PostgreSQL: nobody else does what a name stands for, in whatever process.

Four kinds, and every name becomes a number in one way (`lock_number`):

* `holding`: a session's lock, waited for with patience. It outlives transactions, so the outside may be
  asked meanwhile, and a process that is killed lets go of it at once.
* `trying`: the same lock, if nobody has it; `trying_each`: the same for many names, by one statement.
* `hold_to_commit`: a transaction's lock, let go of with the transaction.

A number depends on the name alone, and names do not change between releases: while an upgrade rolls, old
and new processes agree about orders, holders, lists and runs. What else is locked (an approval, the binding
of a run to its person) had other numbers before this release; there a constraint in the database
decides, or a limit may be overstepped by one while both releases run.
"""

from __future__ import annotations

import hashlib
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, cast

from django.db import DatabaseError, OperationalError, connection

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LOCK_NOT_AVAILABLE: Final = "55P03"
_TRY_EACH: Final = "SELECT n, pg_try_advisory_lock(n) FROM unnest(%s::bigint[]) AS n"
_UNLOCK_EACH: Final = "SELECT count(pg_advisory_unlock(n)) FROM unnest(%s::bigint[]) AS n"
_held = threading.local()  # a session lock belongs to the connection, and a connection to its thread


def lock_number(*name: str) -> int:
    """Turn a name into the 64-bit number PostgreSQL's advisory locks go by."""
    digest = hashlib.sha256("\0".join(name).encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


@contextmanager
def holding(*name: str, patience: float | None = None) -> Iterator[bool]:
    """Hold a lock and yield true, or yield false when `patience` (seconds) ran out.

    Without patience the connection's own ``lock_timeout`` counts. Entering again in one thread costs nothing.
    """
    number = lock_number(*name)
    if number not in _locks_of_this_connection() and not (_try(number) or _wait(number, patience)):
        yield False
        return
    with _until_done(number):
        yield True


@contextmanager
def holding_row(
    *name: str, row: str, values: Sequence[Any], patience: float | None = None
) -> Iterator[bool | None]:
    """Hold a lock as `holding` does, if there is a row; yields None when there is none, and locks nothing.

    `row` is what stands after ``SELECT`` of that row (``FROM … WHERE …``, our own words), `values` its
    parameters: looking and trying are one statement.
    """
    number = lock_number(*name)
    taken = _try(number, row, values)
    if taken is None:
        yield None
        return
    if taken and number in _locks_of_this_connection():
        _unlock(number)  # counted by the server as well: once is enough
    if not (taken or _wait(number, patience)):
        yield False
        return
    with _until_done(number):
        yield True


@contextmanager
def trying(*name: str) -> Iterator[bool]:
    """Hold a lock if nobody else does; yields whether it is held."""
    with holding(*name, patience=0) as held:
        yield held


@contextmanager
def trying_each(names: Sequence[tuple[str, ...]]) -> Iterator[list[bool]]:
    """Hold those of several locks that nobody else has; yields which, in order. Never waits."""
    numbers = [lock_number(*name) for name in names]
    held = _locks_of_this_connection()
    asked = sorted({number for number in numbers if number not in held})
    taken = set(held)
    if asked:
        with connection.cursor() as cursor:
            cursor.execute(_TRY_EACH, [asked])
            taken |= {number for number, is_taken in cursor.fetchall() if is_taken}
    mine = [number for number in dict.fromkeys(numbers) if number in taken]
    for number in mine:
        held[number] = held.get(number, 0) + 1
    try:
        yield [number in taken for number in numbers]
    finally:
        _let_go(held, mine)


def holds(*name: str) -> bool:
    """Tell whether this thread holds a lock of this name (`holding` or one of its kind)."""
    return lock_number(*name) in _locks_of_this_connection()


def hold_to_commit(*name: str) -> None:
    """Hold a lock until the present transaction ends; waits as long as the connection's ``lock_timeout``."""
    if not connection.in_atomic_block:
        raise RuntimeError("a transaction's lock is taken inside a transaction")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [lock_number(*name)])


def _try(number: int, row: str = "", values: Sequence[Any] = ()) -> bool | None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_try_advisory_lock(%s) {row}", [number, *values])
        found = cursor.fetchone()
    return None if found is None else bool(found[0])


def _wait(number: int, patience: float | None) -> bool:
    if patience is not None and patience <= 0:
        return False
    with connection.cursor() as cursor:
        if patience is not None:
            cursor.execute("SELECT set_config('lock_timeout', %s, false)", [f"{int(patience * 1000)}ms"])
        try:
            cursor.execute("SELECT pg_advisory_lock(%s)", [number])
        except OperationalError as error:
            if getattr(error.__cause__, "sqlstate", "") != _LOCK_NOT_AVAILABLE:
                raise
            return False
        finally:
            if patience is not None:
                cursor.execute("RESET lock_timeout")
    return True


def _locks_of_this_connection() -> dict[int, int]:
    """Return how often each lock is held; a new connection holds none, whatever the old one did."""
    connection.ensure_connection()
    if getattr(_held, "session", None) is not connection.connection:
        _held.session, _held.locks = connection.connection, {}
    return cast("dict[int, int]", _held.locks)


@contextmanager
def _until_done(number: int) -> Iterator[None]:
    held = _locks_of_this_connection()
    held[number] = held.get(number, 0) + 1
    try:
        yield
    finally:
        _let_go(held, [number])


def _let_go(held: dict[int, int], numbers: Sequence[int]) -> None:
    over = []
    for number in numbers:
        held[number] -= 1
        if not held[number]:
            del held[number]
            over.append(number)
    # The dictionary belongs to one session: another one has nothing to let go of.
    if over and held is getattr(_held, "locks", None):
        _unlock(*over)


def _unlock(*numbers: int) -> None:
    """Let go. A broken connection has let go already; in a failed transaction the session keeps it."""
    if connection.connection is None or connection.connection.closed or connection.needs_rollback:
        return
    try:
        with connection.cursor() as cursor:
            if len(numbers) == 1:
                cursor.execute("SELECT pg_advisory_unlock(%s)", numbers)
            else:
                cursor.execute(_UNLOCK_EACH, [list(numbers)])
    except DatabaseError:
        if connection.in_atomic_block:
            raise
        # The session is gone, and the lock with it; the next statement opens a new one.
        connection.close()
