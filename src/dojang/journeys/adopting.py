"""When a journey's definition changed under a run: what was proven and still means the same is kept.

A release, or another setting, may change a journey while people are on it. A run knows the definition it was
walked by (`Progress.version`, `Progress.meanings`). `adopt` takes it over into the present one:

* a passed step that still exists and means the same stays passed, and its facts stay;
* the present step goes on as it is if it still exists and means the same: what its customer is typing counts;
* everything else is asked anew, beginning with the first step that is not passed. What `when` or the order
  says now decides the rest, as for any run, and `required_evidence` has the last word at issuing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dojang.journeys.model import Frame, fact_key
from dojang.journeys.page import Message

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dojang.journeys.model import Fact, Journey, Progress

    Holds = Callable[[str, str], bool]

#: Said to the customer when the present step is no longer asked, or asks something else.
CHANGED: Final = Message("run.changed")


def is_adopted(journey: Journey, progress: Progress) -> bool:
    """Tell whether a run is walked by the present definition."""
    return progress.version == journey.version


def adopt(journey: Journey, progress: Progress) -> Progress:
    """Take a run over into the present definition; call `place` next, the present step may be unresolved."""
    if is_adopted(journey, progress):
        return progress
    present = journey.meanings

    def holds(walked: str, step: str) -> bool:
        name = f"{walked}/{step}"
        return name in present and progress.meanings.get(name, present[name]) == present[name]

    return replace(
        progress,
        version=journey.version,
        meanings=present,
        frames=_frames(journey, progress, holds),
        facts=_facts(journey, progress, holds),
    )


def _frames(journey: Journey, progress: Progress, holds: Holds) -> tuple[Frame, ...]:
    """Keep the frames up to the first that cannot go on; that one resolves its next step anew."""
    frames: list[Frame] = []
    for frame in progress.frames:
        if frame.journey not in {journey.id, *(side.id for side in journey.sides)}:
            break
        passed = tuple(step for step in frame.passed if holds(frame.journey, step))
        if frame.step and not holds(frame.journey, frame.step):
            frames.append(Frame(journey=frame.journey, passed=passed, messages=(CHANGED,)))
            break
        frames.append(replace(frame, passed=passed))
    return tuple(frames) or (Frame(journey=journey.id, messages=(CHANGED,)),)


def _facts(journey: Journey, progress: Progress, holds: Holds) -> Mapping[str, Fact]:
    """Keep what steps proved that still mean the same."""

    def stays(key: str, fact: Fact) -> bool:
        side = None if fact.purpose == journey.id else fact.purpose
        return key == fact_key(side, fact.name) and holds(fact.purpose, fact.step)

    return {key: fact for key, fact in progress.facts.items() if stays(key, fact)}
