"""Proving a certificate whose key cannot leave its device, by pattern or by finger or face.

The device answers with a MAC by the pattern's proof key, or an assertion, and a signature by its own key.
"""

from __future__ import annotations

import secrets
import uuid
from typing import TYPE_CHECKING, Final

from dojang.account.errors import (
    BiometricOffError,
    BiometricWrongError,
    CertificateHeldError,
    ChallengeUnknownError,
    PatternLockedError,
    PatternWrongError,
    UseRefusedError,
)
from dojang.account.proving.values import Answer, ProofQuestion
from dojang.account.verifying import verify_certificate
from dojang.ca import queries as ca
from dojang.wallet.devices.actions.pattern_change import change_pattern
from dojang.wallet.devices.actions.patterns import begin_challenge, verify_challenge
from dojang.wallet.devices.errors import PatternUnchangedError
from dojang.wallet.devices.queries import device_key
from dojang.wallet.uses.actions import UnrecordedUse, record_refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from dojang.ca.queries import CertificateView
    from dojang.journeys.product import Product
    from dojang.pki.errors import DojangError
    from dojang.ports.acting import Acting
    from dojang.ports.credentials import Proof
    from dojang.ports.world import World

#: Why a pattern was refused: the word in the record of uses, and the error. All else is an old challenge.
_REFUSED: Final[dict[str, tuple[str, type[DojangError]]]] = {
    "wrong": ("pattern_wrong", PatternWrongError),
    "locked": ("locked", PatternLockedError),
    "biometric_wrong": ("biometric_wrong", BiometricWrongError),
    "biometric_off": ("biometric_wrong", BiometricOffError),
    "blocked": ("held", CertificateHeldError),
}


def ask(
    product: Product, purpose: str, *, customer_id: str, acting: Acting, world: World
) -> ProofQuestion | None:
    """Make a question for the key on this device; None when there is no usable one."""
    key = device_key(acting.device, product.id, customer_id=customer_id)
    if key is None:
        return None
    asked = begin_challenge(
        key.customer_id,
        device_id=acting.device,
        purpose=_bound(purpose, acting),
        key=f"{purpose}:{secrets.token_hex(16)}",
        world=world,
    )
    if asked is None:
        return None
    return ProofQuestion(id=asked.id, body=asked.challenge, key_id=asked.key_id, biometric=asked.biometric)


def prove(
    product: Product, answer: Answer, *, purpose: str, customer_id: str, acting: Acting, world: World
) -> UnrecordedUse:
    """Verify both answers of the device.

    Raises `BiometricWrongError`, `BiometricOffError`, `PatternWrongError`, `PatternLockedError`,
    `ChallengeUnknownError`, a `UseRefusedError`.
    """
    _key_id, view = find(product, customer_id=customer_id, acting=acting)
    proof = verify_challenge(
        answer.challenge_id,
        mac=answer.mac,
        assertion=answer.assertion,
        signature=answer.signature,
        purpose=_bound(purpose, acting),
        acting=acting,
        world=world,
    )
    if proof.owner not in {None, view.customer_id}:
        raise ChallengeUnknownError
    use = UnrecordedUse(view, purpose, str(uuid.uuid4()))
    if not proof.ok:
        _refuse(proof, use, acting=acting, world=world)
    try:
        verify_certificate(view, world=world)
    except UseRefusedError as error:
        record_refused(use, error.outcome, acting=acting, world=world)
        raise
    return use


def find(product: Product, *, customer_id: str, acting: Acting) -> tuple[str, CertificateView]:
    """Return the key on this device, and its certificate. Raises `ChallengeUnknownError`."""
    key = device_key(acting.device, product.id, customer_id=customer_id)
    view = ca.certificate_by_id(key.certificate_id) if key is not None and key.certificate_id else None
    if key is None or view is None:
        raise ChallengeUnknownError
    return key.id, view


def change(
    key_id: str,
    use: UnrecordedUse,
    answer: Answer,
    new: str | bytes,
    *,
    within: Callable[[], None],
    acting: Acting,
    world: World,
) -> None:
    """Enrol the pattern that makes the proof key `new` (32 bytes); the old one is proven.

    The device key signs challenge and proof key together (`wallet.devices.pattern_change.signed_change`).
    Raises as `prove`, and `PatternUnchangedError` for the same pattern again.
    """
    proof = change_pattern(
        answer.challenge_id,
        mac=answer.mac,
        proof_key=bytes(new) if isinstance(new, bytes) else b"",
        consent=answer.signature,
        purpose=_bound(use.purpose, acting),
        whose=key_id,
        within=within,
        acting=acting,
        world=world,
    )
    if proof.reason == "same":
        raise PatternUnchangedError(reason="same")
    if not proof.ok:
        _refuse(proof, use, acting=acting, world=world)


def refuse_weak(customer_id: str, new: str | bytes, *, world: World) -> None:
    """Know no rule: the device keeps them, and only what the pattern makes is seen here."""
    del customer_id, new, world


def _refuse(proof: Proof, use: UnrecordedUse, *, acting: Acting, world: World) -> None:
    outcome, error = _REFUSED.get(proof.reason, ("", ChallengeUnknownError))
    if outcome:
        record_refused(use, outcome, acting=acting, world=world)
    raise error


def _bound(purpose: str, acting: Acting) -> str:
    """Bind a purpose to the origin the question was asked at."""
    return f"{purpose}|{acting.origin}"[:200]
