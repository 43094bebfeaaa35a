"""Keys and signature algorithms: names ↔ AlgorithmIdentifier, and verification.

Key names: ``ec-p256 ec-p384 rsa-2048 rsa-3072 rsa-4096``. Signature names: ``ecdsa-sha256 ecdsa-sha384
ecdsa-sha512 rsa-sha256 rsa-sha384 rsa-sha512 rsa-pss-sha256 rsa-pss-sha384 rsa-pss-sha512 rsa-sha1``.
Wherever an `algorithm` is asked for, a key name stands for that key's usual signature.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from dojang.pki import der, oids
from dojang.pki.errors import MalformedError, ProfileError, VerificationError

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey

#: Keys new objects may use (the algorithm floor).
KEY_ALGORITHMS: Final = frozenset({"ec-p256", "ec-p384", "rsa-2048", "rsa-3072", "rsa-4096"})
MIN_RSA_BITS: Final = 2048
_MAX_RSA_BITS: Final = 8192
_MIN_EXPONENT: Final = 65537
_USUAL: Final = {
    "ec-p256": "ecdsa-sha256",
    "ec-p384": "ecdsa-sha384",
    "rsa-2048": "rsa-sha256",
    "rsa-3072": "rsa-sha256",
    "rsa-4096": "rsa-sha256",
}
_HASHES: Final[dict[str, hashes.HashAlgorithm]] = {
    "sha1": hashes.SHA1(),  # noqa: S303 - read only, in order to call it weak
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
HASH_OIDS: Final = {"sha1": oids.SHA1, "sha256": oids.SHA256, "sha384": oids.SHA384, "sha512": oids.SHA512}
HASH_NAMES: Final = {dotted: name for name, dotted in HASH_OIDS.items()}


@dataclass(frozen=True, slots=True)
class SignatureAlgorithm:
    """One way to sign: its name, key family (``ec`` | ``rsa``), hash, scheme and AlgorithmIdentifier."""

    name: str
    family: str
    hash: str
    scheme: str  #: ``ecdsa`` | ``pkcs1`` | ``pss``
    der: bytes

    @property
    def weak(self) -> bool:
        """Below the algorithm floor: may be read, never written."""
        return self.hash == "sha1"


def _pss(digest: str, *, null: bool) -> bytes:
    """RSASSA-PSS parameters with MGF1 over the same hash and a salt of the hash's length (RFC 4055 §3.1)."""
    identifier = der.sequence(der.oid(HASH_OIDS[digest]), der.NULL_VALUE if null else b"")
    mask = der.sequence(der.oid(oids.RSA_MGF1), identifier)
    salt = der.integer(hashlib.new(digest).digest_size)
    parameters = der.sequence(der.explicit(0, identifier), der.explicit(1, mask), der.explicit(2, salt))
    return der.sequence(der.oid(oids.RSA_PSS), parameters)


def _table() -> dict[str, SignatureAlgorithm]:
    found: dict[str, SignatureAlgorithm] = {}
    pkcs1 = {
        "sha1": oids.RSA_SHA1,
        "sha256": oids.RSA_SHA256,
        "sha384": oids.RSA_SHA384,
        "sha512": oids.RSA_SHA512,
    }
    for digest, dotted in pkcs1.items():
        encoded = der.sequence(der.oid(dotted), der.NULL_VALUE)
        found[f"rsa-{digest}"] = SignatureAlgorithm(f"rsa-{digest}", "rsa", digest, "pkcs1", encoded)
    ecdsa = {"sha256": oids.ECDSA_SHA256, "sha384": oids.ECDSA_SHA384, "sha512": oids.ECDSA_SHA512}
    for digest, dotted in ecdsa.items():
        encoded = der.sequence(der.oid(dotted))  # parameters absent: RFC 5758 §3.2
        found[f"ecdsa-{digest}"] = SignatureAlgorithm(f"ecdsa-{digest}", "ec", digest, "ecdsa", encoded)
    for digest in ecdsa:
        name = f"rsa-pss-{digest}"
        found[name] = SignatureAlgorithm(name, "rsa", digest, "pss", _pss(digest, null=True))
    return found


SIGNATURES: Final = _table()
#: Who reads RSA with PKCS #1 v1.5 must take it without its NULL (RFC 4055 §5); it is never written so.
_WITHOUT_NULL: Final = {
    der.sequence(der.whole(algorithm.der).raw()): algorithm
    for algorithm in SIGNATURES.values()
    if algorithm.scheme == "pkcs1"
}
_BY_DER: Final = (
    {algorithm.der: algorithm for algorithm in SIGNATURES.values()}
    | {_pss(digest, null=False): SIGNATURES[f"rsa-pss-{digest}"] for digest in ("sha256", "sha384", "sha512")}
    | _WITHOUT_NULL
)


def signature_algorithm(name: str) -> SignatureAlgorithm:
    """Algorithm by its own name or by the name of a key; `ProfileError` for an unknown one."""
    found = SIGNATURES.get(_USUAL.get(name, name))
    if found is None:
        raise ProfileError("a signature algorithm this centre does not use", algorithm=name)
    return found


def algorithm_from_der(data: bytes) -> SignatureAlgorithm:
    """Algorithm of an encoded AlgorithmIdentifier; `MalformedError` for one we do not know."""
    found = _BY_DER.get(data)
    if found is None:
        raise MalformedError("an unknown signature algorithm")
    return found


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """What a SubjectPublicKeyInfo says: key name (``ec-p256``, ``rsa-1024``…), octets, RSA numbers."""

    algorithm: str
    bits: bytes
    modulus: int = 0
    exponent: int = 0

    @property
    def identifier(self) -> bytes:
        """Key identifier, method 1: SHA-1 of the key (RFC 5280 §4.2.1.2). A label, not a protection."""
        return hashlib.sha1(self.bits, usedforsecurity=False).digest()


def is_p256(spki: bytes) -> bool:
    """Whether a SubjectPublicKeyInfo is of the usual kind, told without taking it apart."""
    return len(spki) == _P256_SIZE and spki.startswith(_P256_HEAD)


def name_and_identify(spki: bytes) -> tuple[str, bytes]:
    """Key name and key identifier of a SubjectPublicKeyInfo, with a short way for the usual kind."""
    if is_p256(spki):
        return "ec-p256", hashlib.sha1(spki[26:], usedforsecurity=False).digest()
    facts = describe_key(spki)
    return facts.algorithm, facts.identifier


_CURVES: Final = {oids.P256: ("ec-p256", 65), oids.P384: ("ec-p384", 97)}
_P256_HEAD: Final = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
_P256_SIZE: Final = 91


def describe_key(spki: bytes) -> KeyFacts:
    """Read a SubjectPublicKeyInfo without checking the mathematics. Raises `MalformedError`."""
    if is_p256(spki):
        return KeyFacts("ec-p256", spki[26:])
    outer = der.whole(spki, limit=4096)
    identifier = outer.enter()
    family = identifier.oid()
    bits = outer.bits()
    outer.done()
    if family == oids.EC_KEY:
        curve = _CURVES.get(identifier.oid())
        identifier.done()
        if curve is None or len(bits) != curve[1] or bits[0] != 4:  # noqa: PLR2004 - uncompressed point
            raise MalformedError("an elliptic-curve key of a kind not in use")
        return KeyFacts(curve[0], bits)
    if family == oids.RSA:
        if identifier.more:  # some libraries leave the NULL out (RFC 8017 appendix A.1 wants it written)
            identifier.value(der.NULL)
        identifier.done()
        numbers = der.whole(bits)
        modulus, exponent = numbers.integer(), numbers.integer()
        numbers.done()
        if modulus <= 0 or exponent <= 0:
            raise MalformedError("not an RSA key")
        return KeyFacts(f"rsa-{modulus.bit_length()}", bits, modulus, exponent)
    raise MalformedError("a public key of a kind not in use")


def canonical_key(spki: bytes) -> bytes:
    """Return a SubjectPublicKeyInfo as we write it: an RSA key's identifier with its NULL."""
    facts = describe_key(spki)
    if not facts.modulus:
        return spki
    identifier = der.sequence(der.oid(oids.RSA), der.NULL_VALUE)
    return der.sequence(identifier, der.bit_string(facts.bits))


def check_public_key(spki: bytes, allowed: frozenset[str] = KEY_ALGORITHMS) -> KeyFacts:
    """Refuse a key below the floor, off its curve, or with a small or even exponent: `ProfileError`."""
    facts = describe_key(spki)
    if facts.algorithm not in allowed:
        raise ProfileError("a key of a kind or size the profile does not allow", algorithm=facts.algorithm)
    if facts.modulus and (facts.exponent < _MIN_EXPONENT or not facts.exponent & facts.modulus & 1):
        raise ProfileError("an RSA key with a weak exponent or modulus")
    try:
        load_public_key(spki)
    except MalformedError as error:
        raise ProfileError("a public key that is not a key") from error
    return facts


@lru_cache(maxsize=512)
def load_public_key(spki: bytes) -> PublicKey:
    """Key object for a SubjectPublicKeyInfo; an EC point must be on its curve. Raises `MalformedError`."""
    try:
        key = serialization.load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm):
        raise MalformedError("not a public key") from None
    if not isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
        raise MalformedError("a public key of a kind not in use")
    if isinstance(key, rsa.RSAPublicKey) and key.key_size > _MAX_RSA_BITS:
        raise MalformedError("an RSA key too large to be honest")
    return key


def public_key_bytes(key: PrivateKey) -> bytes:
    """SubjectPublicKeyInfo of a private key, DER."""
    return key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def sign(key: PrivateKey, algorithm: str, data: bytes) -> bytes:
    """Signature over `data`. For the signer's process and for tests; nobody else holds private keys."""
    chosen = signature_algorithm(algorithm)
    digest = _HASHES[chosen.hash]
    if isinstance(key, ec.EllipticCurvePrivateKey):
        if chosen.family != "ec":
            raise ProfileError("the key cannot make this signature", algorithm=algorithm)
        return key.sign(data, _ECDSA[chosen.hash])
    if chosen.family != "rsa":
        raise ProfileError("the key cannot make this signature", algorithm=algorithm)
    return key.sign(data, _padding(chosen, digest), digest)


def verify_signature(spki: bytes, algorithm: str, data: bytes, signature: bytes) -> None:
    """Raise `VerificationError` unless `signature` over `data` verifies under the key."""
    chosen = signature_algorithm(algorithm)
    digest = _HASHES[chosen.hash]
    key = load_public_key(spki)
    try:
        if isinstance(key, ec.EllipticCurvePublicKey) and chosen.family == "ec":
            key.verify(signature, data, _ECDSA[chosen.hash])
        elif isinstance(key, rsa.RSAPublicKey) and chosen.family == "rsa":
            key.verify(signature, data, _padding(chosen, digest), digest)
        else:
            raise VerificationError("the key cannot have made this signature")
    except (InvalidSignature, ValueError, UnsupportedAlgorithm):
        raise VerificationError("the signature does not verify") from None


_ECDSA: Final = {name: ec.ECDSA(digest) for name, digest in _HASHES.items() if name != "sha1"}


def _padding(chosen: SignatureAlgorithm, digest: hashes.HashAlgorithm) -> padding.AsymmetricPadding:
    if chosen.scheme == "pss":
        return padding.PSS(padding.MGF1(digest), digest.digest_size)
    return padding.PKCS1v15()
