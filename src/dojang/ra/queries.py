"""Read values of runs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from dojang.ra.models import Run
from dojang.ra.ordered import order_of

if TYPE_CHECKING:
    from datetime import datetime

#: What a run's row says that is nobody's secret.
_FACTS: Final = (
    "id", "journey", "version", "channel", "locale", "state", "step", "revision", "end_reason",
    "customer_id", "created_at", "touched_at", "idle_until", "ended_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RunStanding:
    """Where a run stands, its order included. `state`: ``open issuing delivering done failed …``."""

    state: str
    end_reason: str
    ended_at: datetime | None


def standing_of(run: Run) -> RunStanding:
    """Tell where a run stands; after its order was placed, where the order does."""
    if run.state != Run.State.ORDERED:
        return RunStanding(str(run.state), run.end_reason, run.ended_at)
    order = order_of(run)
    return RunStanding(
        "issuing" if order.state == "placed" else order.state, order.end_reason, order.ended_at
    )


def facts_of(run_id: str) -> dict[str, Any] | None:
    """Return what may be told of a run, by name, and where it stands; None when there is no such run."""
    row = Run.objects.filter(pk=run_id).first()
    if row is None:
        return None
    return {name: getattr(row, name) for name in _FACTS} | asdict(standing_of(row))
