"""Finger or face in place of the pattern: the rows, what ends them, and checking an answer.

A telephone answers with an assertion of its own keeper (WebAuthn) over the very challenge its device key
signs. The counter moves, durably, before anything is checked; enough wrong answers end it, and the pattern
opens as before. It never opens what the pattern would not: a locked, held or replaced key ends it.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dojang.audit.actions import record_event
from dojang.guard.counters import Tally, count_attempts, judge_attempts
from dojang.notices.actions import Audience, tell
from dojang.pki.passkeys import Passkey, PasskeyRefusedError, read_assertion, relying_party
from dojang.ports.credentials import BiometricCredential as Offer
from dojang.wallet.devices.models import Biometric

if TYPE_CHECKING:
    from django.db import models

    from dojang.ca.models import Certificate
    from dojang.ports.acting import Acting
    from dojang.ports.world import World
    from dojang.wallet.devices.models import DeviceKey

#: The counter of wrong answers; its subject is what was turned on.
FACTOR: Final = "device_biometric"
_LOCALES: Final = ("ko", "en")


def user_of(key: DeviceKey) -> bytes:
    """Return the opaque name a keeper files the credential of a device key under, 32 octets."""
    return hashlib.sha256(f"dojang biometric|{key.id}".encode()).digest()


def live_biometric(key: DeviceKey) -> Biometric | None:
    """Return what is turned on for a device key."""
    return Biometric.objects.filter(device_key=key, ended_at=None).first()


def offer_of(key: DeviceKey, *, world: World) -> Offer | None:
    """Return what a device is told so that it can answer by finger or face; None when it cannot."""
    party, row = relying_party(world.policy.addresses.public_url), live_biometric(key)
    return None if party is None or row is None else Offer(bytes(row.credential_id), party.id)


def keep_biometric(key: DeviceKey, passkey: Passkey, *, acting: Acting, world: World) -> Biometric:
    """Turn it on for a device key; what was on before ends. Inside a transaction, the key's row locked."""
    end_biometrics(Biometric.objects.filter(device_key=key), "replaced", acting=acting, world=world)
    row = Biometric.objects.create(
        id=secrets.token_hex(16),
        device_key=key,
        credential_id=passkey.id,
        public_key=passkey.public_key,
        count=passkey.count,
        created_at=world.clock.now(),
    )
    record_event("biometric:on", acting=acting, subject=key.customer_id, key=key.id, biometric=row.id)
    return row


def end_biometrics(
    rows: models.QuerySet[Biometric], reason: str, *, acting: Acting, world: World
) -> list[Biometric]:
    """End those that are on, for good; return them. Inside a transaction."""
    now, ended = world.clock.now(), []
    live = rows.filter(ended_at=None).select_related("device_key").select_for_update(of=("self",))
    for row in live.order_by("id"):
        row.ended_at, row.end_reason = now, reason
        row.save(update_fields=["ended_at", "end_reason"])
        record_event(
            "biometric:off",
            acting=acting,
            subject=row.device_key.customer_id,
            key=row.device_key_id,
            biometric=row.id,
            reason=reason,
        )
        ended.append(row)
    return ended


def end_biometrics_of(certificate: Certificate, reason: str, *, acting: Acting, world: World) -> None:
    """End what stands in for the pattern of one certificate's key. Inside a transaction."""
    rows = Biometric.objects.filter(device_key__certificate_id=certificate.pk)
    end_biometrics(rows, reason, acting=acting, world=world)


# ------------------------------------------------------------------------------------------ answering


@dataclass(frozen=True, slots=True)
class CountedAnswer:
    """An answer that was counted: what it is by, and how many are left if it is wrong."""

    row: Biometric
    attempt: int
    left: int


def count_answer(key: DeviceKey, *, world: World) -> CountedAnswer | None:
    """Move the counter of what is on for a key; None when nothing is, or its tries are spent.

    Inside a transaction that is committed before `is_answered`.
    """
    row = Biometric.objects.select_for_update().filter(device_key=key, ended_at=None).first()
    if row is None:
        return None
    tally = Tally(factor=FACTOR, subject=f"biometric:{row.id}", limit=world.policy.wrong_entries.biometric)
    counted = count_attempts([tally], run_id="", now=world.clock.now())
    return None if counted.refused is not None else CountedAnswer(row, counted.attempts[0], counted.left[0])


def is_answered(
    row: Biometric, key: DeviceKey, *, challenge: bytes, assertion: bytes, world: World
) -> int | None:
    """Check an assertion; return the keeper's counter, or None. Touches no row."""
    party = relying_party(world.policy.addresses.public_url)
    if party is None:
        return None
    passkey = Passkey(bytes(row.credential_id), bytes(row.public_key), row.count)
    try:
        return read_assertion(assertion, party=party, challenge=challenge, passkey=passkey, user=user_of(key))
    except PasskeyRefusedError:
        return None


def judge_answer(
    counted: CountedAnswer,
    key: DeviceKey,
    count: int | None,
    *,
    is_device: bool,
    acting: Acting,
    world: World,
) -> str:
    """Close an attempt; return the reason of a refusal, empty when it proved. Inside a transaction."""
    row, now = Biometric.objects.select_for_update().get(id=counted.row.id), world.clock.now()
    if not is_device:
        # Not this device: nothing was checked, so the attempt is given back.
        judge_attempts({counted.attempt: "refund"}, now=now)
        record_event("device_key:signature_wrong", acting=acting, subject=key.customer_id, key=key.id)
        return "wrong"
    if row.ended_at is not None:
        return "biometric_off"
    # Two answers at once may both have been newer than the counter read before: only one still is.
    if count is not None and (count > row.count or count == row.count == 0):
        row.count, row.used_at = count, now
        row.save(update_fields=["count", "used_at"])
        judge_attempts({counted.attempt: "reset"}, now=now)
        record_event(
            "device_key:proven", acting=acting, subject=key.customer_id, key=key.id, biometric=row.id
        )
        return ""
    is_over = judge_attempts({counted.attempt: "wrong"}, locking=[counted.attempt], now=now)
    record_event("biometric:wrong", acting=acting, subject=key.customer_id, key=key.id, left=counted.left)
    if is_over:
        _give_up(row, key, acting=acting, world=world)
        return "biometric_off"
    return "biometric_wrong"


def _give_up(row: Biometric, key: DeviceKey, *, acting: Acting, world: World) -> None:
    """End it after too many wrong answers, and tell its holder by the channels known from before."""
    end_biometrics(Biometric.objects.filter(id=row.id), "wrong", acting=acting, world=world)
    locale = acting.locale if acting.locale in _LOCALES else _LOCALES[0]
    dated = {"at": world.clock.now().isoformat()}
    audience = Audience(key.customer_id, (), locale)
    tell(audience, "biometric_off", dated, key=row.id, acting=acting, world=world)
