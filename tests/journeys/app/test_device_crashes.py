"""A crash at any point of delivering: never no certificate, never two."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.journeys.app.device import AppWalk, Telephone, prove
from tests.journeys.app.test_crashes import (
    SYSTEM,
    CrashError,
    Fuse,
    crashing_world,
    failing_statements,
)
from tests.journeys.app.walker import in_parallel, with_policy

from dojang.audit.queries import verify_chains
from dojang.ca.models import Certificate
from dojang.issuing.actions import reconcile
from dojang.issuing.models import Order
from dojang.notices.models import Notice
from dojang.ra.actions import act
from dojang.wallet.devices.models import Device, DeviceKey

if TYPE_CHECKING:
    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)


def free(world: World) -> World:
    """Return the World with room for many runs of one person."""
    return with_policy(
        world,
        reissue={"per_day": 1000}, phone_check={"texts_per_day": 10_000}, one_won={"per_day": 1000},
        wrong_entries={"per_source": 10_000},
    )  # fmt: skip


def reissue(world: World) -> AppWalk:
    """Walk a re-issue on another telephone, up to the last button."""
    walk = AppWalk(world, journey="bank-app-reissue", phone=Telephone())
    walk.walk_to("confirm")
    return walk


def say(walk: AppWalk, world: World, action: str, **data: Any) -> str:
    """Act in a World of one's choice; return the state of the page."""
    step, revision = walk.page.step, walk.page.revision
    return act(walk.run, step, revision, action, data, acting=walk.acting, world=world).state


def exactly_one(world: World, walk: AppWalk, *, mine: bool) -> None:
    """Assert one active certificate and one live key; `mine`: this walk's, and its pattern proves."""
    active = Certificate.objects.filter(product="bank", state="active")
    assert active.count() == 1
    live = DeviceKey.objects.get(state="live")
    assert live.certificate_id == active.get().pk
    assert (live.run_id == walk.run) is mine
    assert Certificate.objects.filter(product="bank", state="issued").count() == 0
    if mine:
        assert prove(world, walk).ok


def test_a_crash_at_every_outside_call_before_the_delivery(world: World) -> None:
    """Opening the page again delivers what was ordered; the device stores it, and it is the only one."""
    world = free(world)
    AppWalk(world).finish()
    counting = Fuse()
    walk = reissue(world)
    assert say(walk, crashing_world(world, counting), "submit") == "delivering"
    assert say(walk, world, "storage_failed") == "failed"
    points = counting.passed
    assert points >= 4
    for point in range(points):
        walk = reissue(world)
        with pytest.raises(CrashError):
            say(walk, crashing_world(world, Fuse(point)), "submit")
        page = walk.refresh()
        if page.state == "open":
            page = walk.submit()
        assert page.state == "delivering", (point, page.state, walk.codes)
        walk.do("stored", signature=walk.phone.store(walk.shown("deliver")))
        assert walk.page.state == "done", (point, walk.codes)
        exactly_one(world, walk, mine=True)
    assert verify_chains(world.signer).ok


@pytest.mark.parametrize("taken_up", ["page", "job"])
def test_a_crash_at_every_statement_of_stored(world: World, taken_up: str) -> None:
    """Before the answer is committed the old one lives and it may be said again; after it, it counts."""
    world = free(world)
    AppWalk(world).finish()
    counting = Fuse()
    walk = reissue(world)
    walk.submit()
    with failing_statements(counting):
        signature = walk.phone.store(walk.shown("deliver"))
        assert say(walk, world, "stored", signature=signature) == "done"
    kept = again = 0
    for point in range(2, counting.passed, max(1, counting.passed // 14)):
        walk = reissue(world)
        walk.submit()
        signature = walk.phone.store(walk.shown("deliver"))
        with failing_statements(Fuse(point)), pytest.raises(CrashError):
            say(walk, world, "stored", signature=signature)
        if taken_up == "job":
            reconcile(acting=SYSTEM, world=world)
        page = walk.refresh()
        if page.state == "delivering":
            exactly_one_or_waiting(walk)
            again += 1
            page = walk.do("stored", signature=signature)
        else:
            kept += 1
        assert page.state == "done", (point, page.state, walk.codes)
        exactly_one(world, walk, mine=True)
    assert kept > 0
    assert again > 0
    assert verify_chains(world.signer).ok


def exactly_one_or_waiting(walk: AppWalk) -> None:
    """Assert that the old one still lives while the new one waits."""
    assert Certificate.objects.filter(product="bank", state="active").count() == 1
    assert DeviceKey.objects.get(state="live").run_id != walk.run


def test_a_crash_at_statements_of_storage_failed(world: World) -> None:
    """Whenever the process dies, time ends the run; the new one is revoked and the old one never was."""
    world = free(world)
    first = AppWalk(world)
    first.finish()
    counting = Fuse()
    walk = reissue(world)
    walk.submit()
    with failing_statements(counting):
        assert say(walk, world, "storage_failed") == "failed"
    for point in range(2, counting.passed, max(1, counting.passed // 6)):
        walk = reissue(world)
        walk.submit()
        with failing_statements(Fuse(point)), pytest.raises(CrashError):
            say(walk, world, "storage_failed")
        world.clock.advance(world.policy.issue.deliver_within + 1)  # type: ignore[attr-defined]
        reconcile(acting=SYSTEM, world=world)
        assert walk.refresh().state == "failed"
        exactly_one(world, walk, mine=False)
        assert prove(world, first).ok


def test_fifty_devices_saying_stored_are_one(world: World) -> None:
    """Invariant 5: the same answer fifty times at once activates once and tells once."""
    walk = AppWalk(world)
    walk.deliver()
    signature = walk.phone.store(walk.shown("deliver"))
    states = in_parallel(50, lambda _n: say(walk, world, "stored", signature=signature))
    assert set(states) <= {"done", "delivering"}, states
    assert walk.refresh().state == "done"
    exactly_one(world, walk, mine=True)
    assert Notice.objects.filter(message_id="certificate_issued", channel="mail").count() == 1
    assert Device.objects.count() == 1


def test_stored_and_failed_at_once_agree(world: World) -> None:
    """Whichever is heard first decides, for the run, the certificate and the key alike."""
    world = free(world)
    AppWalk(world).finish()
    for _ in range(5):
        walk = reissue(world)
        walk.submit()
        signature = walk.phone.store(walk.shown("deliver"))
        actions = ["stored", "storage_failed"] * 4
        in_parallel(
            8,
            lambda n, walk=walk, actions=actions, signature=signature: say(
                walk, world, actions[n], signature=signature
            ),
        )
        state = walk.refresh().state
        assert state == Order.objects.get(id=walk.run).state
        assert state in {"done", "failed"}
        exactly_one(world, walk, mine=state == "done")
