"""A run's sealed body: how far it has walked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dojang.guard.sealing import sealer
from dojang.journeys.store import dump_progress, load_progress

if TYPE_CHECKING:
    from dojang.journeys.model import Progress
    from dojang.ra.models import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class RunBody:
    """The sealed part of a run."""

    progress: Progress

    def at(self, progress: Progress) -> RunBody:
        """Return the body with another progress."""
        return RunBody(progress=progress)


def open_body(run: Run) -> RunBody:
    """Open a run's body. Raises `SealBrokenError` when it is not this row's."""
    data = sealer().open(bytes(run.body), table="ra_run", column="body", row=run.id)
    return RunBody(progress=load_progress(data["progress"]))


def seal_body(run: Run, body: RunBody) -> None:
    """Put a body into a row (not saved)."""
    run.body = sealer().seal(
        {"progress": dump_progress(body.progress)}, table="ra_run", column="body", row=run.id
    )
