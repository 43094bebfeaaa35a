"""Another PIN for the financial certificate, another pattern for the bank certificate."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest
from tests.app.account.connected import connect
from tests.counting import errors_of
from tests.journeys.app.device import AppWalk
from tests.journeys.app.test_crashes import CrashError, Crashing, Fuse, failing_statements
from tests.journeys.app.walker import PIN, Walk, in_parallel, with_parts

from dojang.account.errors import (
    CertificateExpiredError,
    CertificateHeldError,
    ChallengeUnknownError,
    LoginLockedError,
    LoginPinWrongError,
    LoginRefusedError,
    NewPinRefusedError,
    PatternLockedError,
    PatternWrongError,
)
from dojang.account.models import Session
from dojang.account.proving.actions import ask, change_purpose, change_secret, log_in_by_id
from dojang.account.proving.values import Answer, ProofQuestion
from dojang.account.queries import log_of
from dojang.account.sessions.access import SessionView, access_session
from dojang.audit.models import Event
from dojang.audit.queries import verify_chains
from dojang.guard.models import FactorCounter
from dojang.issuing.actions import restore_certificate, suspend_certificate
from dojang.notices.models import Notice
from dojang.ports.acting import Acting
from dojang.ports.signer_errors import PinReusedError, SignerError, SignerUnavailableError
from dojang.products import PRODUCTS
from dojang.wallet.devices.actions.pattern_change import signed_change
from dojang.wallet.devices.actions.patterns import begin_challenge, verify_challenge
from dojang.wallet.devices.errors import PatternUnchangedError
from dojang.wallet.devices.models import DeviceKey
from dojang.wallet.keys.errors import WalletKeyMovedError
from dojang.wallet.keys.models import WalletKey
from dojang.wallet.uses.models import Use

if TYPE_CHECKING:
    from collections.abc import Callable

    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)
VISITOR = Acting(
    kind="customer",
    source="198.51.100.7",
    channel="web",
    origin="https://bank.test",
    agent="Chrome, Windows",
)
FINANCIAL, BANK = PRODUCTS["financial"], PRODUCTS["bank"]
NEW, WRONG = "730591", "390462"
OTHER = (2, 5, 8, 7)


def log_in(world: World, walk: Walk, pin: str = PIN) -> str:
    """Log in by user id; return the token."""
    browser = connect(world, walk.person.handle, acting=VISITOR)
    world.clock.advance(1)  # type: ignore[attr-defined]  # a visitor waits for the answer
    done = log_in_by_id(
        FINANCIAL, walk.person.user_id, Answer(pin=pin), browser=browser, remember=False, acting=VISITOR,
        world=world,
    )  # fmt: skip
    return done.session


def holder(world: World) -> tuple[Walk, SessionView]:
    """Return somebody with a certificate, logged in."""
    walk = Walk(world)
    assert walk.finish().state == "done"
    return walk, access_session(log_in(world, walk), world=world)


def change(world: World, me: SessionView, pin: str = PIN, new_pin: str = NEW) -> str:
    """Change the PIN."""
    acting = dataclasses.replace(VISITOR, id=me.customer_id)
    return change_secret(FINANCIAL, Answer(pin=pin), new_pin, session=me, acting=acting, world=world)


def works(world: World, walk: Walk, pin: str) -> bool:
    """Tell whether a PIN opens the certificate."""
    try:
        log_in(world, walk, pin)
    except LoginRefusedError:
        return False
    return True


def traces() -> tuple[int, int, int]:
    """Count what a change leaves: notices, events, accepted uses."""
    return (
        Notice.objects.filter(message_id="pin_changed").count(),
        Event.objects.filter(type="wallet_key:pin_changed").count(),
        Use.objects.filter(purpose="change_pin", outcome="accepted").count(),
    )


# --- the PIN ---------------------------------------------------------------------------------------------


def test_a_changed_pin_is_the_only_one_and_everybody_is_told(
    world: World, run_jobs: Callable[[], int]
) -> None:
    """The new PIN opens, the old one does not; four channels, one event, one use; other sessions end."""
    walk, me = holder(world)
    other = log_in(world, walk)
    (before,) = WalletKey.objects.filter(customer_id=walk.person.id, state="live")
    token = change(world, me)
    assert traces() == (4, 1, 1)
    assert access_session(token, world=world).id == me.id
    assert [str(row.id) for row in Session.objects.filter(ended_at__isnull=True)] == [me.id]
    assert Session.objects.filter(end_reason="pin_changed").count() == 1
    assert other
    (key,) = WalletKey.objects.filter(customer_id=walk.person.id, state="live")
    assert (key.id, bytes(key.public_key)) == (before.id, bytes(before.public_key))
    assert bytes(key.sealed) != bytes(before.sealed)
    assert not works(world, walk, PIN)
    assert works(world, walk, NEW)
    assert "wallet_key:pin_changed" in [entry.type for entry in log_of(walk.person.id)]
    run_jobs()
    sms: Any = world.sms
    assert sum("비밀번호가 바뀌었어요" in one.text for one in sms.texts(walk.number)) == 1
    with pytest.raises(SignerError):  # the part before is dead in the signer, too
        world.signer.sign_with_wallet(
            key_id=key.id, sealed=bytes(before.sealed), pin=PIN, digest=bytes(32), purpose="x"
        )
    assert verify_chains(world.signer).ok


def test_a_wrong_pin_is_counted_with_all_others_and_locks(world: World) -> None:
    """Four are told how many are left, the fifth locks; then the right one does not help. Nothing changes."""
    walk, me = holder(world)
    for left in (4, 3, 2, 1):
        with pytest.raises(LoginPinWrongError) as wrong:
            change(world, me, WRONG)
        assert wrong.value.data == {"left": left}
    for pin in (WRONG, PIN):
        with pytest.raises(LoginLockedError):
            change(world, me, pin)
    assert traces() == (0, 0, 0)
    assert WalletKey.objects.get(customer_id=walk.person.id).state == "locked"
    outcomes = Use.objects.filter(purpose="change_pin").order_by("at").values_list("outcome", flat=True)
    assert list(outcomes) == ["pin_wrong"] * 4 + ["locked"] * 2


def test_a_weak_new_pin_is_refused_before_anything_is_tried(world: World) -> None:
    """Each rule is named; no attempt is counted, no use recorded, nothing changed."""
    walk, me = holder(world)
    weak = {
        "111259": "repeated",
        "123905": "sequential",
        "88031": "length",
        "88031a": "length",
        f"{walk.person.birth:%y%m%d}": "birth",
        f"52{walk.number[-4:]}": "phone",
    }
    for new_pin, rule in weak.items():
        with pytest.raises(NewPinRefusedError) as refused:
            change(world, me, WRONG, new_pin)
        assert refused.value.data == {"rule": rule}, new_pin
    assert errors_of(WalletKey.objects.get(customer_id=walk.person.id)) == 0
    assert traces() == (0, 0, 0)
    assert Use.objects.filter(purpose="change_pin").count() == 0
    assert works(world, walk, PIN)


def test_the_same_pin_again_is_no_change(world: World) -> None:
    """Refused without a try, right or wrong, so that it tells nothing; the count stays."""
    walk, me = holder(world)
    for pin in (PIN, "482915"):
        with pytest.raises(PinReusedError):
            change(world, me, pin, pin)
    assert errors_of(WalletKey.objects.get(customer_id=walk.person.id)) == 0
    assert traces() == (0, 0, 0)


def test_what_may_not_be_used_is_not_changed(world: World) -> None:
    """Held, then expired: refused with the reason, recorded, and no PIN is tried."""
    walk, me = holder(world)
    suspend_certificate(me.certificate_id, acting=VISITOR, world=world)
    with pytest.raises(CertificateHeldError):
        change(world, me)
    clock: Any = world.clock
    restore_certificate(me.certificate_id, acting=VISITOR, world=world)
    clock.advance(1_200 * 86_400)
    with pytest.raises(CertificateExpiredError):
        change(world, me)
    assert traces() == (0, 0, 0)
    assert errors_of(WalletKey.objects.get(customer_id=walk.person.id)) == 0
    outcomes = Use.objects.filter(purpose="change_pin").order_by("at").values_list("outcome", flat=True)
    assert list(outcomes) == ["held", "expired"]


def test_pressed_twice_it_is_changed_once(world: World) -> None:
    """Two identical changes at once: one is done and told, the other changes nothing."""
    walk, me = holder(world)

    def press(_index: int) -> str:
        try:
            change(world, me)
        except (WalletKeyMovedError, LoginPinWrongError) as refused:
            return refused.code
        return "done"

    first, second = sorted(in_parallel(2, press))
    assert first == "done"
    assert second in {"wallet_key_moved", "login_pin_wrong"}  # the latter when it came after the other
    assert traces() == (4, 1, 1)
    assert works(world, walk, NEW)


def test_without_the_signer_the_old_pin_stays(world: World) -> None:
    """A signer that does its part and whose answer is lost: the old PIN opens, nobody is told of a change."""
    walk, me = holder(world)
    genuine = world.signer

    class Mute:
        def __getattr__(self, name: str) -> Any:
            return getattr(genuine, name)

        def change_wallet_pin(self, **args: Any) -> bytes:
            genuine.change_wallet_pin(**args)
            raise SignerUnavailableError("the answer is lost")

    with pytest.raises(SignerUnavailableError):
        change(with_parts(world, signer=Mute()), me)
    assert traces() == (0, 0, 0)
    assert works(world, walk, PIN)
    assert change(world, me)
    assert works(world, walk, NEW)


def test_a_crash_at_any_point_of_a_change_leaves_the_old_pin_or_the_new(world: World) -> None:
    """The process dies at every signer call and at many statements: one PIN opens, the traces agree."""
    walk, me = holder(world)
    pins = iter([f"{number}" for number in _good_pins()])
    now_pin = PIN
    for kind in ("signer", "statements"):
        counting = Fuse()
        now_pin = _crash(world, me, kind, counting, pin=now_pin, new_pin=next(pins))
        points = range(counting.passed) if kind == "signer" else range(0, counting.passed, 7)
        for point in points:
            wanted, before = next(pins), traces()
            with pytest.raises(CrashError):
                _crash(world, me, kind, Fuse(point), pin=now_pin, new_pin=wanted)
            after = traces()
            done = after != before
            if done:
                assert after == (before[0] + 4, before[1] + 1, before[2] + 1)
                now_pin = wanted
            FactorCounter.objects.filter(factor="wallet_pin").update(errors=0)
            key = WalletKey.objects.get(customer_id=walk.person.id, state="live")
            world.signer.sign_with_wallet(
                key_id=key.id,
                sealed=bytes(key.sealed),
                pin=now_pin,
                digest=bytes(32),
                purpose=f"{kind}{point}",
            )
    assert verify_chains(world.signer).ok


def _crash(world: World, me: SessionView, kind: str, fuse: Fuse, *, pin: str, new_pin: str) -> str:
    Session.objects.filter(id=me.id).update(ended_at=None)
    if kind == "signer":
        change(with_parts(world, signer=Crashing(world.signer, fuse)), me, pin, new_pin)
    else:
        with failing_statements(fuse):
            change(world, me, pin, new_pin)
    return new_pin


def _good_pins() -> list[str]:
    return [f"{(number * 37) % 90 + 10}8{(number * 53) % 9}5{number % 7}" for number in range(200)]


# --- the pattern -----------------------------------------------------------------------------------------


def phone_owner(world: World) -> AppWalk:
    """Return somebody with a bank certificate on their telephone."""
    walk = AppWalk(world)
    assert walk.finish().state == "done"
    return walk


def at(walk: AppWalk) -> Acting:
    """Return who acts on the walk's telephone."""
    return dataclasses.replace(VISITOR, device=walk.phone.device_id)


def asked_of(world: World, walk: AppWalk) -> ProofQuestion | None:
    """Ask the walk's telephone for the pattern it has."""
    return ask(BANK, purpose=change_purpose(BANK), acting=at(walk), world=world)


def redraw(
    world: World,
    walk: AppWalk,
    old: tuple[int, ...] | None = None,
    new: tuple[int, ...] = OTHER,
    *,
    signed: bytes | None = None,
) -> None:
    """Change the pattern on the walk's telephone."""
    asked = asked_of(world, walk)
    assert asked is not None
    proof_key = walk.phone.proof_key(new)
    answer = Answer(
        challenge_id=asked.id,
        signature=walk.phone.sign(signed_change(asked.body, signed or proof_key)),
        mac=walk.phone.proofs(asked.body, old)["mac"],
    )
    change_secret(BANK, answer, proof_key, acting=at(walk), world=world)


def proves(world: World, walk: AppWalk, drawn: tuple[int, ...]) -> bool:
    """Tell whether a pattern opens the certificate."""
    made = begin_challenge(
        walk.person.id, device_id=walk.phone.device_id, purpose="x", key=f"{drawn}{Event.objects.count()}",
        world=world,
    )  # fmt: skip
    assert made is not None
    return verify_challenge(
        made.id, **walk.phone.proofs(made.challenge, drawn), acting=VISITOR, world=world
    ).ok


def test_a_changed_pattern_is_the_only_one_and_everybody_is_told(world: World) -> None:
    """The new pattern opens, the old one does not; every channel, one event, one use."""
    walk = phone_owner(world)
    redraw(world, walk)
    assert proves(world, walk, OTHER)
    assert not proves(world, walk, walk.phone.drawn)
    assert Notice.objects.filter(message_id="pattern_changed").count() == 4
    assert Event.objects.filter(type="device_key:pattern_changed", subject=walk.person.id).count() == 1
    assert Use.objects.filter(purpose="change_pattern", outcome="accepted").count() == 1


def test_a_wrong_old_pattern_is_counted_and_locks(world: World) -> None:
    """Wrong ones share the count of all other uses; the fifth locks, and nothing was changed."""
    walk = phone_owner(world)
    assert not proves(world, walk, OTHER)
    for _ in range(3):
        with pytest.raises(PatternWrongError):
            redraw(world, walk, OTHER, (0, 3, 6, 7))
    with pytest.raises(PatternLockedError):
        redraw(world, walk, OTHER, (0, 3, 6, 7))
    assert asked_of(world, walk) is None
    assert Notice.objects.filter(message_id="pattern_changed").count() == 0
    assert DeviceKey.objects.get(customer_id=walk.person.id).state == "locked"


def test_the_same_pattern_and_a_swapped_one_change_nothing(world: World) -> None:
    """The old pattern again is refused and forgiven; so is a proof key that the device did not sign."""
    walk = phone_owner(world)
    before = bytes(DeviceKey.objects.get(customer_id=walk.person.id).proof or b"")
    with pytest.raises(PatternUnchangedError):
        redraw(world, walk, None, walk.phone.drawn)
    with pytest.raises(PatternWrongError):
        redraw(world, walk, signed=bytes(32))
    row = DeviceKey.objects.get(customer_id=walk.person.id)
    assert (errors_of(row), bytes(row.proof or b"")) == (0, before)
    assert proves(world, walk, walk.phone.drawn)


def test_a_question_for_something_else_changes_no_pattern(world: World) -> None:
    """A challenge made for a log-in, or for another origin, is no challenge here."""
    walk = phone_owner(world)
    made = begin_challenge(
        walk.person.id,
        device_id=walk.phone.device_id,
        purpose="login|https://bank.test",
        key="k",
        world=world,
    )
    assert made is not None
    proof_key = walk.phone.proof_key(OTHER)
    answer = Answer(
        challenge_id=made.id,
        signature=walk.phone.sign(signed_change(made.challenge, proof_key)),
        mac=walk.phone.proofs(made.challenge)["mac"],
    )
    with pytest.raises(ChallengeUnknownError):
        change_secret(BANK, answer, proof_key, acting=at(walk), world=world)
    assert proves(world, walk, walk.phone.drawn)
