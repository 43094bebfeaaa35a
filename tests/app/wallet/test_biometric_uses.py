"""Where finger or face open in place of the pattern, the pages about it, and what is kept of them."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import hmac
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from tests.authenticators import PRESENT, VERIFIED, text_of
from tests.counting import errors_of
from tests.journeys.app.device import AppWalk, b64, challenge
from tests.journeys.app.holder import ORIGIN, Holder, person
from tests.journeys.app.test_invariant_15_canary import dump

from dojang.account.errors import BiometricOffError, BiometricWrongError
from dojang.account.models import Session
from dojang.account.proving import actions as proving
from dojang.account.proving.values import Answer
from dojang.ca.models import Certificate
from dojang.guard.models import FactorCounter
from dojang.products import PRODUCTS
from dojang.sandbox.cast import BY_HANDLE
from dojang.wallet.devices.actions import approvals
from dojang.wallet.devices.errors import ApprovalRefusedError
from dojang.wallet.devices.models import Biometric, DeviceKey
from dojang.wallet.uses.models import Use

if TYPE_CHECKING:
    from collections.abc import Callable

    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)
HONG = BY_HANDLE["hong"]
BANK = PRODUCTS["bank"]


@pytest.fixture
def hong(world: World) -> Holder:
    """Return Hong, who opens the bank certificate with a finger."""
    return person(world).turn_on()


# --- where it is used ------------------------------------------------------------------------------------


def log_in(holder: Holder, **spoilt: Any) -> str:
    """Log in with the keeper; return the session's token."""
    acting = dataclasses.replace(holder.walk.acting, origin=ORIGIN, device=holder.phone.device_id)
    asked = proving.ask(BANK, acting=acting, world=holder.world)
    assert asked is not None
    assert asked.biometric is not None
    answer = Answer(
        challenge_id=asked.id,
        assertion=holder.keeper.answer(asked.body, **spoilt),
        signature=holder.phone.sign(asked.body),
    )
    done = proving.log_in(BANK, answer, acting=acting, world=holder.world)
    return done.session


def test_it_logs_in(hong: Holder) -> None:
    """A right answer opens a session; a wrong one is recorded, and five lead back to the pattern."""
    for _ in range(4):
        with pytest.raises(BiometricWrongError):
            log_in(hong, rp_id="bank.example")
    assert Session.objects.count() == 0
    log_in(hong)
    assert Session.objects.get().method == "bank"
    assert list(Use.objects.order_by("at").values_list("outcome", flat=True)) == [
        *["biometric_wrong"] * 4,
        "accepted",
    ]
    for _ in range(4):
        with pytest.raises(BiometricWrongError):
            log_in(hong, flags=PRESENT)
    with pytest.raises(BiometricOffError):
        log_in(hong, flags=PRESENT)
    assert Session.objects.count() == 1


def test_it_approves_together_with_the_number(world: World, hong: Holder) -> None:
    """A wrong answer leaves the question waiting; a right one with the right number approves."""

    def approve(number: str, **spoilt: Any) -> str:
        question = approvals.approvals_for(hong.phone.device_id, world=world)[0]
        made = approvals.begin_answer(question.id, device_id=hong.phone.device_id, world=world)
        done = approvals.answer_approval(
            question.id,
            device_id=hong.phone.device_id,
            number=number,
            challenge_id=made.id,
            assertion=hong.keeper.answer(made.challenge, **spoilt),
            signature=hong.phone.sign(made.challenge),
            acting=hong.walk.acting,
            world=world,
        )
        return done.state

    asking: dict[str, Any] = {"purpose": "run:1", "product": "financial", "locale": "ko"}
    who: dict[str, Any] = {"acting": hong.walk.acting, "world": world}
    assert approvals.ask_approval(HONG.id, number="42", key="a", **asking, **who) is not None
    with pytest.raises(ApprovalRefusedError):
        approve("42", flags=PRESENT)
    assert len(approvals.approvals_for(hong.phone.device_id, world=world)) == 1
    assert approve("42") == "approved"
    assert approvals.ask_approval(HONG.id, number="42", key="b", **asking, **who) is not None
    assert approve("24") == "wrong_number"


def test_it_is_a_factor_in_place_and_meets_the_pattern_s_lock(world: World, hong: Holder) -> None:
    """In the financial journey: wrong answers leave the pattern's tries alone, a right one goes on."""
    walk = AppWalk(world, journey="financial-app-issue", phone=hong.phone)
    walk.walk_to("factor")
    walk.submit(factor="bank_certificate")

    def submit(**spoilt: Any) -> None:
        octets = base64.b64decode(walk.shown("pattern")["challenge"])
        assertion = hong.keeper.answer(octets, **spoilt)
        walk.submit(assertion=b64(assertion), signature=b64(hong.phone.sign(octets)))

    shown = walk.shown("pattern")["biometric"]
    assert shown == {"credential_id": text_of(hong.keeper.credential_id), "rp_id": "localhost"}
    assert {one.name: one.rules["required"] for one in walk.page.fields} == {
        "mac": False, "signature": True, "assertion": False,
    }  # fmt: skip
    for _ in range(4):
        submit(flags=PRESENT)
        assert walk.codes == ["biometric_wrong"]
    assert FactorCounter.objects.get(factor="bank_certificate").errors == 0
    walk.submit(mac=b64(bytes(32)), signature=b64(hong.phone.sign(b"x")))
    assert walk.codes == ["pattern_wrong"]
    submit()
    assert walk.page.step == "details"
    # The pattern's own counter is neither spent nor forgiven by a finger.
    assert FactorCounter.objects.get(factor="bank_certificate").errors == 1
    walk.walk_to("confirm")
    assert walk.submit().state == "done"


def test_five_wrong_answers_in_a_journey_leave_the_pattern(world: World, hong: Holder) -> None:
    """The step stays open, and shows the pattern alone."""
    walk = AppWalk(world, journey="financial-app-issue", phone=hong.phone)
    walk.walk_to("factor")
    walk.submit(factor="bank_certificate")
    for _ in range(5):
        octets = base64.b64decode(walk.shown("pattern")["challenge"])
        assertion = hong.keeper.answer(octets, flags=PRESENT)
        walk.submit(assertion=b64(assertion), signature=b64(hong.phone.sign(octets)))
    assert (walk.page.state, walk.codes) == ("open", ["biometric_off"])
    assert "biometric" not in walk.shown("pattern")
    walk.step()
    assert walk.page.step == "details"


# --- the page --------------------------------------------------------------------------------------------

PLACE = "/app/bank/biometric/"


def post(client: Client, **data: str) -> Any:
    """Send the form."""
    return client.post(PLACE, data, headers={"host": "localhost:8000"})


def test_the_page_turns_it_on_and_off_and_says_what_went_wrong(world: World) -> None:
    """No certificate, off, a wrong pattern, junk, on, off: each is shown; the last two alone change it."""
    client = Client()
    assert "쓸 수 있는 은행인증서가 없어요" in client.get(PLACE).content.decode()
    assert post(client).headers["Location"] == PLACE
    holder = person(world)
    client.cookies["dojang_device"] = holder.phone.device_id
    assert "http://localhost:8000" in client.get(PLACE, headers={"host": "127.0.0.1:8000"}).content.decode()

    def ask() -> tuple[str, bytes]:
        found = client.get(PLACE, headers={"host": "localhost:8000"}).context
        return found["challenge_id"], base64.b64decode(found["challenge"])

    name, octets = ask()
    proofs = {key: b64(value) for key, value in holder.phone.proofs(octets, (1, 2, 3, 6)).items()}
    refused = post(client, challenge=name, **proofs)
    assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "패턴이 맞지 않아요" in refused.content.decode()
    assert errors_of(DeviceKey.objects.get()) == 1

    def prove() -> Any:
        name, octets = ask()
        right = {key: b64(value) for key, value in holder.phone.proofs(octets).items()}
        return post(client, challenge=name, **right).context

    for spoilt in ("", b64(b"junk"), "no base64"):
        made = prove()
        signed = b64(holder.phone.sign(base64.b64decode(made["challenge"])))
        sent = {"action": "register", "challenge": made["challenge_id"], "signature": signed}
        assert "등록하지 못했어요" in post(client, **sent, credential=spoilt).content.decode()
    assert Biometric.objects.count() == 0
    made = prove()
    sent = {
        "action": "register",
        "challenge": made["challenge_id"],
        "signature": b64(holder.phone.sign(base64.b64decode(made["challenge"]))),
        "credential": b64(holder.keeper.make(json.loads(made["options"]))),
    }
    assert post(client, **sent).headers["Location"].endswith("?said=on")
    assert Biometric.objects.filter(ended_at=None).count() == 1
    assert post(client, action="off").headers["Location"].endswith("?said=off")
    assert Biometric.objects.filter(ended_at=None).count() == 0


def test_my_seals_turns_it_off_for_its_owner_alone(world: World, hong: Holder) -> None:
    """Shown with the device; without a session, and with another person's, nothing changes."""
    row = hong.walk.phone.device_id
    device = DeviceKey.objects.get(state="live").device_id
    stranger = Client()
    answer = stranger.post("/me/devices/", {"biometric": device})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login/?next=/me/")
    han = Client()
    han.cookies["dojang_me"] = log_in(person(world, "han").turn_on())
    assert han.post("/me/devices/", {"biometric": device}).status_code == HTTPStatus.SEE_OTHER
    assert Biometric.objects.filter(ended_at=None, device_key__customer_id=HONG.id).count() == 1
    mine = Client()
    mine.cookies["dojang_me"] = log_in(hong)
    assert "지문·얼굴로 열기 켜짐" in mine.get("/me/devices/").content.decode()
    assert row not in mine.get("/me/devices/").content.decode()
    mine.post("/me/devices/", {"biometric": device})
    assert Biometric.objects.filter(ended_at=None, device_key__customer_id=HONG.id).count() == 0
    assert "지문·얼굴로 열기 켜짐" not in mine.get("/me/devices/").content.decode()


def test_it_revokes_a_certificate_and_ends_with_it(hong: Holder) -> None:
    """A wrong answer revokes nothing; with the right one it is revoked, and the finger is off."""
    client, bank = Client(), Certificate.objects.get(product="bank")
    client.cookies["dojang_me"] = log_in(hong)
    client.cookies["dojang_device"] = hong.phone.device_id
    place = f"/me/certificates/{bank.serial}/revoke/"
    for flags, status, state in ((PRESENT, 422, "active"), (PRESENT | VERIFIED, 303, "revoked")):
        page = client.get(place)
        assert "지문·얼굴로 폐기하기" in page.content.decode()
        shown = page.context
        assert shown["data"]["biometric"]["rp_id"] == "localhost"
        octets = base64.b64decode(shown["data"]["challenge"])
        sent = {
            "by": "bank",
            "reason": "keyCompromise",
            "sure": "1",
            "challenge_id": shown["way"].question.id,
            "assertion": b64(hong.keeper.answer(octets, flags=flags)),
            "signature": b64(hong.phone.sign(octets)),
        }
        assert client.post(place, sent).status_code == status
        bank.refresh_from_db()
        assert bank.state == state
        assert Biometric.objects.filter(ended_at=None).exists() is (state == "active")


# --- what is kept ----------------------------------------------------------------------------------------


def test_nothing_that_opens_is_kept(world: World, run_jobs: Callable[[], int]) -> None:
    """No answer of a keeper, no MAC and no private key stands in a table after all was used."""
    hong = person(world)
    first = hong.prove_pattern()
    registration = hong.keeper.make(first.options)
    hong.register(first, credential=registration)
    made = challenge(world, hong.walk)
    assert made is not None
    assertion = hong.keeper.answer(made.challenge)
    assert hong.answer(made, assertion=assertion).ok
    run_jobs()
    private = hong.keeper.key.private_numbers().private_value.to_bytes(32)
    mac = hmac.digest(hong.phone.proof_key(), made.challenge, "sha256")
    secrets = [registration, assertion, private, mac]
    secrets += [base64.urlsafe_b64decode(json.loads(assertion)["response"]["signature"] + "==")]
    forms = [form for one in secrets for form in (one.hex(), b64(one), text_of(one), repr(one))]
    found = [name for name, text in dump().items() for form in forms if form in text]
    assert found == []
    assert hashlib.sha256(private).hexdigest() not in str(dump())
