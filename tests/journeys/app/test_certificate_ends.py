"""What was begun with a certificate ends with it, at its next request; a stop ends everything at once."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest
from tests.app.account.connected import connect
from tests.journeys.app.device import AppWalk, Telephone
from tests.journeys.app.test_by_login import ACTING, begin, here, holder, log_in
from tests.journeys.app.walker import PIN, Walk, with_policy

from dojang.account.actions import stop_everything
from dojang.account.errors import SessionMissingError
from dojang.account.models import Session
from dojang.account.proving import actions as proving
from dojang.account.proving.values import Answer
from dojang.account.sessions.access import access_session
from dojang.account.sessions.actions import renew_token
from dojang.ca.queries import active_certificate
from dojang.issuing.actions import revoke_certificate, suspend_certificate
from dojang.issuing.models import Order
from dojang.pki.errors import DojangError
from dojang.ports.acting import Acting
from dojang.products import PRODUCTS
from dojang.ra.actions.handoff import accept_handoff, offer_handoff
from dojang.ra.errors import HandoffNotFoundError, HandoffRefusedError
from dojang.ra.models import Handoff, Run
from dojang.sandbox.cast import BY_HANDLE
from dojang.wallet.devices.actions.approvals import (
    answer_approval,
    approval_state,
    approvals_for,
    ask_approval,
    begin_answer,
)
from dojang.wallet.devices.actions.parcels import fetch_parcel, put_parcel
from dojang.wallet.devices.errors import ApprovalNotFoundError, ParcelEndedError, ParcelNotFoundError
from dojang.wallet.devices.models import Approval, Parcel

if TYPE_CHECKING:
    from collections.abc import Callable

    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)
HONG = BY_HANDLE["hong"]
TELLER = Acting(kind="operator", id="teller-7", channel="branch")
NUMBER, LOCATOR = "42", "ab" * 32


def hold(world: World, product: str) -> None:
    """Put Hong's certificate of a product on hold."""
    suspend_certificate(serving(product).id, acting=TELLER, world=world)


def revoke(world: World, product: str) -> None:
    """Revoke it for theft."""
    revoke_certificate(serving(product).id, "keyCompromise", acting=TELLER, world=world)


def stop(world: World, _product: str) -> None:
    """Stop everything of Hong's."""
    stop_everything(HONG.id, acting=TELLER, world=world)


ENDS: dict[str, Callable[[World, str], None]] = {"held": hold, "revoked": revoke, "stopped": stop}
every_end = pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)


def serving(product: str) -> Any:
    """Hong's certificate in use."""
    found = active_certificate(HONG.id, product)
    assert found is not None
    return found


def question(world: World) -> str:
    """Put a question to Hong's telephone."""
    asked = ask_approval(
        HONG.id, purpose="t", product="financial", number=NUMBER, locale="ko", key="t", acting=TELLER,
        world=world,
    )  # fmt: skip
    assert asked is not None
    return asked.id


def approve(world: World, phone: Telephone, asked: str) -> None:
    """Answer it on the telephone."""
    made = begin_answer(asked, device_id=phone.device_id, world=world)
    answer_approval(
        asked, device_id=phone.device_id, number=NUMBER, challenge_id=made.id, **phone.proofs(made.challenge),
        acting=TELLER, world=world,
    )  # fmt: skip


@every_end
def test_a_session_ends_with_its_certificate(world: World, end: Callable[[World, str], None]) -> None:
    """Its token opens nothing any more, though neither ten nor thirty minutes have passed."""
    phone = holder(world, "bank")
    token = log_in(world, phone)
    assert access_session(token, world=world).customer_id == HONG.id
    end(world, "bank")
    with pytest.raises(SessionMissingError):
        access_session(token, world=world)
    assert Session.objects.filter(ended_at=None).count() == 0


def test_a_session_of_another_certificate_goes_on(world: World) -> None:
    """Only what was begun with the one that ended is over."""
    Walk(world).finish()
    visitor = dataclasses.replace(ACTING, channel="web")
    done = proving.log_in_by_id(
        PRODUCTS["financial"], HONG.user_id, Answer(pin=PIN), browser=connect(world, "hong", acting=visitor),
        remember=False, acting=visitor, world=world,
    )  # fmt: skip
    holder(world, "bank")
    revoke(world, "bank")
    assert access_session(done.session, world=world).method == "financial"


def test_a_session_ends_where_the_life_of_its_certificate_ends(world: World) -> None:
    """Between two requests the certificate ran out."""
    phone = holder(world, "bank")
    clock: Any = world.clock
    clock.advance(int((serving("bank").not_after - world.clock.now()).total_seconds()) - 1)
    token = log_in(world, phone)
    clock.advance(3)
    with pytest.raises(SessionMissingError):
        access_session(token, world=world)


@every_end
def test_a_step_up_ends_with_the_certificate_logged_in_with(
    world: World, end: Callable[[World, str], None]
) -> None:
    """A proof that comes after it gives the session no new token, whatever it was asked for."""
    phone = holder(world, "bank")
    session = access_session(log_in(world, phone), world=world)
    acting = dataclasses.replace(ACTING, device=phone.device_id)
    asked = proving.ask(PRODUCTS["bank"], purpose="t", customer_id=HONG.id, acting=acting, world=world)
    assert asked is not None
    answer = Answer(challenge_id=asked.id, **phone.proofs(asked.body))
    end(world, "bank")
    with pytest.raises(DojangError) as refused:
        proving.prove_again(session, PRODUCTS["bank"], answer, purpose="t", acting=acting, world=world)
    assert refused.value.code in {"use_held", "use_revoked", "challenge_unknown"}
    assert Session.objects.filter(ended_at=None, token="").count() == 0


def test_another_certificate_does_not_save_a_session(world: World) -> None:
    """The joint certificate is proven in a session whose bank certificate was held at that moment."""
    phone = holder(world, "bank", "joint")
    session = access_session(log_in(world, phone), world=world)
    hold(world, "bank")
    with pytest.raises(SessionMissingError):
        renew_token(session.id, world=world)


@every_end
def test_a_question_on_the_telephone_ends(world: World, end: Callable[[World, str], None]) -> None:
    """It is not shown there any more and cannot be answered, and who waits for it is told that it is over."""
    phone = holder(world, "bank")
    asked = question(world)
    made = begin_answer(asked, device_id=phone.device_id, world=world)
    end(world, "bank")
    assert approval_state(asked, world=world).state == "expired"
    assert approvals_for(phone.device_id, world=world) == ()
    with pytest.raises(DojangError) as refused:
        answer_approval(
            asked, device_id=phone.device_id, number=NUMBER, challenge_id=made.id,
            **phone.proofs(made.challenge), acting=TELLER, world=world,
        )  # fmt: skip
    assert refused.value.code in {"approval_refused", "approval_not_found"}
    assert Approval.objects.exclude(state="approved").count() == 1


@every_end
def test_what_the_telephone_approved_counts_no_more(world: World, end: Callable[[World, str], None]) -> None:
    """A thief's approval that nobody has used yet is void."""
    phone = holder(world, "bank")
    asked = question(world)
    approve(world, phone, asked)
    assert approval_state(asked, world=world).state == "approved"
    end(world, "bank")
    assert approval_state(asked, world=world).state == "expired"


def test_an_approval_of_the_key_before_counts_no_more(world: World) -> None:
    """A new certificate on the same telephone does not revive what the old one said."""
    phone = holder(world, "bank")
    asked = question(world)
    approve(world, phone, asked)
    clock: Any = world.clock
    clock.advance(86_400)
    assert AppWalk(world, journey="bank-app-reissue", phone=phone).finish().state == "done"
    assert approval_state(asked, world=world).state == "expired"
    with pytest.raises(ApprovalNotFoundError):
        begin_answer(asked, device_id=phone.device_id, world=world)


@every_end
def test_a_run_begun_by_log_in_ends(world: World, end: Callable[[World, str], None]) -> None:
    """Looking at it is enough; nothing it proved is left."""
    phone = holder(world, "bank")
    walk = begin(world, phone, here(world, phone)).walk_to("identity_way")
    end(world, "bank")
    page = walk.refresh()
    assert page.state == "cancelled"
    assert [message.id for message in page.messages] in (["run.certificate_ended"], ["run.held"])
    assert not Run.objects.filter(state="open").exists()


@every_end
def test_a_run_begun_by_log_in_moves_nowhere(world: World, end: Callable[[World, str], None]) -> None:
    """A number made before brings nothing, and none is made afterwards."""
    phone = holder(world, "bank")
    walk = begin(world, phone, here(world, phone))
    run = Run.objects.get(id=walk.run)
    other = dataclasses.replace(ACTING, source="203.0.113.5")
    made = offer_handoff(run.id, acting=walk.acting, world=world) if walk.page.step == "device" else None
    end(world, "bank")
    if made is not None:
        with pytest.raises(HandoffNotFoundError):
            accept_handoff(made.number, acting=other, world=world)
    with pytest.raises(HandoffRefusedError):
        offer_handoff(run.id, acting=walk.acting, world=world)
    assert Run.objects.get(id=run.id).session == run.session


def test_a_stop_ends_what_was_offered_to_another_device(world: World) -> None:
    """The number for going on elsewhere works no more, and is not even kept."""
    walk = Walk(world).walk_to("account")
    made = offer_handoff(walk.run, acting=walk.acting, world=world)
    stop(world, "")
    with pytest.raises(HandoffNotFoundError):
        accept_handoff(made.number, acting=ACTING, world=world)
    assert Handoff.objects.filter(used_at=None).count() == 0
    assert walk.refresh().state == "cancelled"
    assert [message.id for message in walk.page.messages] == ["run.held"]


@pytest.mark.parametrize("end", [hold, revoke], ids=["held", "revoked"])
def test_what_a_certificate_proved_on_the_way_is_asked_again(
    world: World, end: Callable[[World, str], None]
) -> None:
    """The pattern was drawn, then its certificate ended: the factor is asked again, and nothing is issued."""
    phone = holder(world, "bank")
    walk = begin(world, phone, None).walk_to("factor")
    walk.submit(factor="bank_certificate")
    walk.step()
    assert walk.page.step == "details"
    end(world, "bank")
    walk.step()
    assert walk.page.step == "bank_certificate"
    assert active_certificate(HONG.id, "financial") is None


def test_what_is_on_its_way_fails_with_what_it_rests_on(world: World) -> None:
    """A joint certificate on its way, proven by a bank certificate that was stolen, is taken back."""
    phone = holder(world, "bank")
    strict = with_policy(world, products={"joint": {"needs_factor": True}})
    walk = AppWalk(strict, journey="joint-app-issue", phone=phone).walk_to("factor")
    walk.submit(factor="bank_certificate")
    walk.walk_to("confirm")
    walk.submit()
    assert walk.page.state == "delivering"
    revoke(world, "bank")
    assert (walk.refresh().state, walk.codes) == ("failed", ["certificate_ended"])
    assert Order.objects.get(id=walk.run).state == "failed"
    assert active_certificate(HONG.id, "joint") is None


@every_end
def test_a_copy_on_its_way_is_taken_back(world: World, end: Callable[[World, str], None]) -> None:
    """The other device finds nothing, and no further copy is taken."""
    holder(world, "joint")
    serial = serving("joint").serial
    put_parcel(LOCATOR, b"ciphertext", serial=serial.upper(), acting=ACTING, world=world)
    end(world, "joint")
    with pytest.raises(ParcelNotFoundError):
        fetch_parcel(LOCATOR, acting=ACTING, world=world)
    assert Parcel.objects.count() == 0
    with pytest.raises(ParcelEndedError):
        put_parcel(LOCATOR, b"ciphertext", serial=serial, acting=ACTING, world=world)
    assert Parcel.objects.count() == 0


def test_copies_of_others_go_on(world: World) -> None:
    """A certificate of another centre, and one of another person, are carried as before."""
    holder(world, "joint")
    put_parcel(LOCATOR, b"ours", serial=serving("joint").serial, acting=ACTING, world=world)
    put_parcel("cd" * 32, b"theirs", serial="0123456789", acting=ACTING, world=world)
    stop_everything(BY_HANDLE["han"].id, acting=TELLER, world=world)
    assert fetch_parcel(LOCATOR, acting=ACTING, world=world) == b"ours"
    assert fetch_parcel("cd" * 32, acting=ACTING, world=world) == b"theirs"
