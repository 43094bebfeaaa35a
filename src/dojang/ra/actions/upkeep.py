"""Upkeep of runs: what ran out is ended, what it left is given up. Safe at any time, beside anything."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from dojang.guard.rounds import Round
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
    tended = Round[int]("ra.discard_keys", world.clock.now(), world.signer)
    resting = {*awaited, *tended.resting()}
    left = [run_id for run_id in offered if run_id not in resting]
    return sum(tended.each(left[:limit], lambda run_id: give_up_keys(run_id, acting=acting, world=world)))


def expire_runs(*, acting: Acting, world: World, limit: int = 500) -> int:
    """End open runs whose time has run out; return how many."""
    tended = Round[bool]("ra.expire_runs", world.clock.now(), world.signer)
    due = Run.objects.filter(state=Run.State.OPEN, idle_until__lte=world.clock.now())
    due = due.exclude(id__in=tended.resting()).order_by("idle_until")

    def expire(run_id: str) -> bool:
        return expire_run(Run.objects.get(id=run_id), acting=acting, world=world) is not None

    return sum(tended.each(list(due.values_list("id", flat=True)[:limit]), expire))
