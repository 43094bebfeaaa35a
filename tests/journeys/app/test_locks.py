"""Wrong answers up to the lock, across runs, and the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.journeys.app.walker import Walk, with_policy

from dojang.audit.models import Event
from dojang.guard.counters import locked_factors
from dojang.guard.models import FactorCounter, FactorLock
from dojang.notices.models import Notice
from dojang.ports.acting import Acting
from dojang.ra.actions import unlock_factor
from dojang.ra.models import CardChallenge

if TYPE_CHECKING:
    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)

OPERATOR = Acting(kind="operator", id="teller-7", channel="branch")


def wrong_card(walk: Walk) -> None:
    """Answer the card step with two right halves and a wrong tail of the serial."""
    right = walk.answers("security_card")
    tail = f"{(int(right['serial_tail']) + 1) % 10_000:04d}"
    walk.submit(**{**right, "serial_tail": tail})


def test_wrong_cards_lock_across_runs_and_the_branch_opens(world: World) -> None:
    """Five wrong answers in three runs lock the card once, told everywhere; after the unlock it works."""
    left = []
    for tries in (2, 2, 1):
        walk = Walk(world).walk_to("security_card")
        for _ in range(tries):
            wrong_card(walk)
            left += [error.message.args.get("left") for error in walk.page.errors]
    assert left == [4, 3, 2, 1, None]
    assert (walk.page.state, walk.codes) == ("locked", ["factor_locked"])
    assert FactorLock.objects.count() == 1
    assert sorted(Notice.objects.filter(message_id="factor_locked").values_list("channel", flat=True)) == [
        "mail",
        "push",
        "sms",
        "sms",
    ]
    assert Event.objects.filter(type="factor:locked").count() == 1
    # a right answer does not open it
    walk = Walk(world).walk_to("factor")
    walk.step()
    assert walk.codes == ["factor_locked"]
    assert locked_factors(walk.person.id, now=world.clock.now()) == ("security_card",)
    # the way out: an identity check at the branch
    assert unlock_factor(walk.person.id, "security_card", acting=OPERATOR, world=world) == 1
    assert unlock_factor(walk.person.id, "security_card", acting=OPERATOR, world=world) == 0
    assert Notice.objects.filter(message_id="factor_unlocked").count() == 4
    assert walk.finish().state == "done"


def test_a_right_answer_sets_the_streak_back(world: World) -> None:
    """Four wrong cards and a right one leave five tries again."""
    walk = Walk(world).walk_to("security_card")
    for _ in range(4):
        wrong_card(walk)
    assert walk.step().step == "contact"
    assert FactorCounter.objects.get(factor="security_card").errors == 0


def test_the_card_challenge_stays_until_answered(world: World) -> None:
    """Invariant 17: refreshing, wrong answers, going back and new runs never bring other cells."""
    walk = Walk(world).walk_to("security_card")
    cells = CardChallenge.objects.get(customer_id=walk.person.id).challenge
    shown = [next(show for show in walk.page.show if show.kind == "card_cells").data]
    wrong_card(walk)
    shown.append(next(show for show in walk.refresh().show if show.kind == "card_cells").data)
    walk.do("back")
    walk.step()
    shown.append(next(show for show in walk.page.show if show.kind == "card_cells").data)
    other = Walk(world).walk_to("security_card")
    shown.append(next(show for show in other.page.show if show.kind == "card_cells").data)
    assert shown == [shown[0]] * 4
    assert CardChallenge.objects.get(customer_id=walk.person.id).challenge == cells
    other.step()
    assert CardChallenge.objects.count() == 0


def test_wrong_rrns_lock_the_user_id_for_the_day_and_its_owner_is_told(world: World) -> None:
    """Five wrong numbers for one user id, in five runs: locked, the owner told, open the next day."""
    for attempt in range(5):
        walk = Walk(world).walk_to("identify")
        walk.submit(user_id=walk.person.user_id, rrn=f"880315{attempt}123456"[:13].replace(" ", "0"))
    person = walk.person.id
    assert Notice.objects.filter(message_id="factor_locked", customer_id=person).count() == 4
    assert locked_factors(person, now=world.clock.now()) == ("identify",)
    walk = Walk(world).walk_to("identify")
    walk.step()
    assert walk.codes == ["factor_locked"]
    clock: Any = world.clock
    clock.advance(86_400)
    assert Walk(world).finish().state == "done"
    assert locked_factors(person, now=world.clock.now()) == ()


def test_an_unknown_user_id_is_counted_and_refused_alike(world: World) -> None:
    """Invariant 15: a stranger cannot tell a user id that exists from one that does not."""
    pages = []
    for user_id in ("hong1234", "nobody99"):
        walk = Walk(world).walk_to("identify")
        walk.submit(user_id=user_id, rrn="9001011234567")
        pages.append([(error.code, error.field, error.message) for error in walk.page.errors])
    assert pages[0] == pages[1]
    assert FactorCounter.objects.filter(factor="identify", errors=1).count() == 2


def test_a_source_that_guesses_across_customers_is_stopped(world: World) -> None:
    """Wrong entries from one network source are budgeted over all customers; another source goes on."""
    tight = with_policy(world, wrong_entries={"per_source": 3})
    for handle in ("hong", "han", "lee"):
        walk = Walk(tight, handle).walk_to("identify")
        walk.submit(user_id=walk.person.user_id, rrn="9001011234567")
        assert walk.codes == ["user_not_found"]
    walk = Walk(tight, "smith").walk_to("identify")
    walk.step()
    assert walk.codes == ["too_many_errors"]
    elsewhere = Walk(tight, "smith", source="203.0.113.9").walk_to("identify")
    assert elsewhere.step().step == "ars"


def test_guessing_from_everywhere_is_stopped(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Wrong entries of all sources together have a budget of their own; its end is an alarm in the log."""
    tight = with_policy(world, wrong_entries={"everybody": 3, "per_source": 1})
    for number, handle in enumerate(("hong", "han", "lee")):
        walk = Walk(tight, handle, source=f"203.0.113.{number}").walk_to("identify")
        walk.submit(user_id=walk.person.user_id, rrn="9001011234567")
        assert walk.codes == ["user_not_found"]
    walk = Walk(tight, "smith", source="203.0.113.9").walk_to("identify")
    walk.step()
    assert walk.codes == ["too_many_errors"]
    told = [record.levelname for record in caplog.records if "wrong entries" in record.message]
    assert sorted(told) == ["ERROR"] + ["WARNING"] * 3  # each of the sources, and everybody
    assert Walk(world, "smith").walk_to("identify").step().step == "ars"


def test_a_wrong_account_password_names_what_is_left_and_locks(world: World) -> None:
    """The account step counts down to the lock and asks the bank no sixth time."""
    walk = Walk(world).walk_to("account")
    right = walk.answers("account")
    for attempt in range(5):
        walk.submit(account=right["account"], account_password=f"{9 - attempt}000")
    assert walk.page.state == "locked"
    walk.do("back")
    walk.ars()
    walk.submit(**right)
    assert walk.codes == ["factor_locked"]


def test_calls_are_limited_in_a_run(world: World) -> None:
    """After three calls in one run no fourth is placed."""
    walk = Walk(world, "han").walk_to("ars")
    telephony: Any = world.telephony
    clock: Any = world.clock
    number = walk.number
    for _ in range(3):
        walk.submit(phone=world.corebank.phones(walk.person.id)[0].id)
        clock.advance(2)
        telephony.reject(number, telephony.calls(number)[0].id)
        walk.refresh()
    walk.submit(phone=world.corebank.phones(walk.person.id)[0].id)
    assert walk.codes == ["ars_rejected", "ars_calls_spent"]  # how the last one ended is still said
    assert len(telephony.calls(number)) == 3
