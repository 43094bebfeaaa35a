"""Fetching a run with permission: absent and another's session look alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dojang.ra.errors import RunMovedError, RunNotFoundError
from dojang.ra.models import Run

if TYPE_CHECKING:
    from dojang.ports.acting import Acting


def access_run(run_id: str, acting: Acting) -> Run:
    """Return the run if it belongs to the acting session.

    Raises `RunNotFoundError`; `RunMovedError`, a kind of it, to the session the run was moved away from.
    """
    run = None
    if acting.session:
        run = Run.objects.filter(id=run_id, session=acting.session).first()
    if run is not None:
        return run
    if acting.session and Run.objects.filter(id=run_id, former_session=acting.session).exists():
        raise RunMovedError
    raise RunNotFoundError
