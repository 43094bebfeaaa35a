"""Upkeep of runs: what ran out is ended, what it left is given up. Safe at any time, beside anything."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from dojang.issuing.actions import discard_keys as give_up_keys
from dojang.issuing.queries import living_among, offered_before
from dojang.ra.actions.walking import expire_run
from dojang.ra.models import Run

if TYPE_CHECKING:
    from dojang.ports.acting import Acting
    from dojang.ports.world import World


def discard_keys(*, acting: Acting, world: World, limit: int = 500) -> int:
    """Give up keys that were made in runs which have ended without a certificate; return how many."""
    old = world.clock.now() - timedelta(seconds=world.policy.issue.confirm_within)
    offered = offered_before(old)
    open_runs = Run.objects.filter(id__in=offered, state=Run.State.OPEN).values_list("id", flat=True)
    awaited = {*open_runs, *living_among(offered)}
    left = [run_id for run_id in offered if run_id not in awaited]
    return sum(give_up_keys(run_id, acting=acting, world=world) for run_id in left[:limit])


def expire_runs(*, acting: Acting, world: World, limit: int = 500) -> int:
    """End open runs whose time has run out; return how many."""
    due = Run.objects.filter(state=Run.State.OPEN, idle_until__lte=world.clock.now()).order_by("idle_until")
    return sum(expire_run(run, acting=acting, world=world) is not None for run in due[:limit])
