"""The people of the country: invented, distinct, and the same at every casting."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from dojang.config.postgres import ADMIN
from dojang.ports.errors import PortError, SmsError
from dojang.sandbox import casting
from dojang.sandbox.cast import BY_HANDLE, CAST, invent_extra
from dojang.sandbox.drawer import PersonUnknownError
from dojang.sandbox.store import CountryStore
from dojang.sandbox.world import build_sandbox

if TYPE_CHECKING:
    from dojang.config.postgres import PrivatePostgres
    from dojang.sandbox.world import SandboxWorldParts

ROOT = Path(__file__).parents[3]
WEIGHTS = (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)


def test_the_cast_has_everybody_the_journeys_need() -> None:
    """Ten people, each there for one reason."""
    assert list(BY_HANDLE) == ["hong", "han", "lee", "kim", "park", "choi", "smith", "jung", "baek", "yoon"]
    assert [person.handle for person in CAST if person.locked] == ["park"]
    assert [person.handle for person in CAST if person.kind == "foreigner"] == ["smith"]
    assert [person.handle for person in CAST if person.token] == ["lee", "smith", "baek"]
    assert [person.handle for person in CAST if not person.card] == ["lee"]
    assert [person.handle for person in CAST if len(person.lines) > 1] == ["hong", "kim"]


def test_identification_numbers_cannot_be_anyone_s() -> None:
    """Birth date and seventh digit are in form, the check digit is wrong by both rules."""
    for person in (*CAST, *(invent_extra(number) for number in range(1, 300))):
        digits = [int(digit) for digit in person.rrn]
        assert len(digits) == 13
        assert person.rrn[:6] == f"{person.birth:%y%m%d}"
        total = sum(weight * digit for weight, digit in zip(WEIGHTS, digits[:12], strict=True))
        assert digits[12] not in {(11 - total % 11) % 10, (13 - total % 11) % 10}


def test_nobody_shares_anything_that_tells_people_apart() -> None:
    """Ids, numbers, accounts, cards and tokens are all distinct, in the cast and in a crowd."""
    people = (*CAST, *(invent_extra(number) for number in range(1, 1000)))
    for values in (
        [person.id for person in people],
        [person.user_id for person in people],
        [person.rrn for person in people],
        [line.number for person in people for line in person.lines],
        [account.number for person in people for account in person.accounts],
    ):
        assert len(values) == len(set(values))
    cards = [person.card for person in CAST if person.card]
    assert len({card.serial[-4:] for card in cards}) == len(cards) == 9
    assert all(len(card.cells) == 35 and all(len(cell) == 4 for cell in card.cells) for card in cards)


def test_a_person_s_text_tells_no_secret() -> None:
    """`repr` shows neither identification number, password, card nor token secret."""
    for person in CAST:
        text = repr(person)
        assert person.rrn not in text
        assert all(f"'{account.password}'" not in text for account in person.accounts)
        assert person.card is None or person.card.cells[0] not in text
        assert person.token is None or repr(person.token.secret) not in text


def test_the_documentation_names_the_cast_rightly() -> None:
    """Every id, number, account, password and serial printed in the documentation is the cast's own."""
    lines = (ROOT / "docs" / "sandbox.md").read_text("utf-8").splitlines()
    for person in CAST:
        row = next(line for line in lines if line.startswith(f"| `{person.handle}` "))
        numbers = [line.number for line in person.lines if not line.gone]
        for fact in (
            person.name,
            person.user_id,
            f"{person.rrn[:6]}-{person.rrn[6:]}",
            person.accounts[0].number,
            person.accounts[0].password,
            *(f"{number[:3]}-{number[3:7]}-{number[7:]}" for number in numbers),
            *([person.card.serial] if person.card else []),
        ):
            assert fact in row


def test_a_fresh_start_is_the_first_state(country: SandboxWorldParts) -> None:
    """After changes of every kind, recasting brings the same drawers back and empties the inboxes."""
    before = [country.drawers.open(person.handle) for person in CAST if not person.token]
    country.corebank.change_phone(BY_HANDLE["han"].id, old="01000000201", new="01000007777", key="change-1")
    country.drawers.set_state("hong", "card", "lost")
    country.sms.send(number="01000000101", text="x", key="text-1")
    country.mail.send(to="hong@example.test", subject="x", text="x", key="mail-1")
    assert [country.drawers.open(person.handle) for person in CAST if not person.token] != before
    country.recast()
    assert [country.drawers.open(person.handle) for person in CAST if not person.token] == before
    assert country.sms.texts("01000000101") == ()
    assert country.mail.letters("hong@example.test") == ()


def test_the_country_survives_a_restart(
    country: SandboxWorldParts, country_address: str, tmp_path: Path
) -> None:
    """A second start finds what the first one left, and casts nobody again."""
    country.corebank.update_contact(BY_HANDLE["hong"].id, email="new@example.test", key="contact-1")
    again = build_sandbox(country_address, tmp_path / "clock")
    try:
        assert again.corebank.customer(BY_HANDLE["hong"].id).email == "new@example.test"
        assert len(again.drawers.residents()) == 10
    finally:
        again.close()


def test_many_starts_at_once_make_one_country(country_address: str, tmp_path: Path) -> None:
    """Six processes' worth of starts on an empty database: one schema, ten people, no error."""
    with psycopg.connect(country_address, autocommit=True) as link:
        link.execute("DROP SCHEMA IF EXISTS sandbox CASCADE")

    def start(_: int) -> int:
        parts = build_sandbox(country_address, tmp_path / "clock")
        try:
            return len(parts.drawers.residents())
        finally:
            parts.close()

    with ThreadPoolExecutor(6) as threads:
        assert list(threads.map(start, range(6))) == [10] * 6


def test_a_replaced_database_gets_its_country_again(pg: PrivatePostgres, tmp_path: Path) -> None:
    """Eight connections killed with their database: the next questions are answered from a fresh cast."""

    def replace() -> None:
        with psycopg.connect(pg.url(role=ADMIN, database="postgres"), autocommit=True) as link:
            link.execute("DROP DATABASE IF EXISTS dojang_replaced WITH (FORCE)")
            link.execute("CREATE DATABASE dojang_replaced OWNER dojang")

    replace()
    parts = build_sandbox(pg.url(database="dojang_replaced"), tmp_path / "clock")

    def look(_: int) -> int:
        return len(parts.drawers.residents())

    try:
        with ThreadPoolExecutor(8) as threads:
            assert list(threads.map(look, range(40))) == [10] * 40
            replace()
            assert list(threads.map(look, range(40))) == [10] * 40
    finally:
        parts.close()


def test_a_crowd_can_join_and_is_joined_once(country: SandboxWorldParts) -> None:
    """Extra people are ordinary customers; asking again adds only who is missing."""
    casting.add_crowd(country.store, country.clock, 5)
    crowd = casting.add_crowd(country.store, country.clock, 12)
    assert len(country.drawers.residents()) == 10 + 12
    one = crowd[11]
    assert country.corebank.find_customer(user_id=one.user_id, rrn=one.rrn).owner == one.id
    assert country.corebank.factors(one.id).names == ("security_card",)
    with pytest.raises(PersonUnknownError):
        country.drawers.open("x00013")


def test_a_database_that_is_away_is_an_error_without_its_text() -> None:
    """Without a database opening and working raise the caller's kind of `PortError`, and tell no address."""
    store = CountryStore("postgresql://nobody@127.0.0.1:1/none", lambda _: None, wait=0.2)
    with pytest.raises(PortError) as opening:
        store.open()
    with pytest.raises(SmsError) as working, store.work(SmsError):
        raise AssertionError("there is nothing to work with")
    assert "127.0.0.1" not in str(opening.value) + str(working.value)


def test_near_expiry_names_jung_only() -> None:
    """One member of the cast is to be given a certificate at the start; the others are not."""
    plan = casting.near_expiry(BY_HANDLE["jung"].id)
    assert plan == casting.NEAR_EXPIRY
    assert casting.near_expiry(BY_HANDLE["hong"].id) is None
