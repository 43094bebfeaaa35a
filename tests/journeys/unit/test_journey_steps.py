"""Each kind of step: what it accepts, what it refuses, what it counts, and what it tells nobody."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from tests.journeys.unit.country import NOW, SmallCountry, Someone, Walker, make_a, make_b

from dojang.journeys.outcomes import Locked, Passed, Pending, Rejected
from dojang.products import JOURNEYS

ISSUE = JOURNEYS["financial-web-issue"]


def at(step: str, **changes: Any) -> tuple[Walker, Someone, SmallCountry]:
    """Return a run standing at a step, its person (with `changes`) and their country."""
    person = make_a()
    for name, value in changes.items():
        setattr(person, name, value)
    country = SmallCountry(person, make_b())
    walker = Walker(ISSUE, country)
    walker.walk(person, until=step)
    assert walker.step == step
    return walker, person, country


def codes(walker: Walker) -> list[str]:
    """Return the codes of the errors on the page."""
    return [e.code for e in walker.page.errors]


# --- terms


def test_each_required_text_must_be_agreed_to() -> None:
    """Leaving out any one of the eight required texts is refused; the optional one may be left out."""
    walker, _person, _country = at("terms")
    options = [o.value for o in walker.page.fields[0].options]
    assert len(options) == 9
    required = walker.page.fields[0].rules["must_include"]
    assert len(required) == 8
    assert "unique_id" in required
    for left_out in required:
        assert walker.submit(agree=[o for o in options if o != left_out]).step == "terms"
        assert codes(walker) == ["terms_required"]
    assert walker.submit(agree=required).step == "identify"
    agreed = walker.progress.facts["terms"].values["agreed"]
    assert set(agreed) == set(required)
    assert all(len(a["sha256"]) == 64 and a["version"] == "1.0" for a in agreed.values())


@pytest.mark.parametrize("agree", [None, "all", 7, [], {"agree": True}, ["all"], [1, 2]])
def test_no_switch_stands_for_all_texts(agree: Any) -> None:
    """Anything but the list of items is no consent."""
    walker, _person, _country = at("terms")
    assert walker.submit(agree=agree).step == "terms"
    assert codes(walker) == ["terms_required"]


# --- identify


def test_strangers_and_customers_get_the_same_answer() -> None:
    """An unknown id, a wrong RRN and another customer's RRN give the same page, word for word."""
    pages = []
    for user_id, rrn in (
        ("nobody00", "9001011000000"),
        ("ahnyoung", "9001011000000"),
        ("ahnyoung", make_b().rrn),
        ("nobody00", make_b().rrn),
    ):
        walker, _person, _country = at("identify")
        page = walker.submit(user_id=user_id, rrn=rrn)
        typed = tuple(replace(f, value=None) for f in page.fields)
        pages.append(replace(page, run="", fields=typed))
    assert pages[1:] == pages[:1] * 3
    assert pages[0].errors[0].code == "user_not_found"


def test_an_rrn_of_somebody_else_names_both_people() -> None:
    """A's id with B's RRN is a mismatch of both, and the run stays nobody's."""
    walker, person, _country = at("identify")
    walker.submit(user_id=person.user_id, rrn=make_b().rrn)
    assert walker.mismatch.owners == ("c-a", "c-b")
    assert walker.progress.customer is None


def test_the_rrn_is_not_refused_for_its_check_digit() -> None:
    """Any last digit is asked about; only a date that does not exist is refused as form."""
    walker, _person, country = at("identify")
    for last in range(4):
        walker.submit(user_id="nobody00", rrn=f"900101100000{last}")
        assert codes(walker) == ["user_not_found"]
    asked = len(country.asked)
    walker.submit(user_id="nobody00", rrn="9013311000000")
    assert codes(walker) == ["rrn_format"]
    assert len(country.asked) == asked


@pytest.mark.parametrize("rrn", ["900131-5000000", "900131 6000000", "010203-7000000", "010203-8000000"])
def test_a_foreigners_number_is_accepted(rrn: str) -> None:
    """The seventh digits 5 to 8 are foreigners' and identify like any other."""
    born = date(2001, 2, 3) if rrn.startswith("01") else date(1990, 1, 31)
    walker, person, _country = at("identify", rrn=rrn.replace("-", "").replace(" ", ""), birth=born)
    assert walker.submit(user_id=person.user_id, rrn=rrn).step == "ars"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"locked": True}, "customer_locked"),
        ({"ebanking": False}, "not_ebanking"),
        ({"birth": NOW.date().replace(year=2012, day=3)}, "under_age"),
    ],
)
def test_who_may_not_is_told_where_to_go(change: dict[str, Any], code: str) -> None:
    """A locked customer, one without internet banking and a child stop here; the run has failed."""
    walker, person, _country = at("identify", **change)
    page = walker.do(person)
    assert page.state == "failed"
    assert codes(walker) == [code]
    assert [a.name for a in page.actions] == ["leave"]
    assert walker.progress.customer is None


def test_the_fourteenth_birthday_counts_in_korea() -> None:
    """On the day itself (Korean time) the customer is old enough."""
    walker, person, _country = at("identify", birth=date(2012, 3, 2))
    assert walker.do(person).step == "ars"


def test_identity_locks_after_five_wrong_tries_and_a_right_one_comes_too_late() -> None:
    """The left number falls 4, 3, 2, 1; the fifth locks; nobody is asked any more."""
    walker, person, country = at("identify")
    left = []
    for _ in range(4):
        page = walker.submit(user_id=person.user_id, rrn="9001011000000")
        left.append(page.errors[0].message.args["left"])
    assert left == [4, 3, 2, 1]
    assert walker.submit(user_id=person.user_id, rrn="9001011000000").state == "locked"
    asked = list(country.asked)
    other = Walker(ISSUE, country, counters=walker.counters)
    other.walk(person, until="identify")
    other.submit(user_id=person.user_id.upper(), rrn=person.rrn)
    assert isinstance(other.outcome, Locked)
    assert country.asked == asked


# --- the call


def test_the_button_decides_nothing_while_the_call_is_on() -> None:
    """전화승인완료 pressed in any live state passes nothing; only the approved call does."""
    walker, _person, _country = at("ars")
    page = walker.submit(phone="p-1234")
    assert page.wait is not None
    assert (page.wait.kind, page.wait.state) == ("call", "ringing")
    assert len(page.show[0].data["digits"]) == 2
    for state in ("dialing", "ringing", "answered"):
        walker.pick_up(state)
        walker.submit()
        assert isinstance(walker.outcome, Pending)
        assert walker.step == "ars"
    walker.pick_up("approved")
    assert walker.look().wait is not None
    assert walker.step == "ars"
    assert walker.submit().step == "account"


@pytest.mark.parametrize("state", ["wrong_code", "rejected", "no_answer", "busy", "ended"])
def test_a_failed_call_may_be_repeated_with_another_number(state: str) -> None:
    """The reason is told; the next call shows and expects its own number."""
    walker, _person, country = at("ars")
    walker.submit(phone="p-1234")
    first = list(country.calls)[-1]
    walker.pick_up(state)
    page = walker.submit()
    assert codes(walker) == [f"ars_{state}"]
    assert page.fields[0].name == "phone"
    walker.submit(phone="p-1234")
    second = list(country.calls)[-1]
    assert first != second
    assert country.calls[second]["expect"] == walker.page.show[0].data["digits"]


def test_the_call_says_what_is_approved_before_the_number() -> None:
    """The announcement names the bank and the certificate and never the number."""
    walker, _person, country = at("ars")
    walker.submit(phone="p-1234")
    call = next(iter(country.calls.values()))
    assert "금융인증서" in call["said"]
    assert call["expect"] not in call["said"]


def test_a_number_lapses_after_three_minutes() -> None:
    """An approval that nobody saw in time comes too late."""
    walker, _person, country = at("ars")
    walker.submit(phone="p-1234")
    country.moment += timedelta(seconds=181)
    walker.pick_up("approved")
    walker.submit()
    assert codes(walker) == ["ars_timeout"]
    assert "ars_call" not in walker.progress.facts


def test_an_approval_seen_in_time_still_counts_later() -> None:
    """The page saw the approval at 179 seconds; pressing the button at 190 is fine."""
    walker, _person, country = at("ars")
    walker.submit(phone="p-1234")
    walker.pick_up("approved")
    country.moment += timedelta(seconds=179)
    walker.look()
    country.moment += timedelta(seconds=11)
    assert walker.submit().step == "account"


def test_three_calls_a_run_and_five_a_day() -> None:
    """The fourth call of a run and the sixth of a day are not placed."""
    walker, person, country = at("ars")
    for _ in range(3):
        walker.submit(phone="p-1234")
        walker.pick_up("no_answer")
    walker.resend()
    assert codes(walker) == ["ars_calls_spent"]
    assert len(country.calls) == 3
    second = Walker(ISSUE, country, counters=walker.counters)
    second.walk(person, until="ars")
    for _ in range(3):
        second.submit(phone="p-1234")
    assert codes(second) == ["ars_calls_spent"]
    assert len(country.calls) == 5


def test_calling_again_hangs_up_first() -> None:
    """Two telephones never ring at once for one run."""
    walker, _person, country = at("ars")
    walker.submit(phone="p-1234")
    first = walker.view.scratch["call"]
    walker.resend()
    assert country.hung_up == [first]


def test_no_registered_number_ends_the_run() -> None:
    """Without a number the way out is a branch."""
    person = make_a()
    person.numbers = []
    walker = Walker(ISSUE, SmallCountry(person))
    walker.walk(person)
    assert walker.page.state == "failed"
    assert codes(walker) == ["no_phone"]


# --- factors


def test_only_factors_the_customer_holds_are_offered() -> None:
    """A customer with a token sees the token only; one with nothing is sent to a branch."""
    walker, _person, _country = at("factor", media=("otp",))
    assert [o.value for o in walker.page.fields[0].options] == ["otp"]
    walker.submit(factor="security_card")
    assert codes(walker) == ["factor_required"]
    person = make_a()
    person.media = ()
    bare = Walker(ISSUE, SmallCountry(person))
    bare.walk(person)
    assert codes(bare) == ["no_factor"]
    assert bare.page.state == "failed"


def test_a_locked_card_leaves_the_token_as_a_way_out() -> None:
    """Five wrong answers lock the card; going back, the token can be chosen and the run ends well."""
    walker, person, country = at("security_card", media=("security_card", "otp"))
    for _ in range(5):
        walker.submit(serial_tail="0000", code_first="00", code_second="00")
    page = walker.page
    assert page.state == "locked"
    assert page.fields == ()
    assert [e.message.id for e in page.errors] == ["locked.security_card"]
    asked = country.asked.count("check_card")
    walker.submit(serial_tail="0000", code_first="00", code_second="00")
    assert country.asked.count("check_card") == asked
    walker.back()
    walker.submit(factor="security_card")
    assert [e.message.id for e in walker.page.errors] == ["locked.security_card"]
    walker.submit(factor="otp")
    assert walker.walk(person).state == "issuing"


def test_a_medium_reported_lost_is_refused_with_a_way_out() -> None:
    """No try is lost, and no number of tries is told, for what cannot be used at all."""
    walker, person, _country = at("security_card", lost_card=True)
    walker.do(person)
    assert codes(walker) == ["card_unusable"]
    assert walker.counters["security_card|customer:c-a"] == 0
    walker, person, _country = at("otp", media=("otp",), lost_token=True)
    walker.do(person)
    assert codes(walker) == ["otp_unusable"]
    assert walker.counters["otp|customer:c-a"] == 0


def test_a_token_value_works_once() -> None:
    """The same value in a second run is refused as used."""
    walker, person, country = at("otp", media=("otp",))
    assert walker.do(person).step == "contact"
    second = Walker(ISSUE, country, counters=walker.counters)
    second.walk(person, until="otp")
    second.do(person)
    assert codes(second) == ["otp_reused"]


# --- details


@pytest.mark.parametrize(
    ("email", "code"),
    [
        *(
            (email, "email_format")
            for email in (
                "",
                "a",
                "a@b",
                "a@@example.com",
                "a b@example.com",
                ".a@example.com",
                "a..b@example.com",
                "a@-x.com",
                "a@example.c",
                'a"b@example.com',
                "a@example.com\n.evil",
            )
        ),
        ("x" * 65 + "@example.com", "email_long"),
        ("홍@example.com", "email_local"),
        ("a@straße.example", "email_domain"),
    ],
)
def test_no_mail_address(email: str, code: str) -> None:
    """What is no address of the everyday kind is refused at its field, with what to change."""
    walker, person, _country = at("contact")
    walker.submit(email=email, phone=person.numbers[0])
    assert [(e.field, e.code) for e in walker.page.errors] == [("email", code)]


@pytest.mark.parametrize("phone", ["", "0100000123", "010000012345", "01100001234", "abc", "٠١٠٠٠٠٠١٢٣٤"])
def test_no_mobile_number(phone: str) -> None:
    """Only 010 and eight ASCII digits are a number."""
    walker, _person, _country = at("contact")
    walker.submit(email="a@example.com", phone=phone)
    assert [(e.field, e.code) for e in walker.page.errors] == [("phone", "phone_format")]


@pytest.mark.parametrize("phone", ["010-0000-1234", "010 0000 1234", "+82 10-0000-1234", "01000001234"])
def test_the_ways_people_write_a_number(phone: str) -> None:
    """Hyphens, blanks and the international form are understood."""
    walker, _person, _country = at("contact")
    assert walker.submit(email="a.b+c@mail.example.com", phone=phone).step == "person"


def test_the_address_before_is_kept_to_be_told() -> None:
    """The contact fact holds the new and the old address; the bank's record is not touched yet."""
    walker, person, _country = at("contact")
    walker.do(person)
    assert walker.progress.facts["contact"].values == {
        "email": "new@example.com",
        "phone": "01000001234",
        "old_email": "someone@example.com",
    }
    assert person.email == "someone@example.com"


@pytest.mark.parametrize("birth", ["19900131", "1990-01-31", "1990.01.31", "1990/01/31"])
def test_birth_dates_as_people_write_them(birth: str) -> None:
    """Eight digits or ISO, with the usual marks."""
    walker, person, _country = at("person")
    assert walker.submit(name=person.name, phone=person.numbers[0], birth=birth).step == "sms_reply"


def test_the_person_is_the_banks_and_not_free_text() -> None:
    """A wrong name is refused with what is left, and nothing is proven."""
    walker, person, _country = at("person")
    page = walker.submit(name="누구", phone=person.numbers[0], birth="19900131")
    assert page.errors[0].message.args == {"left": 4}
    assert "person" not in walker.progress.facts


# --- the text reply


def digits(walker: Walker) -> str:
    """Read the number on the screen."""
    return str(walker.page.show[0].data["digits"])


def wrong_digits(walker: Walker) -> str:
    """Return a number that is not the one on the screen."""
    return f"{(int(digits(walker)) + 1) % 100:02d}"


def test_the_number_is_on_the_screen_and_not_in_the_text() -> None:
    """Who only sees the telephone cannot know what to answer; the text carries no link."""
    walker, _person, country = at("sms_reply")
    number, text = country.texts[-1]
    assert number == "01000001234"
    assert digits(walker) not in text
    assert "http" not in text


def test_no_reply_yet_costs_no_try() -> None:
    """Pressing the button early ten times leaves all tries."""
    walker, person, _country = at("sms_reply")
    for _ in range(10):
        walker.submit()
        assert isinstance(walker.outcome, Pending)
    walker.reply(f" {digits(walker)} ", person.numbers[0])
    assert walker.submit().step == "pin"


def test_a_wrong_reply_costs_one_try_each_and_three_lock() -> None:
    """Each wrong reply counts once however often the button is pressed."""
    walker, person, _country = at("sms_reply")
    for left in (2, 1):
        walker.reply(wrong_digits(walker), person.numbers[0])
        walker.submit()
        assert walker.page.errors[0].message.args == {"left": left}
        walker.submit()
        assert isinstance(walker.outcome, Pending)
    walker.reply(wrong_digits(walker), person.numbers[0])
    assert walker.submit().state == "locked"


def test_sending_every_number_at_once_does_not_help() -> None:
    """A flood of replies that holds the right one after three wrong ones voids the number."""
    walker, person, _country = at("sms_reply")
    right = digits(walker)
    for number in [f"{n:02d}" for n in range(100) if f"{n:02d}" != right][:3]:
        walker.reply(number, person.numbers[0])
    walker.reply(right, person.numbers[0])
    page = walker.submit()
    assert "sms_reply" not in walker.progress.facts
    assert [e.code for e in page.errors] == ["mo_void"]
    assert page.wait is not None
    assert page.wait.state == "void"


def test_the_right_number_from_another_telephone_names_its_owner() -> None:
    """B's reply in A's run is refused, and B is named to be warned."""
    walker, _person, _country = at("sms_reply")
    walker.reply(digits(walker), make_b().numbers[0])
    walker.submit()
    assert codes(walker) == ["mo_sender_mismatch"]
    assert walker.mismatch.owners == ("c-b",)
    assert "sms_reply" not in walker.progress.facts


def test_a_reply_to_somebody_elses_run_is_not_held_against_this_one() -> None:
    """With two digits the same number is often awaited twice; that is no mismatch."""
    walker, _person, _country = at("sms_reply")
    walker.reply_awaited = True
    walker.reply(digits(walker), make_b().numbers[0])
    walker.submit()
    assert isinstance(walker.outcome, Pending)
    assert walker.mismatch is None


def test_a_late_reply_is_none_and_another_number_may_be_sent() -> None:
    """After three minutes the number is gone; sending again shows another window and works."""
    walker, person, country = at("sms_reply")
    old = digits(walker)
    country.moment += timedelta(seconds=181)
    walker.reply(old, person.numbers[0])
    page = walker.submit()
    assert page.wait is not None
    assert page.wait.state == "late"
    assert page.show == ()
    walker.resend()
    walker.reply(digits(walker), person.numbers[0])
    assert walker.submit().step == "pin"


def test_texts_are_sent_again_three_times_at_most() -> None:
    """The first and three more; the next press sends nothing."""
    walker, _person, country = at("sms_reply")
    for _ in range(4):
        walker.resend()
    assert codes(walker) == ["sends_spent"]
    assert len(country.texts) == 4


# --- mail code


def test_a_recent_number_needs_the_mail_box_registered_before() -> None:
    """The code goes to the old address; wrong ones count, old ones are refused, the right one passes."""
    walker, person, country = at("mail_code", phone_since=NOW - timedelta(days=1))
    assert country.mails[-1][0] == "someone@example.com"
    first = walker.right("mail_code", person)["code"]
    walker.resend()
    second = walker.right("mail_code", person)["code"]
    if first != second:
        walker.submit(code=first)
        assert codes(walker) == ["code_wrong"]
    country.moment += timedelta(seconds=601)
    walker.submit(code=second)
    assert codes(walker) == ["code_late"]
    walker.resend()
    assert walker.do(person).step == "contact"


def test_without_a_mail_box_the_higher_path_ends_at_a_branch() -> None:
    """A recent number and no address registered before: nothing is issued here."""
    person = make_a()
    person.phone_since, person.email = NOW - timedelta(days=1), None
    walker = Walker(ISSUE, SmallCountry(person))
    walker.walk(person)
    assert walker.page.state == "failed"
    assert codes(walker) == ["no_mail"]


# --- PIN


def test_the_key_is_made_under_the_pin_and_the_pin_is_kept_nowhere() -> None:
    """The signer gets the PIN; the fact holds key id and public parts only."""
    walker, person, country = at("pin")
    walker.do(person)
    values = walker.progress.facts["pin"].values
    assert set(values) == {"key_id", "public_key", "vid", "sealed"}
    assert country.wallet_keys[values["key_id"]] == ("c-a", "295038")
    assert "295038" not in repr(walker.progress)


def test_the_pin_before_is_refused() -> None:
    """The signer recognises the PIN of the key that is replaced."""
    walker, person, country = at("pin")
    country.wallet_keys["old"] = ("c-a", "295038")
    walker.previous_key = ("old", b"sealed")
    walker.do(person)
    assert codes(walker) == ["pin_reused"]
    assert walker.submit(pin="806241", pin_again="806241").step == "confirm"


def test_another_pin_makes_another_key() -> None:
    """Going back and choosing another PIN never reuses the earlier key."""
    walker, person, country = at("pin")
    walker.do(person)
    walker.back()
    walker.submit(pin="806241", pin_again="806241")
    assert len(country.wallet_keys) == 2


# --- changing the number


def test_a_number_of_somebody_else_cannot_be_registered() -> None:
    """Who has read the code off it has their telephone: only then is the owner named; nothing changes."""
    walker, person, country = at("ars")
    walker.side("change-phone")
    walker.walk(person, until="new_phone")
    walker.submit(new_phone=person.numbers[0])
    assert codes(walker) == ["phone_same"]
    walker.submit(new_phone=make_b().numbers[0])
    assert (walker.step, walker.mismatch) == ("phone_code", None)
    walker.do(person)
    assert codes(walker) == ["phone_unusable"]
    assert walker.mismatch.owners == ("c-b",)
    assert "change_phone" not in country.asked


def test_the_record_changes_only_after_the_code() -> None:
    """A wrong code changes nothing; the right one changes the number and keeps both to be told."""
    walker, person, country = at("ars")
    walker.side("change-phone")
    walker.walk(person, until="phone_code")
    walker.submit(code="000000")
    assert isinstance(walker.outcome, Rejected)
    assert "change_phone" not in country.asked
    walker.do(person)
    assert isinstance(walker.outcome, Passed)
    values = walker.progress.facts["change-phone/phone_changed"].values
    assert values == {"old": "01000001234", "new": "01000009876", "masked": "010-****-9876"}


def test_of_several_numbers_one_is_chosen_to_be_replaced() -> None:
    """With two numbers the form asks which; the other one stays."""
    walker, person, _country = at("ars", numbers=["01000001234", "01000004444"])
    walker.side("change-phone")
    walker.walk(person, until="new_phone")
    walker.submit(new_phone="01000009876")
    assert [(e.field, e.code) for e in walker.page.errors] == [("old_phone", "phone_required")]
    walker.submit(old_phone="p-4444", new_phone="01000009876")
    walker.walk(person, until="ars")
    assert person.numbers == ["01000001234", "01000009876"]
