"""Proving a registered device and its pattern: challenges that live for a minute and are answered once.

The device answers with a MAC by the pattern's proof key and a signature by its own key, both over the
challenge. The signature is looked at first: whoever lacks the device learns nothing about the pattern and
cannot spend its tries. The counter moves, durably, before anything is compared (invariant 10). Where finger
or face stand in for the pattern, an assertion takes the place of the MAC, with a counter of its own.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import transaction

from dojang.audit.actions import record_event
from dojang.ca.states import CertificateState
from dojang.guard.challenges import ask_octets, take_challenge
from dojang.guard.counters import Tally, count_attempts, judge_attempts
from dojang.journeys.delivery import verify_device
from dojang.ports.credentials import PatternChallenge, Proof
from dojang.wallet.devices.actions.biometrics import (
    CountedAnswer,
    count_answer,
    end_biometrics,
    is_answered,
    judge_answer,
    offer_of,
)
from dojang.wallet.devices.actions.keeping import open_proof
from dojang.wallet.devices.models import Biometric, Device, DeviceKey

if TYPE_CHECKING:
    from django.db import models

    from dojang.ports.acting import Acting
    from dojang.ports.world import World

BYTES: Final = 32
#: The counter of wrong patterns; its subject is the device key.
FACTOR: Final = "device_pattern"


def _usable() -> models.QuerySet[DeviceKey]:
    return DeviceKey.objects.select_related("device").filter(
        state=DeviceKey.State.LIVE,
        proof__isnull=False,
        device__state=Device.State.LIVE,
        certificate__state=CertificateState.ACTIVE,
    )


def usable_pattern(customer_id: str, *, device_id: str | None = None) -> DeviceKey | None:
    """Return the customer's live key with a pattern, on a device that is not held (this one, if named)."""
    rows = _usable().filter(customer_id=customer_id)
    if device_id is not None:
        rows = rows.filter(device__device_id=device_id)
    return rows.first()


def pattern_on(device_id: str) -> DeviceKey | None:
    """Return the live key with a pattern on a device, whoever's it is; the newest of several."""
    return _usable().filter(device__device_id=device_id).order_by("-created_at").first()


def begin_challenge(
    customer_id: str, *, device_id: str, purpose: str, key: str, world: World
) -> PatternChallenge | None:
    """Make a challenge bound to a device and a purpose; the same `key` gives the same one.

    None when the customer has no usable pattern there: locked, held, revoked, or another device.
    """
    found = usable_pattern(customer_id, device_id=device_id)
    if found is None:
        return None
    life = timedelta(seconds=world.policy.devices.challenge_ttl)
    asked = ask_octets(purpose, subject=found.id, key=key, life=life, now=world.clock.now())
    if asked is None:
        return None
    return PatternChallenge(asked.id, asked.body, found.id, asked.until, offer_of(found, world=world))


@dataclass(frozen=True, slots=True)
class TakenAnswer:
    """An answer taken up: whose key, and why it was refused, or what was counted (pattern or `biometric`)."""

    refused: str = ""
    key: DeviceKey | None = None
    challenge: bytes = b""
    attempt: int = 0
    left: int = 0
    biometric: CountedAnswer | None = None


def verify_challenge(
    challenge_id: str,
    *,
    signature: bytes,
    mac: bytes = b"",
    assertion: bytes = b"",
    purpose: str | None = None,
    acting: Acting,
    world: World,
) -> Proof:
    """Check both answers to a challenge, once. `purpose`, if given, must be the one it was made for.

    The second answer is the pattern's `mac`, or an `assertion` of finger or face. `Proof.reason`: ``late``
    (answered before, or over), ``blocked`` (the device is held), ``locked``, ``unknown``, ``wrong``;
    ``biometric_off`` (not turned on, or ended), ``biometric_wrong``.
    """
    with transaction.atomic():
        taken = take_answer(challenge_id, purpose, by_assertion=bool(assertion), acting=acting, world=world)
    key = taken.key
    if key is None:
        return Proof(ok=False, reason=taken.refused)
    if taken.refused:
        return Proof(ok=False, reason=taken.refused, owner=key.customer_id)
    is_device = verify_device(public_key=bytes(key.public_key), content=taken.challenge, signature=signature)
    if taken.biometric is not None:
        row = taken.biometric.row
        count = is_answered(row, key, challenge=taken.challenge, assertion=assertion, world=world)
        with transaction.atomic():
            reason = judge_answer(
                taken.biometric, key, count, is_device=is_device, acting=acting, world=world
            )
        return Proof(ok=not reason, reason=reason, owner=key.customer_id)
    expected = hmac.digest(open_proof(key), taken.challenge, "sha256")
    is_pattern = is_device and hmac.compare_digest(expected, mac)
    with transaction.atomic():
        reason = judge_pattern(taken, is_device=is_device, is_pattern=is_pattern, acting=acting, world=world)
    return Proof(ok=is_pattern, reason=reason, owner=key.customer_id)


def spend_challenge(
    challenge_id: str, *, purpose: str, acting: Acting, world: World
) -> tuple[DeviceKey, bytes] | str:
    """Take a challenge for its one use; return its key and octets, or why it is refused. Counts nothing."""
    with transaction.atomic():
        taken = take_answer(challenge_id, purpose, counts=False, acting=acting, world=world)
    if taken.key is None or taken.refused:
        return taken.refused
    return taken.key, taken.challenge


def take_answer(
    challenge_id: str,
    purpose: str | None,
    *,
    by_assertion: bool = False,
    counts: bool = True,
    acting: Acting,
    world: World,
) -> TakenAnswer:
    """Spend the challenge and move a counter. Inside a transaction that is committed before comparing."""
    taken = take_challenge(challenge_id, purpose=purpose, now=world.clock.now())
    rows = DeviceKey.objects.select_for_update(of=("self",)).select_related("device", "certificate")
    key = rows.filter(id=taken.subject).first() if taken.subject else None
    if key is None:
        return TakenAnswer("unknown")
    if taken.refused:
        return TakenAnswer(taken.refused, key)
    refused = _unusable(key) or ("locked" if key.state == DeviceKey.State.LOCKED else "")
    if refused:
        return TakenAnswer(refused, key)
    if by_assertion:
        biometric = count_answer(key, world=world)
        return TakenAnswer("" if biometric else "biometric_off", key, taken.body, biometric=biometric)
    return _count(key, taken.body, acting=acting, world=world) if counts else TakenAnswer("", key, taken.body)


def _count(key: DeviceKey, challenge: bytes, *, acting: Acting, world: World) -> TakenAnswer:
    tally = Tally(factor=FACTOR, subject=f"key:{key.id}", limit=world.policy.wrong_entries.pattern)
    counted = count_attempts([tally], run_id="", now=world.clock.now())
    if counted.locked:
        _lock(key, acting=acting, world=world)
    if counted.refused is not None:
        return TakenAnswer("locked", key)
    return TakenAnswer("", key, challenge, counted.attempts[0], counted.left[0])


def _unusable(key: DeviceKey) -> str:
    """Say why nothing can be proven with a key now; empty when it can."""
    if key.state == DeviceKey.State.RETIRED or key.proof is None:
        return "unknown"
    is_live = key.device is not None and key.device.state == Device.State.LIVE
    is_active = key.certificate is not None and key.certificate.state == CertificateState.ACTIVE
    return "" if is_live and is_active else "blocked"


def judge_pattern(
    taken: TakenAnswer, *, is_device: bool, is_pattern: bool, acting: Acting, world: World
) -> str:
    """Close an attempt; return the reason of a refusal. Inside a transaction."""
    assert taken.key is not None
    row, now = DeviceKey.objects.select_for_update().get(id=taken.key.id), world.clock.now()
    customer = row.customer_id
    if not is_device:
        # Not this device: the pattern was not compared, so the attempt is given back.
        judge_attempts({taken.attempt: "refund"}, now=now)
        record_event("device_key:signature_wrong", acting=acting, subject=customer, key=row.id)
        return "wrong"
    if is_pattern:
        judge_attempts({taken.attempt: "reset"}, now=now)
        record_event("device_key:proven", acting=acting, subject=customer, key=row.id)
        return ""
    is_locked = judge_attempts({taken.attempt: "wrong"}, locking=[taken.attempt], now=now)
    record_event("device_key:pattern_wrong", acting=acting, subject=customer, key=row.id, left=taken.left)
    if is_locked:
        _lock(row, acting=acting, world=world)
        return "locked"
    return "wrong"


def _lock(key: DeviceKey, *, acting: Acting, world: World) -> None:
    if key.state != DeviceKey.State.LIVE:
        return
    key.state, key.locked_at = DeviceKey.State.LOCKED, world.clock.now()
    key.save(update_fields=["state", "locked_at"])
    record_event("device_key:locked", acting=acting, subject=key.customer_id, key=key.id)
    end_biometrics(Biometric.objects.filter(device_key=key), "locked", acting=acting, world=world)
