"""Before anything of a person was proven, they are only claimed: whatever a stranger locks heals by itself.

User id and resident registration number leak. Whoever brings both is asked on, and may be anybody: until one
step has proven something a stranger does not have (`Kind.proves`), wrong answers are counted for the *claim*,
over the customer's day. Only afterwards do they move the counters that stay until the branch unlocks.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from dojang.ports.limits import DAY, Limit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dojang.journeys.model import Fact, Journey, Progress, RunView
    from dojang.journeys.outcomes import Count

CUSTOMER: Final = "customer"
CLAIM: Final = "claim"  #: a counter's subject: a customer nobody has proven to be yet
_LOGIN: Final = "login"


def is_proven(journey: Journey, progress: Progress) -> bool:
    """Tell whether something of the run's customer was proven, beyond what is known of many people."""
    customer = progress.customer
    return customer is not None and any(
        fact.customer == customer and _proves(journey, fact) for fact in progress.facts.values()
    )


def _proves(journey: Journey, fact: Fact) -> bool:
    if fact.step == _LOGIN:
        return True
    try:
        return journey.find(fact.purpose).step(fact.step).kind.proves
    except KeyError:  # of a step that is asked no more
        return False


def counts_of(view: RunView, data: Mapping[str, Any] | None) -> tuple[Count, ...]:
    """Return the counters to move before the present step asks: those of a claim are a day's."""
    counts = view.step.kind.counts(view, data)
    if is_proven(view.journey, view.progress):
        return counts
    return tuple(_claimed(count) for count in counts)


def _claimed(count: Count) -> Count:
    """Turn a counter that would stay until it is unlocked into one of the claim, over the day."""
    if not count.locks or count.subject_kind != CUSTOMER or count.limit.per is not None:
        return count
    return replace(count, subject_kind=CLAIM, limit=Limit(count.limit.count, DAY))


def heals_by_itself(view: RunView, factor: str) -> bool:
    """Tell whether a lock of one of the present step's own counters ends with the day."""
    return factor in view.step.kind.factors and not is_proven(view.journey, view.progress)
