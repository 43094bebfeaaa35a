"""Whoever knows user id and RRN alone locks nothing for longer than the day; the customer goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.journeys.app.device import AppWalk
from tests.journeys.app.walker import Walk

from dojang.guard.counters import locked_factors
from dojang.guard.models import FactorCounter, FactorLock
from dojang.notices.models import Notice
from dojang.sandbox.cast import BY_HANDLE

if TYPE_CHECKING:
    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)
HONG, HAN = BY_HANDLE["hong"], BY_HANDLE["han"]
DAY = 86_400


def wrong_lines(world: World) -> AppWalk:
    """Offer five lines that are not Hong's, knowing user id and RRN, in two runs: one asks four times."""
    for tries in (3, 2):
        walk = AppWalk(world, journey="joint-app-issue").walk_to("phone_check")
        for digit in range(tries):
            phone = f"0100000990{digit}"
            walk.submit(name="남의이름", birth="19800101", gender="male", carrier="garam", phone=phone)
    return walk


def wrong_accounts(world: World) -> Walk:
    """Ask for another telephone number and guess at accounts, knowing user id and RRN."""
    walk = Walk(world).walk_to("ars")
    walk.do("side:change-phone")
    for digit in range(5):
        walk.submit(account=f"11000000999{digit}", account_password="0000")
    return walk


@pytest.mark.parametrize(
    ("attack", "factor"),
    [(wrong_lines, "phone_check"), (wrong_accounts, "account")],
    ids=["phone_check", "account"],
)
def test_a_claim_is_locked_until_midnight_and_no_longer(world: World, attack: Any, factor: str) -> None:
    """Told to the customer, said with its end on the page, open the next day without anybody's help."""
    walk = attack(world)
    assert walk.page.state == "locked"
    assert [error.message.id for error in walk.page.errors] == ["locked.today"]
    assert locked_factors(HONG.id, now=world.clock.now()) == (factor,)
    assert FactorLock.objects.get().opens_at is not None
    assert Notice.objects.filter(customer_id=HONG.id, message_id="factor_locked").exists()
    clock: Any = world.clock
    clock.advance(DAY)
    assert locked_factors(HONG.id, now=world.clock.now()) == ()
    again = attack(world)
    assert again.page.state == "locked"


def test_whoever_has_proven_something_is_not_held_up_by_a_claim(world: World) -> None:
    """A stranger used up the tries of the claim's account; the customer, having taken a call, goes on."""
    wrong_accounts(world)
    assert Walk(world).finish().state == "done"


def test_a_stranger_does_not_reach_the_counter_that_stays(world: World) -> None:
    """What counts for the claim is a day's; nothing that only the branch unlocks has moved."""
    wrong_lines(world)
    wrong_accounts(world)
    moved = FactorCounter.objects.filter(errors__gt=0).exclude(factor__endswith="_sends")
    assert [row.factor for row in moved.filter(window=None)] == []
    assert {row.factor for row in moved} >= {"phone_check", "account"}


def test_after_a_proof_wrong_answers_count_until_unlocked(world: World) -> None:
    """With the telephone proven, five wrong accounts lock for the branch, as before."""
    walk = Walk(world).walk_to("account")
    for digit in range(5):
        walk.submit(account=f"11000000999{digit}", account_password="0000")
    assert [error.message.id for error in walk.page.errors] == ["locked.account"]
    clock: Any = world.clock
    clock.advance(DAY)
    assert locked_factors(HONG.id, now=world.clock.now()) == ("account",)
