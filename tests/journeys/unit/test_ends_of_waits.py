"""How a wait ends outside is on the page before anybody presses a button, until the next answer."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from tests.journeys.unit.country import make_b
from tests.journeys.unit.test_journey_app_steps import factor_run
from tests.journeys.unit.test_journey_steps import at, codes, digits, wrong_digits

from dojang.journeys.kinds.ars_call import OVER

if TYPE_CHECKING:
    from dojang.journeys.page import Page


def said(page: Page) -> list[tuple[str, dict[str, object]]]:
    """Return what the page tells to do next: message ids and arguments."""
    found = ((message.id, message.args) for message in page.messages)
    return [one for one in found if one[0].rpartition(".")[2].startswith("next")]


@pytest.mark.parametrize("state", sorted(OVER))
def test_how_a_call_ended_stands_on_the_page_until_the_next_call(state: str) -> None:
    """What happened, how many calls are left and what to do; a refused one may not have been theirs."""
    walker, _person, _country = at("ars")
    most = walker.policy.ars.calls_per_run.count
    walker.submit(phone="p-1234")
    assert codes(walker) == []
    walker.pick_up(state)
    for _ in range(2):
        page = walker.look()
        assert codes(walker) == [f"ars_{state}"]
        ids = ["ars.next", "ars.next_not_you"] if state == "rejected" else ["ars.next"]
        assert [one for one, _ in said(page)] == ids
        assert said(page)[0][1]["left"] == most - 1
    assert codes_after_call(walker) == []


def codes_after_call(walker: object) -> list[str]:
    """Ask for another call, and return the errors of its page."""
    page = walker.submit(phone="p-1234")  # type: ignore[attr-defined]
    return [one.code for one in page.errors]


def test_after_the_last_call_of_a_run_the_page_says_that_none_is_left() -> None:
    """The last of so many calls of a run comes to nothing: no call is promised any more."""
    walker, _person, _country = at("ars")
    for _ in range(walker.policy.ars.calls_per_run.count):
        walker.submit(phone="p-1234")
        walker.pick_up("busy")
        walker.look()
    assert [one for one, _ in said(walker.page)] == ["ars.next_none"]
    assert codes(walker) == ["ars_busy"]


def test_a_forgotten_choice_is_said_beside_how_the_call_ended() -> None:
    """Pressing the button without a number says so, and how the call ended stays."""
    walker, _person, _country = at("ars")
    walker.submit(phone="p-1234")
    walker.pick_up("no_answer")
    walker.look()
    walker.submit(phone="?")
    assert codes(walker) == ["ars_no_answer", "phone_required"]


def test_a_wrong_reply_is_said_before_the_button_is_pressed_and_is_no_try_yet() -> None:
    """The page says it by itself; the right reply after it takes it away and passes."""
    walker, person, _country = at("sms_reply")
    counted = dict(walker.counters)
    walker.reply(wrong_digits(walker), person.numbers[0])
    page = walker.look()
    assert [(one.code, one.message.args) for one in page.errors] == [("mo_mismatch_noticed", {"left": 2})]
    assert walker.look().errors == page.errors
    assert walker.counters == counted
    walker.reply(digits(walker), person.numbers[0])
    page = walker.look()
    assert page.wait is not None
    assert (page.wait.state, page.errors) == ("received", ())
    assert walker.submit().step == "pin"


def test_a_wrong_reply_is_said_again_when_another_one_comes() -> None:
    """After the button was pressed for the first, the second is news of its own."""
    walker, person, _country = at("sms_reply")
    walker.reply(wrong_digits(walker), person.numbers[0])
    walker.submit()
    assert codes(walker) == ["mo_mismatch"]
    assert walker.look().errors[0].code == "mo_mismatch"
    walker.reply(wrong_digits(walker), person.numbers[0])
    errors = walker.look().errors
    assert [(one.code, one.message.args) for one in errors] == [("mo_mismatch_noticed", {"left": 1})]


def test_too_many_wrong_replies_void_the_number_on_the_page_itself() -> None:
    """A right one after them is not announced as received: the button would refuse it."""
    walker, person, _country = at("sms_reply")
    right = digits(walker)
    for _ in range(3):
        walker.reply(wrong_digits(walker), person.numbers[0])
    walker.reply(right, person.numbers[0])
    page = walker.look()
    assert page.wait is not None
    assert (page.wait.state, codes(walker)) == ("void", ["mo_void"])
    walker.resend()
    assert codes(walker) == []


def test_a_reply_without_a_number_and_one_from_elsewhere_are_said_too() -> None:
    """Neither leaves the page waiting without a word."""
    walker, person, _country = at("sms_reply")
    walker.reply("네", person.numbers[0])
    assert "sms_reply.no_number" in [message.id for message in walker.look().messages]
    walker.reply(digits(walker), make_b().numbers[0])
    walker.look()
    assert codes(walker) == ["mo_sender_mismatch_noticed"]


def test_a_number_whose_time_is_over_says_so() -> None:
    """Nobody replied: the page says that the number lapsed and what to press."""
    walker, _person, country = at("sms_reply")
    country.moment += timedelta(seconds=walker.policy.sms_reply.ttl + 1)
    walker.look()
    assert codes(walker) == ["mo_late"]
    assert [action.name for action in walker.page.actions][:1] == ["resend"]


@pytest.mark.parametrize("state", ["rejected", "wrong_number", "expired"])
def test_how_an_approval_ended_stands_on_the_page(state: str) -> None:
    """What was done on the telephone is said, and the button that cannot help is gone."""
    walker = factor_run("approval")
    walker.country.wallet.approvals[walker.view.scratch["approval"]] = state
    page = walker.look()
    assert codes(walker) == [f"approval_{state}"]
    assert "submit" not in [action.name for action in page.actions]
    assert [one for one, _ in said(page)] == (["approval.next_not_you"] if state == "rejected" else [])
    assert walker.resend().errors == ()
