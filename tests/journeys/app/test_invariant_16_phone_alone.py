"""Invariant 16: who has A's telephone line, RRN, birth date and account number, and no more, gets nothing.

The attacker takes every call and answers every text on all of A's numbers. Unknown: the user id (though here
it is given away), the account's password, the security card, the token, the mail box.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from tests.journeys.app.device import AppWalk
from tests.journeys.app.walker import Walk

from dojang.ca.models import Certificate, Intent
from dojang.issuing.models import Order, UsedEvidence
from dojang.journeys.engine import required_evidence
from dojang.products import JOURNEYS
from dojang.ra.models import Run
from dojang.sandbox.cast import BY_HANDLE
from dojang.wallet.devices.models import DeviceKey
from dojang.wallet.keys.models import WalletKey

if TYPE_CHECKING:
    from dojang.journeys.page import Page
    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)

VICTIMS = ("hong", "kim", "lee")


class Guessing(Walk):
    """Answers with what the telephone line, the RRN, the birth date and the account number give."""

    def step(self) -> Page:  # noqa: PLR0911, C901 - one line for each step
        """Do the best that can be done at the present step."""
        step, number = self.page.step, self.person.accounts[0].number
        if step == "terms":
            return super().step()
        if step == "identify":
            return self.submit(user_id=self.person.user_id, rrn=self.person.rrn)
        if step == "reissue":
            return self.submit(reason="lost")
        if step == "ars":
            return self.ars()
        if step == "account_password":
            return self.submit(account_password=f"{self.page.revision * 37 % 10_000:04d}")
        if step == "id_card":
            issued = f"2019{1 + self.page.revision % 12:02d}01"
            return self.submit(card_type="resident", card_number=self.person.rrn, issued=issued)
        if step == "account":
            return self.submit(account=number, account_password=f"{self.page.revision * 37 % 10_000:04d}")
        if step == "factor":
            return self.submit(factor=self.page.fields[0].options[0].value)
        if step == "security_card":
            return self.submit(serial_tail="1234", code_first="12", code_second="34")
        if step in {"otp", "mail_code", "phone_code"}:
            return self.submit(code=f"{self.page.revision * 37 % 1_000_000:06d}")
        if step == "find_id":
            return self.submit(
                name=self.person.name,
                birth=f"{self.person.birth:%Y%m%d}",
                account=number,
                account_password=f"{self.page.revision * 41 % 10_000:04d}",
            )
        return super().step()


class Attacker(Guessing):
    """The attacker at a computer."""


class AppAttacker(Guessing, AppWalk):
    """The attacker in the app, on a telephone of his own that takes the victim's calls and texts."""


#: Where each journey ends for somebody with nothing but the telephone.
ENDS = {"bank-app-issue": "id_card", "bank-app-reissue": "id_card"}
ENDS |= {"financial-app-issue": "account_password", "financial-app-reissue": "account_password"}


def nothing_was_issued() -> None:
    """Assert that no certificate, no intent, no spent evidence and no key came of it."""
    assert Certificate.objects.exclude(product="authority").count() == 0
    assert Intent.objects.exclude(product="authority").count() == 0
    assert UsedEvidence.objects.count() == 0
    assert WalletKey.objects.count() == 0
    assert DeviceKey.objects.count() == 0
    assert not Order.objects.exists()


@pytest.mark.parametrize("handle", VICTIMS)
@pytest.mark.parametrize("journey", sorted(JOURNEYS))
def test_the_telephone_alone_never_issues(world: World, handle: str, journey: str) -> None:
    """Walking each journey without anything else ends locked at what is missing, with nothing issued."""
    attacker = AppAttacker if JOURNEYS[journey].channel == "app" else Attacker
    walk = attacker(world, handle, journey=journey)
    for _ in range(25):
        if walk.page.state != "open":
            break
        walk.step()
    assert (walk.page.step, walk.page.state) == (ENDS.get(journey, "account"), "locked")
    nothing_was_issued()


@pytest.mark.parametrize("handle", VICTIMS)
def test_the_way_through_find_id_is_shut(world: World, handle: str) -> None:
    """Looking the user id up needs the account's password; guessing ends in a lock that shows nothing."""
    walk = Attacker(world, handle).walk_to("identify")
    walk.do("side:find-id")
    for _ in range(6):
        if walk.page.state == "open":
            walk.step()
    assert walk.page.state == "locked"
    assert not any(message.id == "identify.found" for message in walk.page.messages)
    nothing_was_issued()


@pytest.mark.parametrize("handle", VICTIMS)
def test_the_way_through_changing_the_phone_is_shut(world: World, handle: str) -> None:
    """Changing the number needs the account's password and a factor; the bank's record stays as it was."""
    person = BY_HANDLE[handle].id
    before = world.corebank.phones(person)
    walk = Attacker(world, handle).walk_to("ars")
    walk.do("side:change-phone")
    for _ in range(6):
        if walk.page.state == "open":
            walk.step()
    assert (walk.page.side, walk.page.state) == ("change-phone", "locked")
    assert world.corebank.phones(person) == before
    nothing_was_issued()


def test_with_the_account_password_too_the_factor_still_stands(world: World) -> None:
    """Even the account's password does not help: the card is locked after five guesses, over two runs."""
    for _ in range(2):
        walk = Attacker(world, "hong").walk_to("account")
        walk.submit(account=walk.person.accounts[0].number, account_password=walk.person.accounts[0].password)
        for _ in range(4):
            if walk.page.state == "open":
                walk.step()
    assert walk.page.state == "locked"
    nothing_was_issued()


def test_a_stolen_line_does_not_open_the_higher_path(world: World) -> None:
    """With a number changed yesterday, card and account do not do without the mail box registered before."""
    walk = Walk(world, "kim").walk_to("mail_code")
    for attempt in range(5):
        walk.submit(code=f"{attempt:06d}")
    assert walk.page.state == "locked"
    nothing_was_issued()


def test_every_journey_demands_a_factor_that_is_no_telephone(world: World) -> None:
    """Each journey that issues names evidence no telephone line gives, and misses it when it is not there."""
    media = frozenset({"bank_certificate", "security_card", "otp"})
    for journey in JOURNEYS.values():
        own = {"financial": {media}, "bank": {frozenset({"id_card"})}, "joint": {frozenset({"account"})}}
        assert own[journey.product.id] <= set(journey.evidence)
    walk = Walk(world).walk_to("account")
    from dojang.ra.actions import turn_of

    turn = turn_of(Run.objects.get(id=walk.run), walk.acting, world)
    missing = {problem.name for problem in required_evidence(turn.view())}
    assert "bank_certificate|otp|security_card" in missing


def test_a_text_from_the_line_is_not_enough_at_the_end(world: World) -> None:
    """The reply proves the line and nothing more: without the steps before, no page offers to reply."""
    walk = Attacker(world).walk_to("ars")
    sms: Any = world.sms
    sms.reply(number=walk.number, text="12")
    assert walk.refresh().step == "ars"
    assert re.fullmatch(r"[0-9a-f]{32}", walk.run)
    nothing_was_issued()
