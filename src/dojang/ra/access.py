"""Fetching a run with permission: absent and another's session look alike."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from dojang.ra.errors import RunMovedError, RunNotFoundError
from dojang.ra.locks import PATIENCE, walking_own
from dojang.ra.models import Run
from dojang.ra.rows import read_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dojang.ports.acting import Acting


def access_run(run_id: str, acting: Acting) -> Run:
    """Return the run if it belongs to the acting session.

    Raises `RunNotFoundError`; `RunMovedError`, a kind of it, to the session the run was moved away from.
    """
    run = read_run(run_id, acting.session) if acting.session else None
    if run is not None:
        return run
    raise _refusal(run_id, acting)


@contextmanager
def walking_run(run_id: str, acting: Acting, *, patience: float = PATIENCE) -> Iterator[tuple[Run, bool]]:
    """Return the run as `access_run` does, and whether its lock is held until the block ends.

    The row is read behind the lock: it is what the walker before left.
    """
    if not acting.session:
        raise _refusal(run_id, acting)
    with walking_own(run_id, acting.session, patience=patience) as held:
        if held is None:
            raise _refusal(run_id, acting)
        yield access_run(run_id, acting), held


def _refusal(run_id: str, acting: Acting) -> RunNotFoundError:
    if acting.session and Run.objects.filter(id=run_id, former_session=acting.session).exists():
        return RunMovedError()
    return RunNotFoundError()
