"""One walker of a run at a time: a lock by the run's name that dies with its session.

The lock orders people who press twice and processes that share a run; a killed process frees it at once.
It is held while the outside is asked, with no transaction open. The lease in the row guards the one case it
cannot: a connection that was lost and taken up again while the outside was answering.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from django.db import connection

from dojang.guard.locks import holding, holding_row

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Seconds a second request of the same run waits for the first; then it shows the page as it is.
PATIENCE: Final = 7.0


def _name(run_id: str) -> str:
    if connection.in_atomic_block:
        raise RuntimeError("a run is walked outside any transaction")
    return f"dojang.ra|{run_id}"


@contextmanager
def walking(run_id: str, *, patience: float = PATIENCE) -> Iterator[bool]:
    """Hold a run's lock and yield true, or yield false when `patience` (seconds) ran out.

    Outside any transaction: the lock must survive the commits of the work it guards.
    """
    with holding(_name(run_id), patience=patience) as held:
        yield held


@contextmanager
def walking_own(run_id: str, session: str, *, patience: float = PATIENCE) -> Iterator[bool | None]:
    """Hold the lock of a session's own run as `walking` does; yields None when there is no such run."""
    row = "FROM ra_run WHERE id = %s AND session = %s"
    with holding_row(_name(run_id), row=row, values=[run_id, session], patience=patience) as held:
        yield held
