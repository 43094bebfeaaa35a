"""Nothing that is sent can be sent again and again: not by naming numbers, not by going back and forth."""

from __future__ import annotations

from tests.journeys.unit.country import make_b
from tests.journeys.unit.test_journey_steps import at, codes


def test_new_numbers_are_named_five_times_a_day() -> None:
    """Somebody's number and nobody's both count; both are texted alike; beyond, no text goes out."""
    walker, person, country = at("ars")
    walker.side("change-phone")
    walker.walk(person, until="new_phone")
    for number in range(5):
        if walker.step == "phone_code":
            walker.back()
        walker.submit(new_phone=f"0100000987{number}" if number % 2 else make_b().numbers[0])
    sent = len(country.texts)
    if walker.step == "phone_code":
        walker.back()
    for _ in range(3):
        walker.submit(new_phone="01000009999")
        assert (walker.step, codes(walker)) == ("new_phone", ["sends_spent"])
    assert len(country.texts) == sent == 5


def test_going_back_and_forth_sends_no_more_than_ten_texts() -> None:
    """Entering the step that texts once more than the bank's figure ends the run, and sends nothing."""
    walker, person, country = at("sms_reply")
    before = len(country.texts)
    for _ in range(9):
        walker.back()
        assert walker.do(person).step == "sms_reply"
    assert len(country.texts) == before + 9
    walker.back()
    page = walker.do(person)
    assert (page.state, codes(walker)) == ("failed", ["sends_spent"])
    assert len(country.texts) == before + 9
