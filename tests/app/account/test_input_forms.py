"""Log-in, lost phone, change of PIN, hand-off: every form that means it; a wrong form is no try."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.app.account.test_me_pages import Visitor
from tests.journeys.app.walker import PIN, Walk, with_policy

from dojang.account.models import Session
from dojang.ca.queries import certificates_of
from dojang.ports.acting import Acting
from dojang.ra.actions.handoff import accept_handoff, offer_handoff
from dojang.ra.errors import HandoffBlockedError, HandoffNotFoundError
from dojang.wallet.uses.models import Use

if TYPE_CHECKING:
    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)
WIDE = {ord("0") + digit: 0xFF10 + digit for digit in range(10)}


@pytest.fixture
def visitor(world: World) -> Visitor:
    """Return the browser of somebody with a financial certificate."""
    walk = Walk(world)
    assert walk.finish().state == "done"
    return Visitor(walk)


@pytest.mark.parametrize("pin", ["12345", "1234567", "12345a", "１２３４５", "①②③④⑤⑥", "９" * 400])
def test_a_pin_of_another_form_is_no_try(visitor: Visitor, pin: str) -> None:
    """Ten of them are refused with a sentence, counted by nobody, and the right one still opens."""
    for _ in range(10):
        answer = visitor.log_in(pin)
        assert answer.status_code == 422
        assert "6자리" in answer.content.decode()
    assert (Use.objects.filter(purpose="login").count(), Session.objects.count()) == (0, 0)
    assert visitor.log_in().status_code == 303


def test_a_pin_and_an_id_as_input_methods_type_them(visitor: Visitor) -> None:
    """Full-width letters and digits, and spaces that do not show, log in like plain ones."""
    user_id = visitor.walk.person.user_id
    wide = "".join(chr(ord(letter) + 0xFEE0) for letter in user_id)
    answer = visitor.post("/login/", user_id=f"\u200b{wide}\u3000", pin=PIN.translate(WIDE))
    assert answer.status_code == 303
    assert Session.objects.count() == 1


def test_a_new_pin_in_another_form_changes_nothing(visitor: Visitor) -> None:
    """The old PIN in another form is no try of the key; in full-width digits it is the PIN."""
    visitor.log_in()
    place = f"/me/certificates/{visitor.serial}/pin/"
    uses = Use.objects.count()
    for _ in range(6):
        answer = visitor.post(place, pin="12345", new_pin="604815", again="604815")
        assert answer.status_code == 422
    assert Use.objects.count() == uses
    answer = visitor.post(place, pin=PIN.translate(WIDE), new_pin="６０４８１５", again="604815")
    assert answer.status_code == 303
    assert Visitor(visitor.walk).log_in("604815").status_code == 303


def test_a_pin_of_another_form_revokes_nothing(visitor: Visitor) -> None:
    """Before a revocation, too, another form is no try of the key, and full-width digits are the PIN."""
    visitor.log_in()
    place = f"/me/certificates/{visitor.serial}/revoke/"
    uses, said = Use.objects.count(), {"reason": "keyCompromise", "sure": "1", "by": "financial"}
    for pin in ("12345", "1234567", "12345a", "９" * 400, "", "①②③④⑤⑥"):
        answer = visitor.post(place, pin=pin, **said)
        assert answer.status_code == 422
    (mine,) = certificates_of(visitor.walk.person.id)
    assert (Use.objects.count(), mine.state) == (uses, "active")
    assert visitor.post(place, pin=PIN.translate(WIDE), **said).status_code == 303
    (mine,) = certificates_of(visitor.walk.person.id)
    assert mine.state == "revoked"


def test_lost_phone_takes_every_form_and_counts_none(visitor: Visitor) -> None:
    """Wrong forms are refused at their fields and stop nothing; right answers in odd forms stop all."""
    person, account = visitor.walk.person, visitor.walk.person.accounts[0]
    right = {"user_id": person.user_id, "account": account.number, "account_password": account.password}
    halves = {"rrn_front": person.rrn[:6], "rrn_back": person.rrn[6:]}
    for broken in (
        {"rrn_back": "12345"},
        {"account": "12"},
        {"account_password": "12345"},
        {"user_id": "a b"},
    ):
        for _ in range(3):
            answer = visitor.post("/help/lost-phone/", consent="1", **{**right, **halves, **broken})
            assert answer.status_code == 422
    (held,) = certificates_of(person.id)
    assert held.state == "active"
    answer = visitor.post(
        "/help/lost-phone/",
        consent="1",
        user_id=f" {person.user_id} ",
        rrn_front=f"{person.rrn[:6]}\u2011{person.rrn[6:]}",
        rrn_back="",
        account="\u2013".join((account.number[:3], account.number[3:])).translate(WIDE),
        account_password=account.password.translate(WIDE),
    )
    assert answer.status_code == 200
    (held,) = certificates_of(person.id)
    assert held.state == "held"


def test_what_is_no_number_is_no_try_of_a_hand_off(world: World) -> None:
    """Other forms are not found and not counted; the number is known in full-width digits and with dashes."""
    world = with_policy(world, wrong_entries={"handoff": 2})
    walk = Walk(world).walk_to("identify")
    made = offer_handoff(walk.run, acting=walk.acting, world=world)
    phone = Acting(kind="customer", source="203.0.113.5", channel="app", locale="ko")
    for text in ("", "12", "1" * 13, "12345678901a", "x" * 500, "\0"):
        with pytest.raises(HandoffNotFoundError):
            accept_handoff(text, acting=phone, world=world)
    for _ in range(2):
        with pytest.raises(HandoffNotFoundError):
            accept_handoff("000000000000", acting=phone, world=world)
    with pytest.raises(HandoffBlockedError):
        accept_handoff("000000000000", acting=phone, world=world)
    other = Acting(kind="customer", source="203.0.113.6", channel="app", locale="ko")
    brought = "\u2013".join((made.number[:4], made.number[4:8], made.number[8:])).translate(WIDE)
    assert accept_handoff(brought, acting=other, world=world).run == walk.run
