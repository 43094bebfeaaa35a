"""Certification requests (PKCS#10, RFC 2986): a public key and the proof that its private half is held."""

from __future__ import annotations

from dataclasses import dataclass

from dojang.pki import der
from dojang.pki.errors import MalformedError, ProfileError, VerificationError
from dojang.pki.signing import (
    KEY_ALGORITHMS,
    algorithm_from_der,
    canonical_key,
    check_public_key,
    verify_signature,
)

MAX_BYTES = 16_384


@dataclass(frozen=True, slots=True)
class SigningRequest:
    """What a request says. The subject is the sender's own claim and decides nothing here."""

    public_key: bytes  #: SubjectPublicKeyInfo, DER, as certificates have it
    algorithm: str  #: ``ec-p256`` | ``rsa-2048`` …
    subject: bytes  #: Name, DER


def read_request(data: bytes, allowed: frozenset[str] = KEY_ALGORITHMS) -> SigningRequest:
    """Read a request and check its proof of possession.

    Raises `MalformedError` (not a request), `ProfileError` (a key or signature below the floor, or not of a
    kind in `allowed`), `VerificationError` (signed with another key).
    """
    outer = der.whole(data, limit=MAX_BYTES)
    info = outer.raw(der.SEQUENCE)
    algorithm = algorithm_from_der(outer.raw(der.SEQUENCE))
    signature = outer.bits()
    outer.done()
    inner = der.whole(info)
    if inner.small() != 0:
        raise MalformedError("an unknown version of a request")
    subject = inner.raw(der.SEQUENCE)
    public_key = inner.raw(der.SEQUENCE)
    inner.enter(0xA0)  # attributes: there even when empty (RFC 2986 §4.1), and read past
    inner.done()
    public_key = canonical_key(public_key)
    facts = check_public_key(public_key, allowed)
    if algorithm.weak:
        raise ProfileError("a signature below the floor", algorithm=algorithm.name)
    try:
        verify_signature(public_key, algorithm.name, info, signature)
    except VerificationError:
        raise VerificationError("the request was not signed with its own key") from None
    return SigningRequest(public_key, facts.algorithm, subject)
