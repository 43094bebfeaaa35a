"""A run held by one request: what every act upon it is handed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dojang.journeys.adopting import adopt
from dojang.ra.context import Surroundings, view_of
from dojang.ra.store import RunBody, open_body

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dojang.journeys.model import Journey, Progress, RunView
    from dojang.ports.acting import Acting
    from dojang.ports.world import World
    from dojang.ra.models import Run


@dataclass(slots=True)
class Turn:
    """A run held by this request: its row, its opened body and who is acting."""

    run: Run
    body: RunBody
    journey: Journey
    acting: Acting
    world: World
    around: Surroundings = field(default_factory=Surroundings)

    def view(self, progress: Progress | None = None, moved: Mapping[str, int] | None = None) -> RunView:
        """Return what the present step may see, by the definition in force (stored by `actions` alone)."""
        progress = progress or adopt(self.journey, self.body.progress)
        return view_of(self.run, self.journey, progress, world=self.world, moved=moved, around=self.around)

    def take(self, run: Run) -> None:
        """Go on with the row as it is now stored."""
        self.run, self.body = run, open_body(run)
        self.around.forget()
