"""Another pattern for a registered device: the old one is proven, counted like any use, and replaced."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final

from django.db import transaction

from dojang.audit.actions import record_event
from dojang.journeys.delivery import verify_device
from dojang.ports.credentials import Proof
from dojang.wallet.devices.actions.keeping import open_proof, seal_proof
from dojang.wallet.devices.actions.patterns import BYTES, judge_pattern, take_answer
from dojang.wallet.devices.models import DeviceKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from dojang.ports.acting import Acting
    from dojang.ports.world import World

_LABEL: Final = b"dojang pattern change\0"


def signed_change(challenge: bytes, proof_key: bytes) -> bytes:
    """Return what a device signs to enrol another pattern: nothing else it signs looks like this."""
    return _LABEL + challenge + proof_key


def change_pattern(
    challenge_id: str,
    *,
    mac: bytes,
    proof_key: bytes,
    consent: bytes,
    purpose: str,
    whose: str,
    within: Callable[[], None],
    acting: Acting,
    world: World,
) -> Proof:
    """Check the old pattern over a challenge, and enrol the new one's `proof_key` (32 bytes), at once.

    `whose` is the device key's id, `consent` its signature over `signed_change`. The verdict, the new
    pattern, the event and what `within` writes are one transaction. `Proof.reason` as in `verify_challenge`,
    and ``same`` when both patterns are the same: the attempt is forgiven then, nothing changes.
    """
    with transaction.atomic():
        taken = take_answer(challenge_id, purpose, acting=acting, world=world)
    key = taken.key
    if key is None:
        return Proof(ok=False, reason=taken.refused)
    if taken.refused:
        return Proof(ok=False, reason=taken.refused, owner=key.customer_id)
    is_device = (
        key.id == whose
        and len(proof_key) == BYTES
        and verify_device(
            public_key=bytes(key.public_key),
            content=signed_change(taken.challenge, proof_key),
            signature=consent,
        )
    )
    before = open_proof(key)
    expected = hmac.digest(before, taken.challenge, "sha256")
    is_pattern = is_device and hmac.compare_digest(expected, mac)
    is_same = is_pattern and hmac.compare_digest(before, proof_key)
    with transaction.atomic():
        reason = judge_pattern(taken, is_device=is_device, is_pattern=is_pattern, acting=acting, world=world)
        if is_pattern and not is_same:
            # A hold, a lock or a re-issue that came meanwhile wins.
            row = DeviceKey.objects.select_for_update().get(id=key.id)
            if row.state != DeviceKey.State.LIVE or bytes(row.proof or b"") != bytes(key.proof or b""):
                return Proof(ok=False, reason="late", owner=key.customer_id)
            row.proof = seal_proof(key.id, proof_key)
            row.save(update_fields=["proof"])
            record_event("device_key:pattern_changed", acting=acting, subject=key.customer_id, key=key.id)
            within()
    if is_same:
        return Proof(ok=False, reason="same", owner=key.customer_id)
    return Proof(ok=is_pattern, reason=reason, owner=key.customer_id)
