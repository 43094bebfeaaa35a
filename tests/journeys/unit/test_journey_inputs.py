"""What real people, telephones and old systems send: taken for what it means, no try for its form."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.journeys.unit.country import NOW, SmallCountry, Walker, make_a, make_b
from tests.journeys.unit.test_journey_steps import at, codes, digits, wrong_digits

from dojang.journeys.kinds.base import read_birth, read_day
from dojang.journeys.outcomes import Pending
from dojang.ports.corebank import Customer, Phone
from dojang.ports.sms import Inbound
from dojang.products import JOURNEYS


@pytest.mark.parametrize(
    "rrn",
    ["９００１３１－１００００００", "900131\u20111000000", "900131\u200b1000000", "900131\u30fc1000000"],
)
def test_an_rrn_as_it_is_pasted(rrn: str) -> None:
    """Full-width digits, dashes of documents and signs that do not show identify like the plain number."""
    walker, person, _country = at("identify")
    assert walker.submit(user_id=f"\u200b{person.user_id} ", rrn=rrn).step == "ars"


@pytest.mark.parametrize("number", ["\u202d010-0000-1234\u202c", "(010) 0000-1234", "+82 (0)10-0000-1234"])
def test_a_number_as_it_is_pasted(number: str) -> None:
    """A telephone number from the contacts, a card or a paper is the registered one."""
    walker, _person, _country = at("contact")
    assert walker.submit(email="a@example.com", phone=number).step == "person"
    assert walker.progress.facts["contact"].values["phone"] == "01000001234"


def test_a_foreign_domain_is_kept_as_it_travels() -> None:
    """An address with a Korean domain is kept in the form mail servers know."""
    walker, person, _country = at("contact")
    walker.submit(email="han@한글.test", phone=person.numbers[0])
    assert walker.progress.facts["contact"].values["email"] == "han@xn--bj0bj06e.test"


def test_a_long_address_is_refused_and_never_shortened() -> None:
    """An address of 210 characters, whose first 200 would be another one, is refused with its limit."""
    labels = ".".join(["a" * 60] * 3)
    address = f"x@{labels}.co.com.example.test"
    address = address.replace("x@", "x" * (211 - len(address)) + "@", 1)
    assert len(address) == 210
    walker, person, _country = at("contact")
    page = walker.submit(email=address, phone=person.numbers[0])
    assert [(e.field, e.code, e.message.args) for e in page.errors] == [
        ("email", "email_long", {"limit": 200})
    ]
    assert "contact" not in walker.progress.facts
    assert not any(field.value and field.value in address for field in page.fields if field.name == "email")


@pytest.mark.parametrize(
    ("record", "typed"),
    [
        ("한서연", unicodedata.normalize("NFD", "한서연")),
        (unicodedata.normalize("NFD", "한서연"), "한서연"),
        ("윤　도담", "윤도담"),
        ("O'BRIEN PATRICK", "O’BRIEN PATRICK"),
        ("𠮷田 太郎", "𠮷田太郎"),
        ("𠮷田 太郎", "𠮷田 太郎"),
    ],
)
def test_a_name_is_the_same_in_every_form(record: str, typed: str) -> None:
    """Composed or not, with whatever space or apostrophe: the person step knows the name."""
    walker, person, _country = at("person", name=record)
    assert walker.submit(name=typed, phone=person.numbers[0], birth="1990. 1. 31.").step == "sms_reply"


@pytest.mark.parametrize("name", ["안\x00영", "안" * 201, "\u200b", "안\x1b영"])
def test_a_name_that_cannot_be_one_costs_no_try(name: str) -> None:
    """What is refused for its form alone moves no counter, and says what to change."""
    walker, person, country = at("person")
    asked = len(country.asked)
    page = walker.submit(name=name, phone=person.numbers[0], birth="19900131")
    assert [e.field for e in page.errors] == ["name"]
    assert codes(walker)[0] in {"name_format", "name_long", "name_signs"}
    assert len(country.asked) == asked
    assert walker.submit(name="누구", phone=person.numbers[0], birth="19900131").errors[0].message.args == {
        "left": 4
    }


def test_a_record_that_no_certificate_can_show_stops_at_the_first_step() -> None:
    """Whose record has no readable name is told so at once, with the way out, not at the last click."""
    person = make_a()
    person.name = "\x00\x01"
    walker = Walker(JOURNEYS["financial-web-issue"], SmallCountry(person, make_b()))
    walker.walk(person, until="identify")
    page = walker.submit(user_id=person.user_id, rrn=person.rrn)
    assert [e.code for e in page.errors] == ["name_unreadable"]
    assert "identified" not in walker.progress.facts


@pytest.mark.parametrize("form", ["{}\n-- 안영 드림 010-0000-1234", "[{}]", "{}번", "네\n{}"])
def test_a_reply_with_something_around_the_number(form: str) -> None:
    """A signature with a number of its own, brackets and words do not spoil a right reply."""
    walker, person, _country = at("sms_reply")
    walker.reply(form.format(digits(walker)), person.numbers[0])
    assert walker.submit().step == "pin"


def test_a_reply_in_full_width_digits_counts() -> None:
    """An input method's digits are the number on the screen; from another telephone they are foreign too."""
    walker, person, _country = at("sms_reply")
    wide = digits(walker).translate({ord("0") + n: 0xFF10 + n for n in range(10)})
    walker.reply(wide, make_b().numbers[0])
    walker.submit()
    assert codes(walker) == ["mo_sender_mismatch"]
    walker.reply(wide, person.numbers[0])
    assert walker.submit().step == "pin"


@pytest.mark.parametrize("text", ["네, 알겠습니다", "1", "123", "010-0000-1234"])
def test_a_reply_without_the_number_is_no_try(text: str) -> None:
    """Any number of replies that hold no answer leave all tries, and say what to do."""
    walker, person, _country = at("sms_reply")
    for _ in range(5):
        walker.reply(text, person.numbers[0])
        page = walker.submit()
        assert isinstance(walker.outcome, Pending)
        assert "sms_reply.no_number" in {message.id for message in page.messages}
    walker.reply(wrong_digits(walker), person.numbers[0])
    assert walker.submit().errors[0].message.args == {"left": 2}


def test_a_card_issued_today_in_seoul_is_accepted() -> None:
    """An hour after midnight in Seoul, a day before anywhere west of it, today's card is of the past."""
    walker, _person, _country = at("person")
    early = replace(walker.context(), now=NOW.replace(hour=15) + timedelta(minutes=30))
    view = replace(walker.view, context=early)
    assert str(read_day(view, {"issued": "20260303"}, "issued")) == "2026-03-03"
    assert read_day(view, {"issued": "20260304"}, "issued") is None
    assert read_birth(view, {"birth": "20260303"}) is None


def test_answers_of_the_outside_come_in_one_writing() -> None:
    """Names, addresses and numbers of the bank's systems are plain whatever the systems pad them with."""
    given: dict[str, Any] = {
        "name": unicodedata.normalize("NFD", "윤　도담  "),
        "name_en": "YOON’S  DODAM",
        "email": " Yoon@EXAMPLE.test ",
        "address": "서울시　１길 1",
    }
    fixed: dict[str, Any] = {"birth": NOW.date(), "kind": "person", "ebanking": True, "locked": False}
    customer = Customer(id="c", branch_code="1", user_id_masked="yo**m", **fixed, **given)
    assert (customer.name, customer.name_en) == ("윤 도담", "YOON'S DODAM")
    assert (customer.email, customer.address) == ("Yoon@example.test", "서울시 1길 1")
    assert Phone("p", "+82 10-0000-0201", "010-****-0201", NOW).number == "01000000201"
    assert Inbound("m", "821000000201", "50", NOW).sender == "01000000201"
