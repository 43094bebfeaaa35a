"""Keys, algorithm identifiers and verification."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from tests.unit.pki.kit import ALGORITHMS, house, key_of

from dojang.pki import signing
from dojang.pki.errors import MalformedError, ProfileError, VerificationError


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_allowed_key_signs_and_verifies(algorithm: str) -> None:
    """A signature verifies under its key and under nothing else."""
    key = key_of(algorithm, "customer")
    spki = signing.public_key_bytes(key)
    assert signing.check_public_key(spki).algorithm == algorithm
    signature = signing.sign(key, algorithm, b"text")
    signing.verify_signature(spki, algorithm, b"text", signature)
    with pytest.raises(VerificationError):
        signing.verify_signature(spki, algorithm, b"texT", signature)
    with pytest.raises(VerificationError):
        signing.verify_signature(
            signing.public_key_bytes(key_of(algorithm, "root")), algorithm, b"text", signature
        )


@pytest.mark.parametrize("name", sorted(signing.SIGNATURES))
def test_algorithm_identifiers_read_back(name: str) -> None:
    """Each name has one identifier; only SHA-1 is weak."""
    algorithm = signing.signature_algorithm(name)
    assert signing.algorithm_from_der(algorithm.der) is algorithm
    assert algorithm.weak == (name == "rsa-sha1")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_pyca_reads_our_identifier(algorithm: str) -> None:
    """The identifier in a certificate means to pyca what we meant."""
    made = x509.load_der_x509_certificate(house(algorithm).issuing)
    hash_name = signing.signature_algorithm("rsa-3072" if algorithm == "rsa-2048" else algorithm).hash
    assert made.signature_hash_algorithm is not None
    assert made.signature_hash_algorithm.name == hash_name


@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
def test_pss_agrees_with_pyca(digest: str) -> None:
    """A PSS signature by pyca with a salt of the hash's length verifies here."""
    key = key_of("rsa-2048", "customer")
    assert isinstance(key, rsa.RSAPrivateKey)
    algorithm: hashes.HashAlgorithm = {
        "sha256": hashes.SHA256(),
        "sha384": hashes.SHA384(),
        "sha512": hashes.SHA512(),
    }[digest]
    signature = key.sign(b"text", padding.PSS(padding.MGF1(algorithm), algorithm.digest_size), algorithm)
    signing.verify_signature(signing.public_key_bytes(key), f"rsa-pss-{digest}", b"text", signature)


WEAK = 1024  # bits of RSA


def _spki(key: object) -> bytes:
    public = key.public_key()  # type: ignore[attr-defined]
    found: bytes = public.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return found


@pytest.mark.parametrize(
    "key",
    [
        rsa.generate_private_key(65537, WEAK),
        rsa.generate_private_key(3, 2048),
    ],
    ids=["rsa-1024", "small-exponent"],
)
def test_invariant_13_keys_below_the_floor_are_refused(key: rsa.RSAPrivateKey) -> None:
    """Short RSA keys and small exponents get no certificate."""
    with pytest.raises(ProfileError):
        signing.check_public_key(_spki(key))


def test_other_kinds_of_keys_are_malformed() -> None:
    """Curves and algorithms not in use are not read."""
    for key in (ec.generate_private_key(ec.SECP521R1()), ed25519.Ed25519PrivateKey.generate()):
        with pytest.raises(MalformedError):
            signing.describe_key(_spki(key))


def test_a_point_off_the_curve_is_refused() -> None:
    """The bytes look like a key but no such point exists."""
    spki = bytearray(signing.public_key_bytes(key_of("ec-p256", "customer")))
    spki[-1] ^= 1
    with pytest.raises(ProfileError):
        signing.check_public_key(bytes(spki))


def test_a_key_of_the_other_family_cannot_have_signed() -> None:
    """Naming another family's algorithm neither signs nor verifies."""
    ec_key, rsa_key = key_of("ec-p256", "customer"), key_of("rsa-2048", "customer")
    for key, other in ((ec_key, "rsa-2048"), (rsa_key, "ec-p256")):
        with pytest.raises(ProfileError):
            signing.sign(key, other, b"text")
        with pytest.raises(VerificationError):
            signing.verify_signature(signing.public_key_bytes(key), other, b"text", b"signature")


def test_an_unknown_algorithm_is_refused() -> None:
    """Neither a name nor an identifier is guessed."""
    with pytest.raises(ProfileError):
        signing.signature_algorithm("rsa-md5")
    with pytest.raises(MalformedError):
        signing.algorithm_from_der(bytes.fromhex("300d06092a864886f70d0101040500"))  # md5WithRSAEncryption
