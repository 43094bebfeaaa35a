"""A run moves to another device once, by a number nobody can guess or use twice."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest
from tests.journeys.app.device import AppWalk
from tests.journeys.app.walker import Walk, in_parallel, with_policy

from dojang.audit.models import Event
from dojang.ports.acting import Acting
from dojang.ra.actions import act, open_page, session_of
from dojang.ra.actions.handoff import HandoffOffer, accept_handoff, forget_handoffs, offer_handoff
from dojang.ra.errors import (
    HandoffBlockedError,
    HandoffNotFoundError,
    HandoffRefusedError,
    RunMovedError,
    RunNotFoundError,
)
from dojang.ra.models import Handoff, Run

if TYPE_CHECKING:
    from dojang.ports.world import World
    from dojang.ra.actions import Started

pytestmark = pytest.mark.django_db(transaction=True)
PHONE = Acting(kind="customer", source="203.0.113.5", channel="app", locale="ko")


def offer(world: World, walk: Walk) -> HandoffOffer:
    """Offer a walk's run to another device."""
    return offer_handoff(walk.run, acting=walk.acting, world=world)


def accept(world: World, brought: str, acting: Acting = PHONE) -> Started:
    """Bring a number or a link."""
    return accept_handoff(brought, acting=acting, world=world)


def go_on(walk: Walk, started: Started) -> Walk:
    """Let the walk go on on the other device."""
    walk.acting = dataclasses.replace(PHONE, session=session_of(started.token))
    walk.page = started.page
    return walk


@pytest.mark.parametrize("by", ["number", "link"])
def test_a_run_goes_on_elsewhere_to_its_certificate(world: World, by: str) -> None:
    """The other device has the same page under a new token, and walks on to the end."""
    walk = Walk(world).walk_to("account")
    made = offer(world, walk)
    assert len(made.number) == 12
    started = accept(world, made.number if by == "number" else made.link)
    assert (started.run, started.page.step) == (walk.run, "account")
    assert started.token != walk.started.token
    assert go_on(walk, started).finish().state == "done"


def test_a_number_may_be_typed_with_spaces_and_hyphens(world: World) -> None:
    """As people read it out: four digits, a pause, four digits."""
    walk = Walk(world).walk_to("identify")
    number = offer(world, walk).number
    spaced = f"{number[:4]} {number[4:8]}-{number[8:]}"
    assert accept(world, spaced).run == walk.run


def test_the_session_before_is_closed_and_told_why(world: World) -> None:
    """The device it was moved away from can do nothing any more; a stranger still learns nothing."""
    walk = Walk(world).walk_to("identify")
    accept(world, offer(world, walk).number)
    with pytest.raises(RunMovedError):
        open_page(walk.run, acting=walk.acting, world=world)
    with pytest.raises(RunMovedError):
        act(walk.run, "identify", walk.page.revision, "cancel", {}, acting=walk.acting, world=world)
    with pytest.raises(RunNotFoundError) as refusal:
        open_page(walk.run, acting=dataclasses.replace(PHONE, session="0" * 64), world=world)
    assert refusal.type is RunNotFoundError
    assert Run.objects.get(id=walk.run).state == "open"


def test_and_back_again(world: World) -> None:
    """Every move has its own number and its own token."""
    walk = Walk(world).walk_to("account")
    go_on(walk, accept(world, offer(world, walk).number))
    back = accept(world, offer(world, walk).number, walk.visitor)
    walk.acting, walk.page = dataclasses.replace(walk.visitor, session=session_of(back.token)), back.page
    assert walk.finish().state == "done"
    assert Event.objects.filter(type="run:handed_over").count() == 2


def test_a_number_works_once(world: World) -> None:
    """After its use number and link are dead, for everybody."""
    walk = Walk(world).walk_to("identify")
    made = offer(world, walk)
    started = accept(world, made.link)
    for brought in (made.number, made.link):
        with pytest.raises(HandoffNotFoundError):
            accept(world, brought)
    assert Run.objects.get(id=walk.run).session == session_of(started.token)


def test_a_number_works_for_ten_minutes(world: World) -> None:
    """A number stolen and kept opens nothing."""
    patient = with_policy(world, sessions={"idle": 1800})
    walk = Walk(patient).walk_to("identify")
    made = offer(patient, walk)
    world.clock.advance(patient.policy.handoff.ttl)  # type: ignore[attr-defined]
    with pytest.raises(HandoffNotFoundError):
        accept(patient, made.number)
    assert open_page(walk.run, acting=walk.acting, world=patient).state == "open"
    world.clock.advance(90_000)  # type: ignore[attr-defined]
    assert forget_handoffs(world=world) == 1


def test_a_new_offer_ends_the_one_before(world: World) -> None:
    """Only the newest number of a run works."""
    walk = Walk(world).walk_to("identify")
    first, second = offer(world, walk), offer(world, walk)
    with pytest.raises(HandoffNotFoundError):
        accept(world, first.number)
    assert accept(world, second.number).run == walk.run


def test_one_of_twenty_at_once_gets_the_run(world: World) -> None:
    """Twenty devices bring the same number at the same moment."""
    generous = with_policy(world, wrong_entries={"handoff": 1000})
    walk = Walk(generous).walk_to("identify")
    made = offer(generous, walk)
    results = in_parallel(20, lambda _n: accept(generous, made.number))
    won = [result for result in results if not isinstance(result, Exception)]
    assert len(won) == 1
    assert {type(result) for result in results if isinstance(result, Exception)} == {HandoffNotFoundError}
    assert Run.objects.get(id=walk.run).session == session_of(won[0].token)


def test_guessing_is_counted_and_ends(world: World) -> None:
    """Ten wrong numbers a day from one source; then not even the right one is looked at from there."""
    walk = Walk(world).walk_to("identify")
    made = offer(world, walk)
    for guess in range(10):
        with pytest.raises(HandoffNotFoundError):
            accept(world, f"{guess:012d}")
    with pytest.raises(HandoffBlockedError):
        accept(world, made.number)
    assert Run.objects.get(id=walk.run).session == walk.acting.session
    assert accept(world, made.number, walk.visitor).run == walk.run


@pytest.mark.parametrize("brought", ["", "1", "x" * 43, "９" * 12, "1" * 13, "' OR 1=1 --"])
def test_what_is_no_number_opens_nothing(world: World, brought: str) -> None:
    """Anything else is simply not found."""
    with pytest.raises(HandoffNotFoundError):
        accept(world, brought)


def test_number_and_link_are_not_in_the_database(world: World) -> None:
    """Only keyed digests are kept."""
    walk = Walk(world).walk_to("identify")
    made = offer(world, walk)
    row = Handoff.objects.values().get()
    text = repr({name: bytes(v) if isinstance(v, memoryview) else v for name, v in row.items()})
    assert made.number not in text
    assert made.link not in text


def test_a_run_bound_to_its_telephone_stays_there(world: World) -> None:
    """A key made on one telephone cannot be ordered from another; nor can somebody else's run be offered."""
    walk = AppWalk(world).walk_to("terms")
    with pytest.raises(HandoffRefusedError) as bound:
        offer(world, walk)
    assert bound.value.data == {"reason": "key", "product": "bank"}
    checked = AppWalk(world, "lee", journey="financial-app-issue").walk_to("terms")
    with pytest.raises(HandoffRefusedError) as bound:
        offer(world, checked)
    assert bound.value.data == {"reason": "device", "product": "financial"}
    with pytest.raises(RunNotFoundError):
        offer_handoff(walk.run, acting=PHONE, world=world)
    ended = Walk(world, "han")
    ended.do("cancel")
    with pytest.raises(HandoffRefusedError) as over:
        offer(world, ended)
    assert over.value.data == {"reason": "over"}
    assert Handoff.objects.count() == 0
