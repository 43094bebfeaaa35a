"""Delivery of a certificate whose key lives on the customer's own device.

The new certificate becomes active only when the device has stored it and says so with the new key: a
signature over `signed_bytes(challenge)`. Until then the old certificate lives on; never none, never two.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from dojang.journeys.model import PageParts
from dojang.journeys.page import Action, Field, Message, Show, Wait
from dojang.pki.day import local
from dojang.pki.errors import VerificationError
from dojang.pki.signing import describe_key, verify_signature

if TYPE_CHECKING:
    from datetime import datetime

_LABEL = b"dojang delivery\0"
_P1363 = 64  #: bytes of a P-256 signature as WebCrypto gives it, r and s side by side


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A certificate on its way. `certificate` and `chain` (issuer first) are DER; `challenge` is random."""

    certificate: bytes
    chain: tuple[bytes, ...]
    challenge: bytes
    algorithm: str  #: ``ec-p256`` | ``rsa-2048``
    product: str
    key_id: str
    until: datetime


def delivery_parts(delivery: Delivery) -> PageParts:
    """Return what the page of a run in state ``delivering`` shows."""
    shown = Show(
        "deliver",
        {
            "certificate": _text(delivery.certificate),
            "chain": [_text(der) for der in delivery.chain],
            "challenge": _text(delivery.challenge),
            "algorithm": delivery.algorithm,
            "product": delivery.product,
            "key_id": delivery.key_id,
        },
    )
    signature = Field("signature", "hidden", Message("field.signature"), rules={"required": True})
    return PageParts(
        fields=(signature,),
        show=(shown,),
        wait=Wait("delivery", "waiting", delivery.until.isoformat()),
        messages=(Message("deliver.storing"),),
        submit=None,
        extra=(Action("stored", Message("action.stored"), primary=True),),
        why=Message("deliver.why"),
    )


def waiting_parts(until: datetime, *, phone: str) -> PageParts:
    """Return what the page of a run in state ``waiting`` shows: from when on, and how to stop it."""
    at = local(until).strftime("%Y-%m-%d %H:%M")
    return PageParts(
        submit=None,
        messages=(Message("reissue.waits", {"at": at}), Message("reissue.stop", {"phone": phone})),
    )


def signed_bytes(challenge: bytes) -> bytes:
    """Return what the device signs: the label keeps this signature from meaning anything elsewhere."""
    return _LABEL + challenge


def is_stored(*, public_key: bytes, challenge: bytes, signature: bytes) -> bool:
    """Tell whether this signature says that the device holds the new key. `public_key` is SPKI, DER."""
    return verify_device(public_key=public_key, content=signed_bytes(challenge), signature=signature)


def verify_device(*, public_key: bytes, content: bytes, signature: bytes) -> bool:
    """Check a signature made by WebCrypto: ECDSA (DER or r‖s) or RSA PKCS#1 v1.5, with SHA-256."""
    algorithm = describe_key(public_key).algorithm
    try:
        verify_signature(public_key, algorithm, content, _as_der(algorithm, signature))
    except VerificationError:
        return False
    return True


def _as_der(algorithm: str, signature: bytes) -> bytes:
    if algorithm != "ec-p256" or len(signature) != _P1363:
        return signature
    half = _P1363 // 2
    return encode_dss_signature(int.from_bytes(signature[:half]), int.from_bytes(signature[half:]))


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
