"""Invariants 9 to 11 for a key on a telephone: challenges once, tries counted first, number matching."""

from __future__ import annotations

import hmac
import secrets
from typing import TYPE_CHECKING, Any

import pytest
from django.db import transaction
from tests.counting import errors_of
from tests.journeys.app.device import AppWalk, Telephone, approve, challenge, fresh_key, prove, reject
from tests.journeys.app.walker import Walk, in_parallel

from dojang.audit.models import Event
from dojang.ca.models import Certificate
from dojang.guard.challenges import forget_challenges
from dojang.guard.models import Challenge
from dojang.ports.credentials import Proof
from dojang.ports.errors import PushError
from dojang.sandbox.cast import BY_HANDLE
from dojang.wallet.devices.actions import approvals, describe_device, patterns, retire_device
from dojang.wallet.devices.credentials import WalletCredentials
from dojang.wallet.devices.errors import ApprovalNotFoundError, ApprovalRefusedError
from dojang.wallet.devices.models import Approval, DeviceKey
from dojang.wallet.devices.queries import devices_of

if TYPE_CHECKING:
    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)
HONG, HAN = BY_HANDLE["hong"], BY_HANDLE["han"]
WRONG = (1, 2, 3, 6)


@pytest.fixture
def walk(world: World) -> AppWalk:
    """Return the walk on which Hong got a bank certificate."""
    made = AppWalk(world)
    made.finish()
    return made


def answer(world: World, walk: AppWalk, challenge_id: str, **proofs: bytes) -> Proof:
    """Answer a challenge."""
    return patterns.verify_challenge(challenge_id, **proofs, acting=walk.acting, world=world)


def errors() -> int:
    """How many tries are counted against Hong's pattern."""
    return errors_of(DeviceKey.objects.get(product="bank", state__in=["live", "locked"]))


# --- the pattern -----------------------------------------------------------------------------------------


def test_the_right_pattern_on_the_right_telephone_proves(world: World, walk: AppWalk) -> None:
    """The proof names its owner, and forgives the tries before it."""
    assert prove(world, walk, WRONG) == Proof(ok=False, reason="wrong", owner=HONG.id)
    assert errors() == 1
    assert prove(world, walk) == Proof(ok=True, owner=HONG.id)
    assert errors() == 0


def test_a_challenge_is_answered_once(world: World, walk: AppWalk) -> None:
    """The same right answer again is late; so is one after a minute."""
    made = challenge(world, walk)
    assert made is not None
    proofs = walk.phone.proofs(made.challenge)
    assert answer(world, walk, made.id, **proofs).ok
    assert answer(world, walk, made.id, **proofs).reason == "late"
    later = challenge(world, walk)
    assert later is not None
    world.clock.advance(world.policy.devices.challenge_ttl + 1)  # type: ignore[attr-defined]
    assert answer(world, walk, later.id, **walk.phone.proofs(later.challenge)).reason == "late"
    assert errors() == 0


def test_twenty_answers_at_once_are_one(world: World, walk: AppWalk) -> None:
    """One challenge, twenty right answers in parallel: one proves."""
    made = challenge(world, walk)
    assert made is not None
    proofs = walk.phone.proofs(made.challenge)
    results = in_parallel(20, lambda _n: answer(world, walk, made.id, **proofs))
    assert [result.ok for result in results].count(True) == 1
    assert errors() == 0


def test_a_challenge_is_for_one_purpose(world: World, walk: AppWalk) -> None:
    """An answer brought for another purpose is unknown, and the challenge stays good for its own."""
    made = challenge(world, walk, "log in")
    assert made is not None
    proofs = walk.phone.proofs(made.challenge)
    other = patterns.verify_challenge(
        made.id, **proofs, purpose="a transfer", acting=walk.acting, world=world
    )
    assert other.reason == "unknown"
    mine = patterns.verify_challenge(made.id, **proofs, purpose="log in", acting=walk.acting, world=world)
    assert mine.ok


def test_the_same_key_is_the_same_challenge(world: World, walk: AppWalk) -> None:
    """A request repeated after a crash finds its challenge; the key cannot be used for another purpose."""
    ask = {"device_id": walk.phone.device_id, "key": "k", "world": world}
    first = patterns.begin_challenge(HONG.id, purpose="p", **ask)  # type: ignore[arg-type]
    assert first == patterns.begin_challenge(HONG.id, purpose="p", **ask)  # type: ignore[arg-type]
    assert patterns.begin_challenge(HONG.id, purpose="q", **ask) is None  # type: ignore[arg-type]
    assert Challenge.objects.count() == 1


def test_five_wrong_patterns_lock_for_good(world: World, walk: AppWalk) -> None:
    """The right pattern after five wrong ones proves nothing; a re-issue does."""
    reasons = [prove(world, walk, WRONG).reason for _ in range(5)]
    assert reasons == ["wrong"] * 4 + ["locked"]
    assert challenge(world, walk) is None
    assert DeviceKey.objects.get().state == "locked"
    assert Event.objects.filter(type="device_key:locked").count() == 1
    again = AppWalk(world, journey="bank-app-reissue", phone=walk.phone)
    again.finish()
    assert prove(world, again).ok


def test_twenty_guesses_at_once_are_five(world: World, walk: AppWalk) -> None:
    """Twenty wrong patterns in parallel, each for its own challenge: five are compared."""
    made = [challenge(world, walk) for _ in range(20)]

    def guess(index: int) -> Any:
        one = made[index]
        assert one is not None
        return answer(world, walk, one.id, **walk.phone.proofs(one.challenge, WRONG)).reason

    results = in_parallel(20, guess)
    assert set(results) <= {"wrong", "locked"}
    assert Event.objects.filter(type="device_key:pattern_wrong").count() == 5
    assert (errors(), DeviceKey.objects.get().state) == (5, "locked")


def test_a_right_pattern_forgives_the_past_alone(world: World, walk: AppWalk) -> None:
    """A wrong pattern counted while the right one was compared stays counted; the one before does not."""
    assert prove(world, walk, WRONG).reason == "wrong"
    made = challenge(world, walk)
    assert made is not None
    with transaction.atomic():
        taken = patterns.take_answer(made.id, None, acting=walk.acting, world=world)
    assert prove(world, walk, WRONG).reason == "wrong"
    assert errors() == 3
    with transaction.atomic():
        judged = {"is_device": True, "is_pattern": True, "acting": walk.acting, "world": world}
        assert patterns.judge_pattern(taken, **judged) == ""  # type: ignore[arg-type]
    assert errors() == 1


def test_who_lacks_the_telephone_cannot_spend_its_tries(world: World, walk: AppWalk) -> None:
    """With the pattern's key but another signing key nothing is proven, and nothing stays counted."""
    stranger = fresh_key("ec-p256")
    for _ in range(7):
        made = challenge(world, walk)
        assert made is not None
        mac = hmac.digest(walk.phone.proof_key(), made.challenge, "sha256")
        proofs = {"mac": mac, "signature": walk.phone.sign(made.challenge, stranger)}
        assert answer(world, walk, made.id, **proofs).reason == "wrong"
    assert errors() == 0
    assert prove(world, walk).ok


def test_the_telephone_without_the_pattern_is_not_enough(world: World, walk: AppWalk) -> None:
    """A signature by the device's key with any other MAC counts as a wrong pattern."""
    for mac in (b"", bytes(32), secrets.token_bytes(32)):
        made = challenge(world, walk)
        assert made is not None
        assert answer(world, walk, made.id, mac=mac, signature=walk.phone.sign(made.challenge)).ok is False
    assert errors() == 3


def test_a_key_whose_certificate_was_revoked_proves_nothing(world: World, walk: AppWalk) -> None:
    """A challenge taken before the revocation is blocked, a new one is not given."""
    from dojang.issuing.actions import revoke_certificate

    made = challenge(world, walk)
    assert made is not None
    revoke_certificate(
        Certificate.objects.get(product="bank").pk, "keyCompromise", acting=walk.acting, world=world
    )
    assert answer(world, walk, made.id, **walk.phone.proofs(made.challenge)).reason == "unknown"
    assert challenge(world, walk) is None


def test_the_old_telephone_proves_nothing_after_a_reissue(world: World, walk: AppWalk) -> None:
    """One device for a bank certificate: the new one's key lives, the old one's is retired."""
    second = AppWalk(world, journey="bank-app-reissue", phone=Telephone())
    second.finish()
    assert challenge(world, walk) is None
    assert prove(world, second).ok
    (new, old) = devices_of(HONG.id)
    assert (new.products, old.products) == (("bank",), ())


def test_old_challenges_are_cleared_away(world: World, walk: AppWalk) -> None:
    """An hour after their end, and not before."""
    assert challenge(world, walk) is not None
    assert forget_challenges(now=world.clock.now()) == 0
    world.clock.advance(world.policy.devices.challenge_ttl + 3601)  # type: ignore[attr-defined]
    assert forget_challenges(now=world.clock.now()) == 1


# --- approvals -------------------------------------------------------------------------------------------


def ask(world: World, walk: AppWalk, key: str = "k", number: str = "42") -> Any:
    """Put a question to Hong's telephone."""
    return approvals.ask_approval(
        HONG.id,
        purpose="run:1",
        product="financial",
        number=number,
        locale="ko",
        key=key,
        acting=walk.acting,
        world=world,
    )


def test_the_number_and_the_pattern_approve(world: World, walk: AppWalk) -> None:
    """The question is pushed, waits, is approved with the number from the other screen, and stays so."""
    asked = ask(world, walk)
    push: Any = world.push
    assert "금융인증서" in push.banners(HONG.id)[0].text
    assert "42" not in push.banners(HONG.id)[0].text
    assert approvals.approval_state(asked.id, world=world).state == "waiting"
    assert approve(world, walk, "42") == "approved"
    assert approvals.approval_state(asked.id, world=world).state == "approved"
    assert approvals.approvals_for(walk.phone.device_id, world=world) == ()
    assert approvals.approval_state(ask(world, walk).id, world=world).state == "approved"


def test_a_wrong_number_ends_the_question(world: World, walk: AppWalk) -> None:
    """Who approves what somebody else began does not see the number, and has one try."""
    asked = ask(world, walk)
    assert approve(world, walk, "24") == "wrong_number"
    assert approvals.approval_state(asked.id, world=world).state == "wrong_number"
    assert approvals.approvals_for(walk.phone.device_id, world=world) == ()


def test_a_wrong_pattern_does_not_even_look_at_the_number(world: World, walk: AppWalk) -> None:
    """The try is counted, the question still waits."""
    asked = ask(world, walk)
    with pytest.raises(ApprovalRefusedError):
        approve(world, walk, "24", WRONG)
    assert errors() == 1
    assert approvals.approval_state(asked.id, world=world).state == "waiting"
    assert approve(world, walk, "42") == "approved"


def test_a_question_can_be_refused(world: World, walk: AppWalk) -> None:
    """It was not me: no pattern needed, and nobody can approve it any more."""
    asked = ask(world, walk)
    assert reject(world, walk) == "rejected"
    assert approvals.approval_state(asked.id, world=world).state == "rejected"
    with pytest.raises(ApprovalNotFoundError):
        approvals.begin_answer(asked.id, device_id=walk.phone.device_id, world=world)


def test_at_most_three_questions_in_ten_minutes(world: World, walk: AppWalk) -> None:
    """Push bombing ends after three; the newest question alone waits; ten minutes later it may be asked."""
    asked = [ask(world, walk, f"k{number}") for number in range(5)]
    assert [one is None for one in asked] == [False, False, False, True, True]
    assert len(approvals.approvals_for(walk.phone.device_id, world=world)) == 1
    push: Any = world.push
    assert len(push.banners(HONG.id)) == 3
    world.clock.advance(world.policy.approvals.questions.per)  # type: ignore[attr-defined]
    assert ask(world, walk, "later") is not None


def test_parallel_questions_are_three(world: World, walk: AppWalk) -> None:
    """Twenty at once: three are put."""
    results = in_parallel(20, lambda number: ask(world, walk, f"k{number}"))
    assert [result is None for result in results].count(False) == 3
    assert Approval.objects.count() == 3


def test_a_question_ends_by_itself(world: World, walk: AppWalk) -> None:
    """Nobody answers in time: expired, for the screen and for the telephone."""
    asked = ask(world, walk)
    world.clock.advance(world.policy.approvals.ttl + 1)  # type: ignore[attr-defined]
    assert approvals.approval_state(asked.id, world=world).state == "expired"
    assert approvals.approvals_for(walk.phone.device_id, world=world) == ()


def test_another_telephone_sees_and_answers_nothing(world: World, walk: AppWalk) -> None:
    """A question is its telephone's alone, as is its challenge."""
    other = AppWalk(world, "han")
    other.finish()
    asked = ask(world, walk)
    assert approvals.approvals_for(other.phone.device_id, world=world) == ()
    with pytest.raises(ApprovalNotFoundError):
        approvals.begin_answer(asked.id, device_id=other.phone.device_id, world=world)
    foreign = challenge(world, other)
    assert foreign is not None
    with pytest.raises(ApprovalRefusedError):
        approvals.answer_approval(
            asked.id,
            device_id=walk.phone.device_id,
            number="42",
            challenge_id=foreign.id,
            **other.phone.proofs(foreign.challenge),
            acting=other.acting,
            world=world,
        )
    assert approvals.approval_state(asked.id, world=world).state == "waiting"


def test_without_a_telephone_nobody_is_asked(world: World, walk: AppWalk) -> None:
    """A customer without a bank certificate cannot be asked; an unknown question is not found."""
    credentials = WalletCredentials(world)
    asked = credentials.ask_approval(
        HAN.id, purpose="p", product="financial", number="42", locale="ko", key="k"
    )
    assert asked is None
    with pytest.raises(ApprovalNotFoundError):
        credentials.approval("no-such-question")


def test_a_silent_push_service_stops_no_question(world: World, walk: AppWalk) -> None:
    """The question waits in the app even when the push did not go out."""
    import dataclasses

    class Silent:
        def send(self, **_: Any) -> int:
            raise PushError("away")

    silent = dataclasses.replace(world, push=Silent())
    assert ask(silent, walk) is not None
    assert len(approvals.approvals_for(walk.phone.device_id, world=world)) == 1


def test_an_approval_on_the_phone_lets_the_web_go_on(world: World, walk: AppWalk) -> None:
    """On the web the bank certificate is a factor: the number on the page, the pattern on the telephone."""
    web = Walk(world).walk_to("factor")
    web.submit(factor="bank_certificate")
    assert web.page.step == "bank_certificate"
    digits = next(show for show in web.page.show if show.kind == "approval").data["digits"]
    web.submit()
    assert web.page.step == "bank_certificate"
    assert approve(world, walk, digits) == "approved"
    assert web.refresh().wait is not None
    web.submit()
    assert web.page.step != "bank_certificate"
    assert web.finish().state == "done"


# --- the other credentials -------------------------------------------------------------------------------


def test_a_signature_is_checked_against_the_customers_own_certificate(world: World, walk: AppWalk) -> None:
    """Right, wrong, somebody else's and suspended certificates are told apart."""
    credentials = WalletCredentials(world)
    serial = Certificate.objects.get(product="bank").serial
    content = b"sign me"
    signature = walk.phone.sign(content)
    check = {"serial": serial, "content": content}
    assert credentials.check_signature(HONG.id, signature=signature, **check) == Proof(ok=True, owner=HONG.id)  # type: ignore[arg-type]
    assert credentials.check_signature(HONG.id, signature=b"x", **check).reason == "wrong"  # type: ignore[arg-type]
    assert credentials.check_signature(HAN.id, signature=signature, **check) == Proof(  # type: ignore[arg-type]
        ok=False, reason="unknown", owner=HONG.id
    )
    assert credentials.check_signature(HONG.id, serial="ab", content=content, signature=signature) == Proof(
        ok=False, reason="unknown"
    )


def test_a_device_is_told_about_by_state(world: World, walk: AppWalk) -> None:
    """Registered for its customer, unknown for everybody else."""
    credentials = WalletCredentials(world)
    name = walk.phone.device_id
    assert credentials.device_state(HONG.id, device_id=name) == "registered"
    assert credentials.device_state(HAN.id, device_id=name) == "unknown"
    assert credentials.device_state(None, device_id=name) == "unknown"


def test_a_device_says_what_it_is(world: World, walk: AppWalk) -> None:
    """Label, platform and version are noted; what is not printable is left out; an unknown device is not."""
    assert describe_device(walk.phone.device_id, label="Gil-dong's\x00 phone", platform="iOS", world=world)
    assert not describe_device("an-unknown-device-0", label="x", world=world)
    (view,) = devices_of(HONG.id)
    assert (view.label, view.platform, view.app_version) == ("Gil-dong's phone", "iOS", "1.0.0")


def test_a_device_without_keys_can_be_forgotten(world: World, walk: AppWalk) -> None:
    """One that holds a usable key cannot, nor can another customer's."""
    from django.db import transaction

    AppWalk(world, journey="bank-app-reissue", phone=Telephone()).finish()
    new, old = devices_of(HONG.id)

    def retire(row_id: str, customer_id: str = HONG.id) -> bool:
        with transaction.atomic():
            return retire_device(row_id, customer_id=customer_id, acting=walk.acting, world=world)

    assert not retire(new.id)
    assert not retire(old.id, HAN.id)
    assert retire(old.id)
    assert [view.id for view in devices_of(HONG.id)] == [new.id]
