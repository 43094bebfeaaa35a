"""Every page of every journey: complete in both languages and every phase, one secret at most."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from tests.journeys.unit.country import NOW, SmallCountry, Someone, Walker, holding, make_a, make_b
from tests.journeys.unit.gadgets import text

from dojang.journeys.page import Message, Page
from dojang.ports.policy import Policy
from dojang.products import JOURNEYS
from dojang.products.messages import render
from dojang.products.tables import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator

CERTIFICATE_PASSWORD = {"pin", "pin_again"}
ACCOUNT_PASSWORD = {"account_password"}
CARD_CODES = {"code_first", "code_second", "serial_tail"}


def tour(journey_id: str, locale: str) -> Walker:
    """Walk every step and phase of a journey: sides, waits, mistakes, locks, all factors, the higher path."""
    person = make_a()
    person.media = ("security_card", "otp")
    country = SmallCountry(person, make_b())
    walker = Walker(JOURNEYS[journey_id], country, locale=locale)
    walker.submit()
    walker.walk(person, until="identify")
    walker.submit(user_id="?", rrn="?")
    walker.submit(user_id="nobody00", rrn="9001011000000")
    walker.side("find-id")
    walker.submit()
    walker.submit(name="x", birth="19900101", account="1234567890", account_password="0000")
    walker.do(person)
    person.holdings = (holding(days=500),)
    walker.walk(person, until="reissue")
    walker.submit()
    walker.walk(person, until="ars")
    walker.submit()
    walker.submit(phone="p-1234")
    for state in ("dialing", "answered"):
        walker.pick_up(state)
        walker.look()
        walker.submit()
    walker.pick_up("busy")
    walker.look()
    walker.submit()
    walker.side("change-phone")
    walker.walk(person, until="factor")
    walker.submit()
    walker.submit(factor="otp")
    walker.submit(code="000000")
    person.otp = "271828"
    walker.walk(person, until="new_phone")
    walker.submit(new_phone="1")
    walker.walk(person, until="phone_code")
    walker.submit(code="1")
    walker.submit(code="000000")
    walker.resend()
    walker.do(person)
    walker.walk(person, until="security_card")
    walker.submit()
    walker.submit(serial_tail="0000", code_first="00", code_second="00")
    walker.walk(person, until="mail_code")
    walker.submit(code="000000")
    walker.resend()
    walker.walk(person, until="contact")
    walker.submit()
    walker.walk(person, until="person")
    walker.submit()
    walker.submit(name="x", phone=person.numbers[0], birth="19900131")
    walker.walk(person, until="sms_reply")
    walker.submit()
    country.moment += timedelta(seconds=200)
    walker.look()
    walker.submit()
    walker.resend()
    walker.reply(walker.page.show[0].data["digits"], person.numbers[0])
    walker.look()
    walker.submit()
    for pin in ("1", "111222", "123456", "900131", "009876"):
        walker.submit(pin=pin, pin_again=pin)
    walker.submit(pin="295038", pin_again="295039")
    walker.walk(person)
    return walker


def locked_pages(locale: str) -> list[Page]:
    """Lock the security card and the OTP, and see an under-age customer off."""
    pages = []
    for media, wrong in (
        ("security_card", {"serial_tail": "0000", "code_first": "00", "code_second": "00"}),
        ("otp", {"code": "000000"}),
    ):
        person = make_a()
        person.media = (media,)
        walker = Walker(JOURNEYS["financial-web-issue"], SmallCountry(person), locale=locale)
        walker.walk(person, until=media)
        while walker.page.state == "open":
            walker.submit(**wrong)
        walker.back()
        walker.submit(factor=media)
        pages += walker.pages
    child = make_a()
    child.birth = (NOW - timedelta(days=13 * 365)).date()
    walker = Walker(JOURNEYS["financial-web-issue"], SmallCountry(child), locale=locale)
    walker.walk(child)
    return pages + walker.pages


def messages_in(value: Any) -> Iterator[Message]:
    """Find every message anywhere in a page."""
    if isinstance(value, Message):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from messages_in(item)
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from messages_in(item)
    elif hasattr(value, "__dataclass_fields__"):
        for name in value.__dataclass_fields__:
            yield from messages_in(getattr(value, name))


WRONG: dict[str, dict[str, Any]] = {
    "device": {"device_id": "device-of-a-000000000001", "app_version": "0.9.9"},
    "identify": {"user_id": "nobody00", "rrn": "9001011000000"},
    "id_card": {"card_type": "resident", "card_number": "9001311000009", "issued": "20120507"},
    "account": {"account": "1234567890", "account_password": "0000"},
    "account_number": {"account": "1234567890"},
    "account_password": {"account_id": "a-5678", "account_password": "0000"},
    "security_card": {"serial_tail": "0000", "code_first": "00", "code_second": "00"},
    "otp": {"code": "000000"},
    "mail_code": {"code": "000000"},
    "bank_certificate": {"mac": "bWFjOg==", "signature": "c2ln"},
    "certificate_password": {"signature": "YmFk"},
    "details": {"email": "x@example.com", "address": "somewhere", "phone": "01000000000"},
    "certificate_key": {"csr": "YmFk", "sealed_r": "YmFk", "password_ok": "1"},
    "device_key": {"csr": "YmFk"},
    "pattern": {"proof_key": text(b"p" * 32), "points": "3"},
    "pin": {"pin": "111222", "pin_again": "111222"},
    "contact": {"email": "x@example.com", "phone": "01000000000"},
    "person": {"name": "x", "phone": "01000001234", "birth": "19900131"},
    "change": {},
}
EVERYTHING = Policy(
    products={
        "joint": {"reissue_order": "printed", "needs_factor": True},
        "financial": {"app_account_order": "printed", "app_certificate_password": True},
    }
)


def blunder_through(journey_id: str, locale: str, person: Someone, policy: Policy) -> Walker:
    """Walk a journey with an empty, a wrong and a right answer to each page."""
    country = SmallCountry(person, make_b())
    country.wallet.registered[person.device] = person.id
    country.wallet.signers["00ab"] = person.id
    walker = Walker(JOURNEYS[journey_id], country, locale=locale, policy=policy)
    for _ in range(60):
        page = walker.page
        if page.state != "open":
            break
        step, phase = walker.step, walker.page.fields
        walker.submit()
        if walker.step == step and walker.page.state == "open" and walker.page.fields == phase:
            asked = {f.name for f in phase}
            walker.submit(**({"code": "0000000"} if "code" in asked else WRONG.get(step, {})))
        if walker.step == step and walker.page.state == "open" and walker.page.wait is not None:
            walker.look()
            walker.resend()
        if walker.step == step and walker.page.state == "open":
            walker.do(person)
    return walker


def app_pages(locale: str) -> list[Page]:
    """Return every page of the app's journeys, under both policies, by every factor and way."""
    pages: list[Page] = []
    for journey_id in JOURNEYS:
        for media, way, policy in (
            ("security_card", "phone_check", Policy()),
            ("security_card", "phone_check", EVERYTHING),
            ("otp", "ars", EVERYTHING),
            ("bank_certificate", "phone_check", EVERYTHING),
        ):
            person = make_a()
            person.media, person.way = (() if media == "bank_certificate" else (media,)), way
            person.phone_since = NOW - timedelta(days=1)
            person.second_account = way == "ars"
            person.holdings = tuple(holding(days=200, product=p) for p in ("financial", "joint", "bank"))
            walker = blunder_through(journey_id, locale, person, policy)
            assert walker.page.state == "issuing", (journey_id, walker.step, walker.page.errors)
            pages += walker.pages
    return pages


@cache
def all_pages(locale: str) -> list[Page]:
    """Return every page of the tours."""
    pages = locked_pages(locale) + app_pages(locale)
    for journey_id, journey in JOURNEYS.items():
        if journey.channel == "web":
            pages += tour(journey_id, locale).pages
    walker = Walker(JOURNEYS["financial-app-issue"], SmallCountry(make_a()), locale=locale)
    walker.walk(make_a(), until="identify")
    walker.side("find-id")
    return [*pages, *walker.pages]


@pytest.mark.parametrize("locale", ["ko", "en"])
def test_every_step_of_every_journey_renders_in_every_phase(locale: str) -> None:
    """Each step and side step is seen, ends in issuing, and each of its sentences renders."""
    pages = all_pages(locale)
    seen = {(p.side or p.journey, p.step) for p in pages}
    for journey in JOURNEYS.values():
        assert {s.id for s in journey.steps} <= {step for walked, step in seen if walked == journey.id}
        for side in journey.sides:
            wanted = {s.id for s in side.steps} - {"security_card"}
            assert wanted <= {step for walked, step in seen if walked == side.id}
    assert {"open", "locked", "failed", "issuing"} <= {p.state for p in pages}
    for page in pages:
        for message in messages_in(page):
            assert render(message.id, locale, **message.args)


def test_the_auditors_tables_ask_what_the_pages_ask() -> None:
    """Each kind's fields in the tables are exactly the fields its pages were seen with."""
    seen: dict[str, set[str]] = {}
    for page in all_pages("ko"):
        seen.setdefault(page.kind, set()).update(f.name for f in page.fields)
    seen["new_phone"].add("old_phone")  # asked only of people with two numbers
    assert {kind: set(facts.asks) for kind, facts in KINDS.items()} == seen


def test_every_page_is_json_and_explains_itself() -> None:
    """Each page is plain JSON; each open one has a title and a reason; buttons are told apart."""
    for page in all_pages("ko"):
        json.dumps(asdict(page))
        assert page.title is not None
        assert (page.why is not None) == (page.state == "open")
        names = [a.name for a in page.actions]
        assert len(names) == len(set(names))
        assert len([a for a in page.actions if a.primary]) <= 1
        assert 1 <= page.position.stage <= page.position.stages == len(JOURNEYS[page.journey].stages)


def test_invariant_17_no_page_asks_for_two_of_the_three_secrets() -> None:
    """Certificate password, account password and card codes never meet on one page."""
    groups = (CERTIFICATE_PASSWORD, ACCOUNT_PASSWORD, CARD_CODES)
    asked = set()
    for page in all_pages("ko"):
        names = {f.name for f in page.fields}
        if any(s.kind == "certificate_sign" or s.data.get("password") for s in page.show):
            names.add("pin")  # typed into the device, of the same kind as a PIN
        hit = [i for i, group in enumerate(groups) if names & group]
        assert len(hit) <= 1
        asked.update(hit)
        assert all(f.secret for f in page.fields if f.name in set.union(*groups))
    assert asked == {0, 1, 2}


def test_a_secret_field_is_never_refilled() -> None:
    """After mistakes, no secret field carries a value."""
    for page in all_pages("ko"):
        assert [f.name for f in page.fields if f.secret and f.value is not None] == []


def test_pages_where_a_fraudster_listens_warn() -> None:
    """The call, the card, the token, the PIN and the text carry their warning."""
    wanted = {"ars", "security_card", "otp", "pin", "sms_reply", "new_phone"}
    warned = set()
    for page in all_pages("ko"):
        if page.step in wanted and page.state == "open" and (page.wait is None or page.wait.state != "late"):
            assert f"scam.{page.step}" in {m.id for m in page.messages}
            warned.add(page.step)
    assert warned == wanted


def test_pages_of_the_app_where_a_fraudster_listens_warn() -> None:
    """Code, ID card, bankbook, pattern, approval and certificate password carry their warning."""
    wanted = {"phone_check", "id_card", "one_won", "pattern", "bank_certificate", "certificate_key"}
    warned: dict[str, set[str]] = {}
    for page in all_pages("ko"):
        if page.step in wanted and page.state == "open":
            warned.setdefault(page.step, set()).update(
                m.id.removeprefix("scam.") for m in page.messages if m.id.startswith("scam.")
            )
    assert warned == {
        **{step: {step} for step in wanted},
        "bank_certificate": {"pattern", "bank_certificate"},
    }
