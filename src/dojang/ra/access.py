"""Fetching a run with permission: absent and another session's look alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dojang.ra.errors import RunNotFoundError
from dojang.ra.models import Run

if TYPE_CHECKING:
    from dojang.ports.acting import Acting


def access_run(run_id: str, acting: Acting) -> Run:
    """Return the run if it belongs to the acting session. Raises `RunNotFoundError`."""
    run = None
    if acting.session:
        run = Run.objects.filter(id=run_id, session=acting.session).first()
    if run is None:
        raise RunNotFoundError
    return run
