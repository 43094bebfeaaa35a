"""Brakes slow and do not close: lines are one source, work or waiting, connected browsers log in."""

from __future__ import annotations

import dataclasses
import itertools
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from tests.app.account.connected import connect
from tests.journeys.app.walker import Walk, with_policy

from dojang.account.proving import actions as proving
from dojang.account.proving.values import Answer
from dojang.audit.models import Event
from dojang.config.condition import look
from dojang.guard import budgets
from dojang.guard.brakes import (
    FIRST_BITS,
    FIRST_WAIT,
    LONGEST_WAIT,
    MOST_BITS,
    brake_on,
    brakes_now,
    zero_bits,
)
from dojang.guard.models import FactorCounter
from dojang.guard.networks import network_of, networks_of
from dojang.ports.acting import Acting
from dojang.products import PRODUCTS
from dojang.ra.actions.brakes import lift_brake
from dojang.ra.actions.handoff import accept_handoff
from dojang.ra.errors import HandoffBlockedError, HandoffNotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)
VISITOR = Acting(kind="customer", source="198.51.100.7", channel="web", locale="ko")
STRANGERS = itertools.count(100)
OPERATOR = Acting(kind="operator", id="cli", channel="cli")


def work(asked: Mapping[str, Any]) -> str:
    """Find what a challenge asks for, as a client does."""
    number = 0
    while zero_bits(f"{asked['challenge']}.{number}") < asked["bits"]:
        number += 1
    return f"{asked['challenge']}.{number}"


def entry(world: World, handle: str = "hong", **who: Any) -> Walk:
    """Begin a run somewhere, up to the step where it is said who one is."""
    walk = Walk(world, handle, source=who.pop("source", VISITOR.source)).walk_to("identify")
    walk.acting = dataclasses.replace(walk.acting, **who)
    return walk


def enter(world: World, handle: str = "hong", **who: Any) -> bool:
    """Say truthfully who one is; tell whether it was taken."""
    walk = entry(world, handle, **who)
    return walk.step().step == "ars" and walk.codes == []


def guess(world: World, times: int, **who: Any) -> None:
    """Be wrong about so many people."""
    for _ in range(times):
        walk = entry(world, **who)
        walk.submit(user_id=f"nobody{next(STRANGERS)}", rrn=walk.person.rrn)
        assert walk.codes
        assert walk.codes != ["too_many_errors"]


def paused(world: World, handle: str = "hong", **who: Any) -> dict[str, Any]:
    """Be slowed though one tells the truth; return what was asked. Nothing is counted."""
    walk = entry(world, handle, **who)
    before = list(FactorCounter.objects.filter(factor="identify").values_list("errors", flat=True))
    walk.step()
    assert walk.codes == ["too_many_errors"]
    assert list(FactorCounter.objects.filter(factor="identify").values_list("errors", flat=True)) == before
    bounded = budgets.wrong_entries(world.policy, walk.acting)
    brake = brake_on(bounded, acting=walk.acting, now=world.clock.now())
    assert brake is not None
    assert walk.page.errors[0].message.args["wait"] == brake.wait
    return brake.told


@pytest.mark.parametrize(
    ("source", "networks"),
    [
        ("203.0.113.9", ("203.0.113.9",)),
        ("::ffff:203.0.113.9", ("203.0.113.9",)),
        ("2001:db8:1:2:3:4:5:6", ("2001:db8:1:2::/64", "2001:db8:1::/48")),
        ("2001:0DB8:1:2::ffff%eth0", ("2001:db8:1:2::/64", "2001:db8:1::/48")),
        ("", ()),
        ("unix", ("unix",)),
    ],
)
def test_a_line_is_one_source(source: str, networks: tuple[str, ...]) -> None:
    """IPv6 is counted by /64 and /48, IPv4 by itself however it is written."""
    assert networks_of(source) == networks
    assert network_of(source) == (networks or ("",))[0]


def test_all_addresses_of_a_line_share_one_budget(world: World) -> None:
    """Three wrong entries from three addresses of a /64 use its budget up, and nobody else's."""
    few = with_policy(world, wrong_entries={"per_source": 3})
    for number in range(3):
        guess(few, 1, source=f"2001:db8:1:2::{number + 1:x}")
    asked = paused(few, source="2001:db8:1:2:ffff::1")
    assert (asked["bits"], asked["wait"]) == (FIRST_BITS, FIRST_WAIT)
    guess(few, 1, source="2001:db8:1:3::1")
    assert Event.objects.filter(type="brake:on").values_list("subject", flat=True).get() == "source"


def test_the_lines_of_a_site_share_a_wider_one(world: World) -> None:
    """Sixteen lines' worth of wrong entries from one /48 slow the whole site."""
    few = with_policy(world, wrong_entries={"per_source": 2})
    for number in range(2 * budgets.SOURCES_A_SITE):
        guess(few, 1, source=f"2001:db8:1:{number:x}::1")
    paused(few, source="2001:db8:1:ffff::1")
    guess(few, 1, source="2001:db8:2::1")
    assert Event.objects.filter(type="brake:on").values_list("subject", flat=True).get() == "site"


def test_work_lets_one_entry_through_and_serves_once(world: World) -> None:
    """A proof of the asked work lets one entry pass: once, from its network, for minutes."""
    few = with_policy(world, wrong_entries={"per_source": 3})
    guess(few, 3)
    proof = work(paused(few))
    for wrong in (proof[:-1], f"{proof}0", proof.replace(".16.", ".01."), "x" * 160):
        paused(few, work=wrong)
    assert enter(few, work=proof)
    paused(few, "han", work=proof)
    late = work(paused(few, "han"))
    world.clock.advance(11 * 60)  # type: ignore[attr-defined]
    paused(few, "han", work=late)


def test_who_cannot_compute_waits_a_turn(world: World) -> None:
    """One entry of a slowed network is taken in so many seconds, without work, exactly one of ten at once."""
    few = with_policy(world, wrong_entries={"per_source": 3})
    guess(few, 3)
    assert paused(few)["wait"] == FIRST_WAIT
    world.clock.advance(FIRST_WAIT - 2)  # type: ignore[attr-defined]
    assert 1 <= paused(few)["wait"] <= 2
    world.clock.advance(3)  # type: ignore[attr-defined]
    guess(few, 1)
    paused(few)


def test_work_and_waiting_grow_and_are_bounded(world: World) -> None:
    """Each limit's worth of wrong entries asks for more, up to a bound a telephone can do."""
    few = with_policy(world, wrong_entries={"per_source": 1})
    asked = []
    for errors in range(1, 8):
        FactorCounter.objects.filter(factor="source").delete()
        with_errors(few, errors)
        asked.append(paused(few))
        world.clock.advance(LONGEST_WAIT * 20)  # type: ignore[attr-defined]
    assert [item["bits"] for item in asked] == [16, 17, 18, 19, 20, 20, 20]
    assert [item["wait"] for item in asked] == [5, 10, 20, 40, 60, 60, 60]
    assert MOST_BITS == 20


def with_errors(world: World, errors: int) -> None:
    """Let today have seen so many wrong entries from the visitor's line."""
    from django.db import transaction

    (source,) = budgets.of_source(budgets.SOURCE, VISITOR.source, world.policy.wrong_entries.per_source)
    with transaction.atomic():
        for _ in range(errors):
            budgets.spend([source], now=world.clock.now())


def test_a_guess_by_everybody_slows_all_closes_nobody_and_alarms(world: World, tmp_path: Path) -> None:
    """With everybody's budget gone strangers work or wait, a connected browser logs in, people are told."""
    walk = Walk(world)
    assert walk.finish().state == "done"
    browser = connect(world, "hong", acting=VISITOR)
    few = with_policy(world, wrong_entries={"everybody": 3})
    for number in range(3):
        guess(few, 1, source=f"203.0.113.{number}")
    asked = paused(few, "han")
    condition = look(few, tmp_path)
    assert (condition.brakes, condition.figures["brakes_on"], condition.ready) == (False, 1, True)
    assert [item.name for item in brakes_now(now=world.clock.now())] == ["everybody"]
    assert proving.log_in_by_id(
        PRODUCTS["financial"], walk.person.user_id, Answer(pin=walk.pin), browser=browser, remember=False,
        acting=VISITOR, world=few,
    )  # fmt: skip
    assert enter(few, "han", work=work(asked))
    assert Event.objects.filter(type="brake:on", subject="everybody").count() == 1
    assert lift_brake(None, acting=OPERATOR, world=few) == 1
    assert Event.objects.filter(type="brake:lifted", subject="everybody").count() == 1
    assert enter(few, "lee")
    assert look(few, tmp_path).brakes


def test_it_ends_with_the_day(world: World) -> None:
    """At midnight in Seoul everything is as before."""
    few = with_policy(world, wrong_entries={"per_source": 3})
    guess(few, 3)
    paused(few)
    world.clock.advance(int(timedelta(days=1).total_seconds()))  # type: ignore[attr-defined]
    guess(few, 1)


def test_two_hundred_slips_behind_one_address_refuse_nobody(world: World) -> None:
    """Many customers of one carrier's address each go on with a moment's work, though 200 slips were made."""
    with_errors(world, world.policy.wrong_entries.per_source.count)
    for handle in ("hong", "han"):
        walk = Walk(world, handle).walk_to("identify")
        walk.step()
        assert walk.codes == ["too_many_errors"]
        assert walk.page.errors[0].message.args["wait"] >= 1
        asked = Client().get("/api/v1/work", REMOTE_ADDR=walk.visitor.source).json()
        walk.acting = dataclasses.replace(walk.acting, work=work(asked["work"]))
        assert walk.step().step == "ars"


def test_wrong_numbers_of_a_hand_off_slow_and_do_not_close(world: World) -> None:
    """After the day's wrong numbers from a line the next try works or waits; a wrong one waits again."""
    few = with_policy(world, wrong_entries={"handoff": 2})
    for _ in range(2):
        with pytest.raises(HandoffNotFoundError):
            accept_handoff("000000000000", acting=VISITOR, world=few)
    with pytest.raises(HandoffBlockedError) as caught:
        accept_handoff("000000000000", acting=VISITOR, world=few)
    worked = dataclasses.replace(VISITOR, work=work(caught.value.data))
    with pytest.raises(HandoffNotFoundError):
        accept_handoff("000000000000", acting=worked, world=few)
    with pytest.raises(HandoffBlockedError):
        accept_handoff("000000000000", acting=worked, world=few)


def test_every_door_tells_the_wait_and_the_work(world: World) -> None:
    """Page and API say when to try again, in the header and in words, with the work that spares it."""
    with_errors(world, world.policy.wrong_entries.per_source.count)
    client = Client(REMOTE_ADDR=VISITOR.source)
    for _ in range(world.policy.wrong_entries.handoff.count):
        assert client.post("/continue/", {"number": "0000 0000 0000"}).status_code == 422
    page = client.post("/continue/", {"number": "0000 0000 0000"})
    assert (page.status_code, int(page["Retry-After"])) == (429, FIRST_WAIT)
    text = page.content.decode()
    assert "<proof-of-work" in text
    assert f"{FIRST_WAIT}초" in text
    told = client.get("/api/v1/work")
    assert told.json()["needed"] is True
    assert int(told["Retry-After"]) == told.json()["work"]["wait"] == FIRST_WAIT
    begun = client.post(
        "/api/v1/runs", {"journey": "financial-web-issue"}, content_type="application/json"
    ).json()
    assert begun["state"] == "open"
    calm = Client(REMOTE_ADDR="203.0.113.200").get("/api/v1/work")
    assert (calm.json(), "Retry-After" in calm) == ({"needed": False, "work": None}, False)
