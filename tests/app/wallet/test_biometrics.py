"""Finger or face in place of the pattern: turned on by it, bound to one telephone, never more than it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from tests.authenticators import PRESENT, VERIFIED, Keeper, text_of
from tests.counting import errors_of
from tests.journeys.app.device import AppWalk, Telephone, challenge, fresh_key, prove
from tests.journeys.app.holder import ORIGIN, Holder, person
from tests.journeys.app.walker import in_parallel

from dojang.account.queries import log_of
from dojang.audit.models import Event
from dojang.ca.models import Certificate
from dojang.guard.models import FactorCounter
from dojang.issuing.actions import (
    restore_certificate,
    restore_everything,
    revoke_certificate,
    suspend_certificate,
)
from dojang.notices.models import Notice
from dojang.ports.credentials import Proof
from dojang.ra.actions.holding import hold_everything
from dojang.sandbox.cast import BY_HANDLE
from dojang.wallet.devices.actions import enrolment
from dojang.wallet.devices.errors import BiometricRefusedError, BiometricUnavailableError
from dojang.wallet.devices.models import Biometric, DeviceKey
from dojang.wallet.devices.queries import devices_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)
HONG = BY_HANDLE["hong"]
WRONG = (1, 2, 3, 6)
CHANNELS = 4  #: Hong has two telephone lines, mail, and the app


@pytest.fixture
def hong(world: World) -> Holder:
    """Return Hong, who opens the bank certificate with a finger."""
    return person(world).turn_on()


def standing() -> list[Any]:
    """Return what a refusal leaves as it was: what is on, its counter, the pattern's tries."""
    rows = Biometric.objects.order_by("id").values_list("id", "count", "ended_at", "used_at")
    keys = [(key.id, key.state, errors_of(key)) for key in DeviceKey.objects.order_by("id")]
    return [*rows, *keys, Event.objects.filter(type="device_key:proven").count()]


def told(message: str) -> int:
    """How many notices of a kind there are for Hong."""
    return Notice.objects.filter(customer_id=HONG.id, message_id=message).count()


# --- on and off ------------------------------------------------------------------------------------------


def test_the_pattern_turns_it_on_and_then_the_keeper_opens(world: World) -> None:
    """Told by every channel, shown with the device and in the log; a challenge names the credential."""
    hong = person(world)
    made = challenge(world, hong.walk)
    assert made is not None
    assert made.biometric is None
    hong.turn_on()
    made = challenge(world, hong.walk)
    assert made is not None
    assert made.biometric is not None
    assert (made.biometric.credential_id, made.biometric.rp_id) == (hong.keeper.credential_id, "localhost")
    assert hong.open() == Proof(ok=True, owner=HONG.id)
    row = Biometric.objects.get()
    assert (row.count, errors_of(row), row.ended_at) == (2, 0, None)
    assert told("biometric_on") == CHANNELS
    assert devices_of(HONG.id)[0].biometric_since == row.created_at
    assert [entry.type for entry in log_of(HONG.id)].count("biometric:on") == 1


def test_it_is_asked_of_the_device_itself_and_of_its_owner(world: World) -> None:
    """Platform keeper, user verification required, no attestation, our domain, a telling name nowhere."""
    hong = person(world)
    options = hong.prove_pattern().options
    assert options["rp"]["id"] == "localhost"
    assert options["attestation"] == "none"
    choice = options["authenticatorSelection"]
    assert (choice["authenticatorAttachment"], choice["userVerification"]) == ("platform", "required")
    assert options["timeout"] == 60_000
    assert HONG.id not in json.dumps(options, ensure_ascii=False)
    assert HONG.name not in json.dumps(options, ensure_ascii=False)


def test_a_wrong_pattern_gives_nothing_to_register(world: World) -> None:
    """The try is counted like any other; nothing is on, nobody is told."""
    hong = person(world)
    with pytest.raises(BiometricRefusedError) as refused:
        hong.prove_pattern(WRONG)
    assert refused.value.data["reason"] == "wrong"
    assert errors_of(DeviceKey.objects.get()) == 1
    assert (Biometric.objects.count(), told("biometric_on")) == (0, 0)


def test_a_registration_that_does_not_hold_turns_nothing_on(world: World) -> None:
    """Each refused, its challenge spent; nothing is on and nobody is told."""
    hong = person(world)
    spoilt: dict[str, dict[str, Any]] = {
        "scheme": {"origin": "https://localhost:8000"},
        "host": {"origin": "http://127.0.0.1:8000"},
        "domain": {"rp_id": "elsewhere.example"},
        "not verified": {"flags": PRESENT},
        "not present": {"flags": VERIFIED},
        "challenge": {"challenge": bytes(32)},
        "type": {"type": "webauthn.get"},
        "no JSON": {"credential": b"junk"},
        "deep": {"credential": b"[" * 5000},
        "long": {"credential": b"{}" + b" " * 7000},
        "telephone": {"key": fresh_key("ec-p256")},
    }
    for name, wrong in spoilt.items():
        made = hong.prove_pattern()
        before = standing()
        with pytest.raises(BiometricRefusedError) as refused:
            hong.register(made, **wrong)
        assert refused.value.data["reason"] == ("wrong" if "key" in wrong else "registration"), name
        with pytest.raises(BiometricRefusedError) as again:
            hong.register(made)
        assert again.value.data["reason"] == "late", name
        assert standing() == before, name
    hong.keeper.attachment = "cross-platform"  # not the device's own keeper, but a stick
    with pytest.raises(BiometricRefusedError):
        hong.turn_on()
    assert (Biometric.objects.count(), told("biometric_on")) == (0, 0)


def test_a_registration_comes_within_a_minute_and_once(world: World) -> None:
    """Late and repeated answers are refused, and so is one over a challenge made for something else."""
    hong = person(world)
    made = hong.prove_pattern()
    world.clock.advance(world.policy.devices.challenge_ttl + 1)  # type: ignore[attr-defined]
    with pytest.raises(BiometricRefusedError) as late:
        hong.register(made)
    assert late.value.data["reason"] == "late"
    other = challenge(world, hong.walk)
    assert other is not None
    mine = enrolment.Registration(
        other.id, other.challenge, {**made.options, "challenge": text_of(other.challenge)}
    )
    with pytest.raises(BiometricRefusedError) as foreign:
        hong.register(mine)
    assert foreign.value.data["reason"] == "unknown"
    assert Biometric.objects.count() == 0
    good = hong.prove_pattern()
    hong.register(good)
    with pytest.raises(BiometricRefusedError):
        hong.register(good)
    assert Biometric.objects.count() == 1


def test_a_credential_stands_for_one_person_only(world: World, hong: Holder) -> None:
    """What is on for Hong, or ever was, cannot be registered for Han."""
    han = person(world, "han")
    han.keeper = hong.keeper
    for _ in range(2):
        with pytest.raises(BiometricRefusedError):
            han.turn_on()
        enrolment.turn_off(hong.phone.device_id, acting=hong.walk.acting, world=world)
    assert Biometric.objects.count() == 1


def test_it_is_turned_off_without_proof_and_told(world: World, hong: Holder) -> None:
    """Its owner or its telephone turns it off, nobody else; the pattern opens as before."""
    made = challenge(world, hong.walk)
    assert not enrolment.turn_off("", acting=hong.walk.acting, world=world)
    assert not enrolment.turn_off("another-telephone", acting=hong.walk.acting, world=world)
    device = devices_of(HONG.id)[0].id
    han = BY_HANDLE["han"].id
    assert not enrolment.turn_off_of(han, device, acting=hong.walk.acting, world=world)
    assert told("biometric_off") == 0
    assert enrolment.turn_off_of(HONG.id, device, acting=hong.walk.acting, world=world)
    assert not enrolment.turn_off(hong.phone.device_id, acting=hong.walk.acting, world=world)
    assert told("biometric_off") == CHANNELS
    assert hong.answer(made).reason == "biometric_off"
    assert prove(world, hong.walk).ok
    assert devices_of(HONG.id)[0].biometric_since is None


def test_turned_on_again_the_credential_before_opens_nothing(world: World, hong: Holder) -> None:
    """One is on at a time."""
    before = hong.keeper
    hong.keeper = Keeper(ORIGIN)
    hong.turn_on()
    assert [row.end_reason for row in Biometric.objects.order_by("created_at")] == ["replaced", ""]
    assert hong.open().ok
    hong.keeper = before
    assert hong.open().reason == "biometric_wrong"


def test_it_works_at_the_banks_own_address_only(world: World) -> None:
    """Elsewhere nothing is asked and nothing can be turned on; without a bank certificate neither."""
    phone = Telephone()
    setting = enrolment.read_setting(phone.device_id, origin=ORIGIN, world=world)
    assert (setting.state, setting.origin) == ("none", ORIGIN)
    hong = person(world)
    device = hong.phone.device_id
    elsewhere = "http://127.0.0.1:8000"
    assert enrolment.read_setting(device, origin=elsewhere, world=world).state == "elsewhere"
    assert enrolment.read_setting(device, origin=ORIGIN, world=world).state == "off"
    with pytest.raises(BiometricUnavailableError):
        enrolment.ask_pattern(device, origin=elsewhere, world=world)
    with pytest.raises(BiometricUnavailableError):
        enrolment.ask_pattern(phone.device_id, origin=ORIGIN, world=world)


# --- opening ---------------------------------------------------------------------------------------------


def test_an_answer_that_does_not_hold_opens_nothing(world: World, hong: Holder) -> None:
    """Each refused and counted; the keeper's counter, the pattern and its tries are as before."""
    stranger = ec.generate_private_key(ec.SECP256R1())
    spoilt: dict[str, dict[str, Any]] = {
        "port": {"origin": "http://localhost:9000"},
        "origin": {"origin": "https://bank.example"},
        "domain": {"rp_id": "bank.example"},
        "not verified": {"flags": PRESENT},
        "not present": {"flags": VERIFIED},
        "challenge": {"challenge": bytes(32)},
        "type": {"type": "webauthn.create"},
        "counter at rest": {"counter": 9},
        "counter back": {"counter": 8},
        "counter gone": {"counter": 0},
        "user": {"user": b"somebody else"},
        "signature": {"key": stranger},
        "no JSON": {"assertion": b"junk"},
        "form": {"assertion": b'{"id": 7}'},
        "no text": {"assertion": b"\xff\xfe"},
        "deep": {"assertion": b"[" * 5000},
    }
    assert hong.open(counter=9).ok
    for name, wrong in spoilt.items():
        before, made = standing(), challenge(world, hong.walk)
        assert made is not None
        assertion = wrong.get("assertion") or hong.keeper.answer(made.challenge, **wrong)
        refused = hong.answer(made, assertion=assertion)
        assert refused == Proof(ok=False, reason="biometric_wrong", owner=HONG.id), name
        assert standing() == before, name
        assert errors_of(Biometric.objects.get()) == 1, name
        FactorCounter.objects.filter(factor="device_biometric").update(errors=0)
    assert prove(world, hong.walk).ok
    assert hong.open(counter=10).ok


def test_an_answer_is_good_once_and_within_a_minute(world: World, hong: Holder) -> None:
    """The same answer to the same challenge is late, to another one wrong; after a minute it is late, too."""
    made = challenge(world, hong.walk)
    assert made is not None
    assertion = hong.keeper.answer(made.challenge)
    assert hong.answer(made, assertion=assertion).ok
    before = standing()
    assert hong.answer(made, assertion=assertion).reason == "late"
    assert hong.open(assertion=assertion).reason == "biometric_wrong"
    assert hong.open().ok
    before, made = standing(), challenge(world, hong.walk)
    world.clock.advance(world.policy.devices.challenge_ttl + 1)  # type: ignore[attr-defined]
    assert hong.answer(made).reason == "late"
    assert standing() == before
    assert errors_of(Biometric.objects.get()) == 0


def test_twenty_of_the_same_answer_are_one(world: World, hong: Holder) -> None:
    """In parallel, for one challenge: one opens."""
    made = challenge(world, hong.walk)
    assert made is not None
    assertion = hong.keeper.answer(made.challenge)
    results = in_parallel(20, lambda _n: hong.answer(made, assertion=assertion))
    assert [result.ok for result in results].count(True) == 1


def test_the_telephones_own_key_is_needed_as_well(world: World, hong: Holder) -> None:
    """A right answer of the keeper without the device's signature proves nothing and spends no try."""
    for _ in range(7):
        assert hong.open(fresh_key("ec-p256")).reason == "wrong"
    assert errors_of(Biometric.objects.get()) == 0
    assert hong.open().ok


def test_the_keeper_of_another_person_opens_nothing(world: World, hong: Holder) -> None:
    """Neither with its own name nor with the right one on it."""
    han = person(world, "han").turn_on()
    mine, before = hong.keeper, standing()
    hong.keeper = han.keeper
    assert hong.open().reason == "biometric_wrong"
    hong.keeper.credential_id = mine.credential_id
    assert hong.open().reason == "biometric_wrong"
    assert standing() == before


def test_a_keeper_that_never_counts_is_one(world: World) -> None:
    """Some keepers always say 0; that is no counter going back."""
    hong = person(world)
    hong.keeper.counter = None
    hong.turn_on()
    assert [hong.open().ok for _ in range(3)] == [True, True, True]
    assert Biometric.objects.get().count == 0


def test_five_wrong_answers_turn_it_off_and_the_pattern_opens(world: World, hong: Holder) -> None:
    """The right finger after that opens nothing; its holder is told; it can be turned on again."""
    reasons = [hong.open(flags=PRESENT).reason for _ in range(5)]
    assert reasons == ["biometric_wrong"] * 4 + ["biometric_off"]
    assert hong.open().reason == "biometric_off"
    assert Biometric.objects.get().end_reason == "wrong"
    assert told("biometric_off") == CHANNELS
    assert prove(world, hong.walk).ok
    hong.keeper = Keeper(ORIGIN)
    hong.turn_on()
    assert hong.open().ok


def test_twenty_wrong_answers_at_once_are_five(world: World, hong: Holder) -> None:
    """Each for its own challenge, in parallel: five are looked at."""
    made = [challenge(world, hong.walk) for _ in range(20)]
    answers = [hong.keeper.answer(one.challenge, flags=PRESENT) for one in made if one is not None]
    results = in_parallel(20, lambda n: hong.answer(made[n], assertion=answers[n]).reason)
    assert set(results) == {"biometric_wrong", "biometric_off"} or set(results) == {"biometric_off"}
    looked = Event.objects.filter(type="biometric:wrong").count()
    assert 1 <= looked <= 5
    assert errors_of(Biometric.objects.get()) == 5
    assert DeviceKey.objects.get().state == "live"


def test_it_forgives_no_wrong_pattern_and_opens_no_locked_one(world: World, hong: Holder) -> None:
    """A finger gives a thief no more tries at the pattern; after five wrong ones it is off as well."""
    made = challenge(world, hong.walk)
    for _ in range(4):
        assert prove(world, hong.walk, WRONG).reason == "wrong"
    assert hong.open().ok
    assert errors_of(DeviceKey.objects.get()) == 4
    assert prove(world, hong.walk, WRONG).reason == "locked"
    assert hong.answer(made).reason == "locked"
    assert Biometric.objects.get().end_reason == "locked"


# --- what ends it ----------------------------------------------------------------------------------------


def _hold(hong: Holder) -> None:
    hold_everything(HONG.id, acting=hong.walk.acting, world=hong.world)


def _suspend(hong: Holder) -> None:
    bank = Certificate.objects.get(product="bank", state="active")
    suspend_certificate(bank.pk, acting=hong.walk.acting, world=hong.world)


def _revoke(hong: Holder) -> None:
    bank = Certificate.objects.get(product="bank", state="active")
    revoke_certificate(bank.pk, "keyCompromise", acting=hong.walk.acting, world=hong.world)


def _reissue(hong: Holder) -> None:
    AppWalk(hong.world, journey="bank-app-reissue", phone=Telephone()).finish()


@pytest.mark.parametrize(
    ("end", "reason", "refused"),
    [
        (_hold, "held", "blocked"),
        (_suspend, "held", "blocked"),
        (_revoke, "retired", "unknown"),
        (_reissue, "retired", "unknown"),
    ],
    ids=["lost", "suspended", "revoked", "re-issued"],
)
def test_what_ends_or_holds_the_certificate_ends_it(
    hong: Holder, end: Callable[[Holder], None], reason: str, refused: str
) -> None:
    """A challenge taken before is refused, and a registration begun before turns nothing on."""
    made = challenge(hong.world, hong.walk)
    begun = hong.prove_pattern()
    proven = Event.objects.filter(type="device_key:proven").count()
    end(hong)
    assert Biometric.objects.get().end_reason == reason
    assert hong.answer(made).reason == refused
    with pytest.raises((BiometricRefusedError, BiometricUnavailableError)):
        Holder(hong.world, hong.walk).register(begun)
    assert Biometric.objects.count() == 1
    assert Event.objects.filter(type="device_key:proven").count() == proven


@pytest.mark.parametrize("whole", [True, False], ids=["everything", "one"])
def test_what_is_given_back_opens_by_the_pattern_first(hong: Holder, *, whole: bool) -> None:
    """After a hold was lifted the pattern opens, and finger or face only when turned on anew."""
    (_hold if whole else _suspend)(hong)
    if whole:
        restore_everything(HONG.id, acting=hong.walk.acting, world=hong.world)
    else:
        bank = Certificate.objects.get(product="bank")
        restore_certificate(bank.pk, acting=hong.walk.acting, world=hong.world)
    assert hong.open().reason == "biometric_off"
    assert prove(hong.world, hong.walk).ok
    hong.keeper = Keeper(ORIGIN)
    hong.turn_on()
    assert hong.open().ok
