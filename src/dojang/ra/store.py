"""A run's sealed body: how far it has walked, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from dojang.guard.sealing import sealer
from dojang.journeys.store import dump_progress, load_progress

if TYPE_CHECKING:
    from dojang.journeys.model import Progress
    from dojang.ra.models import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The sealed part of a run. `order` holds what issuing fixed when it began, `result` the certificate."""

    progress: Progress
    order: dict[str, Any] = field(default_factory=dict)
    result: dict[str, Any] | None = None

    def at(self, progress: Progress) -> Body:
        """Return the body with another progress."""
        return replace(self, progress=progress)


def open_body(run: Run) -> Body:
    """Open a run's body. Raises `SealBrokenError` when it is not this row's."""
    data = sealer().open(bytes(run.body), table="ra_run", column="body", row=run.id)
    return Body(progress=load_progress(data["progress"]), order=data["order"], result=data["result"])


def seal_body(run: Run, body: Body) -> None:
    """Put a body into a row (not saved)."""
    data = {"progress": dump_progress(body.progress), "order": body.order, "result": body.result}
    run.body = sealer().seal(data, table="ra_run", column="body", row=run.id)
