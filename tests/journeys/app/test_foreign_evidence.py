"""Evidence of somebody else, at every door: each cell of the table in `docs/threats.md` is a case here."""

from __future__ import annotations

import base64
import dataclasses
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.app.account.test_ending_pages import Holder
from tests.journeys.app.device import AppWalk, Telephone, b64
from tests.journeys.app.test_by_login import ACTING, holder, log_in
from tests.journeys.app.walker import Walk

from dojang.account.actions import stop_by_proof
from dojang.account.errors import SignatureRefusedError
from dojang.account.proving import actions as proving
from dojang.account.proving.values import Answer
from dojang.account.sessions.access import access_session
from dojang.audit.models import Event
from dojang.ca.queries import certificates_of
from dojang.issuing.models import Order
from dojang.notices.models import Notice
from dojang.products import PRODUCTS
from dojang.sandbox.cast import BY_HANDLE, carrier_of, gender_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from dojang.ports.world import World
    from dojang.sandbox.cast import Person

pytestmark = pytest.mark.django_db(transaction=True)
HONG, HAN, LEE, BAEK = (BY_HANDLE[handle] for handle in ("hong", "han", "lee", "baek"))
THREATS = Path(__file__).parents[3] / "docs" / "threats.md"
TOLD = ("evidence_of_another", "evidence_used_elsewhere", "proof_of_another", "proof_used_elsewhere",
        "stop_of_another", "stop_used_elsewhere")  # fmt: skip


def cells() -> dict[str, str]:
    """Read the table: whom each cell says are told."""
    section = THREATS.read_text("utf-8").split("## Evidence of somebody else")[1]
    return dict(re.findall(r"^\| `(\w+)` \|.*\| (\w+) \|$", section, re.MULTILINE))


def line(person: Person) -> dict[str, str]:
    """Name somebody's line."""
    number = person.lines[0].number
    return {
        "name": person.name, "birth": f"{person.birth:%Y%m%d}", "gender": gender_of(person.rrn),
        "carrier": carrier_of(number), "phone": number,
    }  # fmt: skip


def web(world: World, step: str, **data: Any) -> None:
    """Offer something at a step of Hong's journey on the web."""
    Walk(world).walk_to(step).submit(**data)


def app(world: World, journey: str, step: str, **data: Any) -> AppWalk:
    """Offer something at a step of Hong's journey in the app."""
    walk = AppWalk(world, journey=journey).walk_to(step)
    walk.submit(**data)
    return walk


def identify_found(world: World) -> None:
    """Find Han's user id, then say who one is."""
    walk = Walk(world).walk_to("identify")
    walk.do("side:find-id")
    walk.submit(
        name=HAN.name, birth=f"{HAN.birth:%Y%m%d}", account=HAN.accounts[0].number,
        account_password=HAN.accounts[0].password,
    )  # fmt: skip
    walk.step()


def identify_line(world: World) -> None:
    """Check Han's line, then say who one is."""
    walk = AppWalk(world, journey="joint-app-reissue").walk_to("phone_check")
    walk.submit(**line(HAN))
    walk.submit(code=walk.texted(HAN.lines[0].number))
    walk.step()


def id_card(world: World) -> None:
    """Show Han's card after Hong's line."""
    paper = HAN.papers[0]
    app(
        world, "bank-app-issue", "id_card", card_type=paper.type, card_number=paper.number,
        issued=f"{paper.issued:%Y%m%d}",
    )  # fmt: skip


def security_card(world: World) -> None:
    """Read Han's card."""
    walk = Walk(world).walk_to("security_card")
    walk.submit(**walk.card_answer(HAN))


def otp(world: World) -> None:
    """Read Baek's token in Lee's run."""
    walk = Walk(world, "lee").walk_to("otp")
    other = Walk.__new__(Walk)
    other.world, other.person = world, BAEK
    walk.submit(code=other.otp())


def certificate(world: World) -> None:
    """Sign with Han's joint certificate."""
    theirs = AppWalk(world, "han", journey="joint-app-issue")
    assert theirs.finish().state == "done"
    phone = holder(world, "joint")
    walk = AppWalk(world, journey="financial-app-issue", phone=phone).walk_to("certificate_password")
    content = b"dojang certificate check\0" + base64.b64decode(walk.shown("certificate_sign")["challenge"])
    signature = theirs.phone.sign(content, theirs.phone.keys["joint"])
    walk.submit(serial=certificates_of(HAN.id)[0].serial, signature=b64(signature))


def device_key(world: World) -> None:
    """Ask for a certificate with the key of Han's bank certificate."""
    theirs = AppWalk(world, "han")
    assert theirs.finish().state == "done"
    walk = AppWalk(world).walk_to("device_key")
    walk.submit(csr=walk.phone.csr(theirs.phone.keys["bank"]))


def new_phone(world: World) -> None:
    """Ask for Han's number to be registered."""
    walk = Walk(world).walk_to("ars")
    walk.do("side:change-phone")
    for _ in range(3):
        walk.step()
    assert walk.page.step == "new_phone"
    phone = world.corebank.phones(HONG.id)[0].id
    walk.submit(old_phone=phone, new_phone=HAN.lines[0].number)


def sms_reply(world: World) -> None:
    """Text the right number from Han's telephone."""
    walk = Walk(world).walk_to("sms_reply")
    walk.reply(walk.code, number=HAN.lines[0].number)
    walk.submit()


def step_up(world: World) -> None:
    """Prove Han's joint certificate where Hong is logged in."""
    theirs = AppWalk(world, "han", journey="joint-app-issue")
    assert theirs.finish().state == "done"
    phone = holder(world, "bank")
    session = access_session(log_in(world, phone), world=world)
    acting = dataclasses.replace(ACTING, device=phone.device_id)
    asked = proving.ask(PRODUCTS["joint"], purpose="t", customer_id=HONG.id, acting=acting, world=world)
    assert asked is not None
    signed = Holder(theirs, theirs.phone).cms(asked.body)
    answer = Answer(challenge_id=asked.id, secret=asked.secret, signed=signed)
    with pytest.raises(SignatureRefusedError):
        proving.prove_again(session, PRODUCTS["joint"], answer, purpose="t", acting=acting, world=world)


def stop(world: World, **changed: str) -> None:
    """Fill in the emergency stop for Hong."""
    typed = {
        "user_id": HONG.user_id, "rrn": HONG.rrn, "account": HONG.accounts[0].number,
        "account_password": HONG.accounts[0].password,
    }  # fmt: skip
    assert stop_by_proof(**{**typed, **changed}, acting=ACTING, world=world).held is None


THEIRS = HAN.accounts[0]
CASES: dict[str, Callable[[World], object]] = {
    "identify": lambda world: web(world, "identify", user_id=HONG.user_id, rrn=HAN.rrn),
    "identify_found": identify_found,
    "identify_line": identify_line,
    "phone_check": lambda world: app(world, "joint-app-issue", "phone_check", **line(HAN)),
    "id_card": id_card,
    "ars_number": lambda world: web(world, "ars", phone=HAN.lines[0].number),
    "ars_id": lambda world: web(world, "ars", phone=world.corebank.phones(HAN.id)[0].id),
    "account": lambda world: web(
        world, "account", account=THEIRS.number, account_password=THEIRS.password
    ),
    "account_number": lambda world: app(
        world, "financial-app-issue", "account_number", account=THEIRS.number
    ),
    "account_id": lambda world: app(
        world, "financial-app-issue", "account_password",
        account_id=world.corebank.accounts(HAN.id)[0].id, account_password=THEIRS.password,
    ),
    "one_won": lambda world: app(
        world, "bank-app-issue", "one_won", bank=HAN.others[0].bank, account=HAN.others[0].number
    ),
    "security_card": security_card,
    "otp": otp,
    "certificate": certificate,
    "device_key": device_key,
    "contact": lambda world: web(
        world, "contact", email="a@example.test", phone=HAN.lines[0].number
    ),
    "person": lambda world: web(
        world, "person", name=HAN.name, phone=HAN.lines[0].number, birth=f"{HAN.birth:%Y%m%d}"
    ),
    "details": lambda world: app(
        world, "financial-app-issue", "details", email="a@example.test", address="서울 도장구 새길 1",
        phone=HAN.lines[0].number,
    ),
    "new_phone": new_phone,
    "sms_reply": sms_reply,
    "step_up": step_up,
    "stop_rrn": lambda world: stop(world, rrn=HAN.rrn),
    "stop_account": lambda world: stop(
        world, account=THEIRS.number, account_password=THEIRS.password
    ),
}  # fmt: skip
CELLS = cells()


def test_every_cell_has_its_case() -> None:
    """The table and the cases name the same cells."""
    assert sorted(CELLS) == sorted(CASES)
    assert len(CELLS) > 20


@pytest.mark.parametrize("cell", sorted(CELLS))
def test_both_persons_are_told_of_foreign_evidence(world: World, cell: str) -> None:
    """Refused; in the trail with both names, and told on every channel to whom the cell says."""
    mine, theirs = (LEE, BAEK) if cell == "otp" else (HONG, HAN)
    CASES[cell](world)
    people = {"both": {mine.id, theirs.id}, "nobody": set()}[CELLS[cell]]
    trail = [json.loads(event.body)["data"] for event in Event.objects.filter(type="evidence:foreign")]
    named = [{data["customer"], *data["owners"]} - {""} for data in trail]
    assert named == [set(data["told"]) for data in trail] == ([people] if people else [])
    told = Notice.objects.filter(message_id__in=TOLD)
    assert set(told.values_list("customer_id", flat=True)) == people
    channels = told.filter(customer_id=theirs.id).values_list("channel", flat=True)
    assert set(channels) == ({"sms", "mail", "push"} if people else set())
    assert Order.objects.filter(state__in=["placed", "delivering"]).count() == 0
    assert {view.state for person in (mine, theirs) for view in certificates_of(person.id)} <= {"active"}


def test_a_serial_without_its_signature_alarms_nobody(world: World) -> None:
    """Serials are public: naming Han's certificate with a signature by another key tells Han nothing."""
    assert AppWalk(world, "han", journey="joint-app-issue").finish().state == "done"
    phone = holder(world, "joint")
    walk = AppWalk(world, journey="financial-app-issue", phone=phone).walk_to("certificate_password")
    content = b"dojang certificate check\0" + base64.b64decode(walk.shown("certificate_sign")["challenge"])
    signature = b64(phone.sign(content, phone.keys["joint"]))
    walk.submit(serial=certificates_of(HAN.id)[0].serial, signature=signature)
    assert walk.codes == ["signature_wrong"]
    assert Event.objects.filter(type="evidence:foreign").count() == 0
    assert Notice.objects.filter(message_id__in=TOLD).count() == 0


def test_an_id_of_nobody_is_no_try(world: World) -> None:
    """An account's id of a page long gone is asked for again, and no try is spent."""
    walk = app(world, "financial-app-issue", "account_password", account_id="0" * 16, account_password="0000")
    assert walk.codes == ["account_required"]
    assert Telephone().device_id != walk.phone.device_id
    assert Event.objects.filter(type="evidence:foreign").count() == 0
