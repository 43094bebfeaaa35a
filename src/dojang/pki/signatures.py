"""Verifying signatures of others: more kinds of keys and hashes than are made here; which are weak."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519

from dojang.pki import der, oids
from dojang.pki.errors import MalformedError, VerificationError
from dojang.pki.signing import MIN_RSA_BITS, algorithm_from_der, describe_key, is_p256, verify_signature

if TYPE_CHECKING:
    from collections.abc import Callable

_DSA_HASHES: Final[dict[bytes, hashes.HashAlgorithm]] = {
    der.sequence(der.oid("1.2.840.10040.4.3")): hashes.SHA1(),  # noqa: S303 - read only, and called weak
    der.sequence(der.oid("2.16.840.1.101.3.4.3.1")): hashes.SHA224(),
    der.sequence(der.oid("2.16.840.1.101.3.4.3.2")): hashes.SHA256(),
}
_ED25519: Final = der.sequence(der.oid("1.3.101.112"))
_DSA: Final = "1.2.840.10040.4.1"
_MAX_RSA_BITS: Final = 8192
_MAX_DSA_BITS: Final = 3072
_ForeignKey = dsa.DSAPublicKey | ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey


def verify_foreign(spki: bytes, algorithm: bytes, data: bytes, signature: bytes) -> None:
    """Raise `VerificationError` unless the signature verifies. `algorithm` is an AlgorithmIdentifier."""
    special = _special(algorithm)
    if special is not None:
        special(spki, data, signature)
        return
    try:
        name = algorithm_from_der(algorithm).name
    except MalformedError:
        raise VerificationError("an unknown signature algorithm") from None
    verify_signature(spki, name, data, signature)


def _special(algorithm: bytes) -> Callable[[bytes, bytes, bytes], None] | None:
    digest = _DSA_HASHES.get(algorithm)
    if digest is not None:
        return lambda spki, data, signature: _verify_dsa(spki, digest, data, signature)
    return _verify_ed25519 if algorithm == _ED25519 else None


def _verify_dsa(spki: bytes, digest: hashes.HashAlgorithm, data: bytes, signature: bytes) -> None:
    key = _load(spki)
    if not isinstance(key, dsa.DSAPublicKey):
        raise VerificationError("the key cannot have made this signature")
    try:
        key.verify(signature, data, digest)
    except (InvalidSignature, ValueError, UnsupportedAlgorithm):
        raise VerificationError("the signature does not verify") from None


def _verify_ed25519(spki: bytes, data: bytes, signature: bytes) -> None:
    key = _load(spki)
    if not isinstance(key, ed25519.Ed25519PublicKey):
        raise VerificationError("the key cannot have made this signature")
    try:
        key.verify(signature, data)
    except InvalidSignature:
        raise VerificationError("the signature does not verify") from None


@lru_cache(maxsize=64)
def _load(spki: bytes) -> object:
    try:
        key = serialization.load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm):
        raise MalformedError("not a public key") from None
    if isinstance(key, dsa.DSAPublicKey) and key.key_size > _MAX_DSA_BITS:
        raise MalformedError("a DSA key too large to be honest")
    return key


@lru_cache(maxsize=64)
def lacks_parameters(spki: bytes) -> bool:
    """Whether this is a DSA key whose parameters are its issuer's. Raises `MalformedError`."""
    identifier = der.whole(spki).enter()
    return identifier.oid() == _DSA and not identifier.more


def inherit_parameters(spki: bytes, issuer_spki: bytes) -> bytes:
    """Key of a subject whose DSA parameters are its issuer's (RFC 5280 §6.1.4 (e)); others unchanged."""
    if not lacks_parameters(spki):
        return spki
    outer = der.whole(spki)
    outer.raw(der.SEQUENCE)
    above = der.whole(issuer_spki).raw(der.SEQUENCE)
    opened = der.whole(above)
    if opened.oid() != _DSA or not opened.more:
        raise MalformedError("a DSA key without parameters to inherit")
    return der.sequence(above, outer.raw())


def weakness_of_key(spki: bytes) -> str:
    """Name of a key below the floor, or nothing. Raises `MalformedError` for a key of a kind not in use."""
    if is_p256(spki):
        return ""
    return _weakness(spki)


@lru_cache(maxsize=64)
def _weakness(spki: bytes) -> str:
    identifier = der.whole(spki).enter()
    family = identifier.oid()
    if family == _DSA:
        return "dsa"
    if family == "1.3.101.112" or (
        family == oids.EC_KEY and identifier.more and identifier.oid() == oids.P521
    ):
        return ""
    facts = describe_key(spki)
    bits = facts.modulus.bit_length()
    return facts.algorithm if bits and (bits < MIN_RSA_BITS or bits % 8 or bits > _MAX_RSA_BITS) else ""


@lru_cache(maxsize=32)
def weakness_of_algorithm(algorithm: bytes) -> str:
    """Name of a signature algorithm below the floor, or nothing."""
    if algorithm in _DSA_HASHES:
        return "dsa"
    if algorithm == _ED25519:
        return ""
    return "sha1" if algorithm_from_der(algorithm).weak else ""
