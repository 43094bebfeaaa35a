"""Upkeep of runs: what a crash left is taken up, what ran out is ended. Safe at any time, beside anything."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q

from dojang.ca.actions import long_held
from dojang.ca.actions import reconcile as reconcile_authority
from dojang.notices.actions import deliver_waiting
from dojang.ports.signer_errors import SignerError
from dojang.ra import finish
from dojang.ra.actions import expire_run
from dojang.ra.handoff import forget_handoffs
from dojang.ra.locks import walking
from dojang.ra.models import LIVING, Run
from dojang.ra.revoking import revoke_certificate
from dojang.wallet.devices.actions import discard_offered
from dojang.wallet.devices.models import DeviceKey
from dojang.wallet.devices.parcels import forget_parcels
from dojang.wallet.devices.patterns import forget_challenges
from dojang.wallet.devices.pushing import forget_messages
from dojang.wallet.keys.actions import discard_prepared, tell_signer
from dojang.wallet.keys.models import WalletKey

if TYPE_CHECKING:
    from dojang.ca.actions import Reconciled
    from dojang.ports.acting import Acting
    from dojang.ports.world import World

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What one round of upkeep did; `authority` is None when the signer could not be asked."""

    issuing: int = 0  #: runs that were issuing and were taken up
    tidied: int = 0  #: done runs whose last errands were done
    discarded: int = 0  #: prepared keys of ended runs given up
    told: int = 0  #: retired keys the signer was told about
    notices: int = 0  #: notices put back on the queue
    authority: Reconciled | None = None


def resume_issuing(run_id: str, *, acting: Acting, world: World) -> bool:
    """Go on with a run that is ``issuing``; return whether nobody else was at it."""
    with walking(run_id, patience=0) as held:
        if held:
            finish.continue_issuing(run_id, acting=acting, world=world)
        return held


def reconcile(*, acting: Acting, world: World, limit: int = 500) -> Kept:
    """Bring every unfinished thing to its end."""
    due = Q(state=Run.State.ISSUING) | Q(state=Run.State.DELIVERING) & (
        Q(stored_at__isnull=False) | Q(deliver_until__lt=world.clock.now())
    )
    issuing = Run.objects.filter(due).order_by("issuing_at").values_list("id", flat=True)
    taken = sum(resume_issuing(run_id, acting=acting, world=world) for run_id in list(issuing[:limit]))
    authority = None
    try:
        # Runs above have confirmed what they could; what is still only issued belongs to no living run.
        authority = reconcile_authority(acting=acting, world=world, confirmed=lambda _certificate: False)
    except SignerError as error:
        log.warning("the authority cannot be reconciled now: %s", error.code)
    untidy = Run.objects.filter(state=Run.State.DONE, tidied=False).order_by("ended_at")
    tidied = sum(
        finish.tidy_up(run_id, acting=acting, world=world)
        for run_id in list(untidy.values_list("id", flat=True)[:limit])
    )
    discarded = _discard(acting=acting, world=world, limit=limit)
    told = 0
    try:
        told = tell_signer(world=world)
    except SignerError as error:
        log.warning("the signer cannot be told of retired keys now: %s", error.code)
    return Kept(
        issuing=taken,
        tidied=tidied,
        discarded=discarded,
        told=told,
        notices=deliver_waiting(world=world),
        authority=authority,
    )


def _discard(*, acting: Acting, world: World, limit: int) -> int:
    """Give up keys that were prepared for runs which have ended without a certificate."""
    old = world.clock.now() - timedelta(seconds=world.policy.issue_confirm_within)
    keys = WalletKey.objects.filter(state=WalletKey.State.PREPARED, created_at__lt=old)
    prepared = keys.values_list("run_id", flat=True)
    offered = DeviceKey.objects.filter(state=DeviceKey.State.PREPARED, created_at__lt=old)
    live = Run.objects.filter(state__in=LIVING).values("id")
    count = 0
    for run_id in list(prepared.exclude(run_id__in=live).order_by("run_id").distinct()[:limit]):
        with transaction.atomic():
            count += discard_prepared(run_id, acting=acting, world=world)
    left = offered.values_list("run_id", flat=True).exclude(run_id__in=live)
    for run_id in list(left.order_by("run_id").distinct()[:limit]):
        with transaction.atomic():
            count += discard_offered(run_id, acting=acting, world=world)
    return count


def end_long_holds(*, acting: Acting, world: World) -> int:
    """Revoke what has been suspended for longer than the policy allows; return how many."""
    held = long_held(world=world)
    for certificate_id in held:
        revoke_certificate(certificate_id, "cessationOfOperation", acting=acting, world=world)
    return len(held)


def clear_away(*, world: World) -> int:
    """Delete challenges, parcels, hand-off numbers and push messages that are over; return how many."""
    forgotten = (forget_challenges, forget_parcels, forget_handoffs, forget_messages)
    return sum(forget(world=world) for forget in forgotten)


def expire_runs(*, acting: Acting, world: World, limit: int = 500) -> int:
    """End open runs whose time has run out; return how many."""
    due = Run.objects.filter(state=Run.State.OPEN, idle_until__lte=world.clock.now()).order_by("idle_until")
    return sum(expire_run(run, acting=acting, world=world) is not None for run in due[:limit])
