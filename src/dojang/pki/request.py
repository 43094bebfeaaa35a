"""Certification requests, PKCS #10 (RFC 2986): reading one, and the proof that the sender holds the key.

Only the key counts here. The name in a request is the sender's wish and is not looked at; attributes are read
past. Nothing but a signature by the very key in the request is accepted as proof of possession.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dojang.pki import der
from dojang.pki.errors import DojangError, MalformedError, ProfileError, VerificationError
from dojang.pki.signing import (
    KEY_ALGORITHMS,
    KeyFacts,
    algorithm_from_der,
    check_public_key,
    describe_key,
    verify_signature,
)

MAX_REQUEST: Final = 16_384  #: octets


class KeyRefusedError(DojangError):
    """The key in a request is of a kind or size not issued for, or was not proven to be the sender's."""

    code = "key_refused"


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it stands. `info` is what was signed; `spki` the key (SubjectPublicKeyInfo, DER)."""

    info: bytes
    subject: bytes
    spki: bytes
    algorithm: str  #: signature name as in `signing`
    signature: bytes

    @property
    def key(self) -> KeyFacts:
        """The key, described."""
        return describe_key(self.spki)


def read_request(data: bytes) -> Request:
    """Read a CertificationRequest (RFC 2986 §4.2) without verifying it. Raises `MalformedError`."""
    outer = der.whole(data, limit=MAX_REQUEST)
    info = outer.raw(der.SEQUENCE)
    algorithm = algorithm_from_der(outer.raw(der.SEQUENCE)).name
    signature = outer.bits()
    outer.done()
    body = der.whole(info)
    if body.small() != 0:
        raise MalformedError("an unknown version")
    subject = body.raw(der.SEQUENCE)
    spki = body.raw(der.SEQUENCE)
    body.enter(0xA0)  # attributes: there even when empty
    body.done()
    return Request(info, subject, spki, algorithm, signature)


def prove_possession(data: bytes, *, allowed: frozenset[str] = KEY_ALGORITHMS) -> bytes:
    """Key (SubjectPublicKeyInfo, DER) of a request whose sender holds it.

    `allowed` are key names, as a profile's ``keys``. Raises `MalformedError`, or `KeyRefusedError` for a key
    not allowed and for a signature that does not verify under it or is below the floor.
    """
    request = read_request(data)
    try:
        check_public_key(request.spki, allowed)
        if request.algorithm == "rsa-sha1":
            raise KeyRefusedError("a signature below the floor")
        verify_signature(request.spki, request.algorithm, request.info, request.signature)
    except (ProfileError, VerificationError) as error:
        raise KeyRefusedError(error.detail) from None
    return request.spki
