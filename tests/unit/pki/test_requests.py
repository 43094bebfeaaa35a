"""Certification requests: only who holds the key gets a certificate for it."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID
from tests.unit.pki.kit import key_of

from dojang.pki import der, oids
from dojang.pki.errors import MalformedError, ProfileError, VerificationError
from dojang.pki.profiles import PROFILES
from dojang.pki.requests import read_request
from dojang.pki.signing import PrivateKey, public_key_bytes, sign, signature_algorithm

KEYS = ("rsa-2048", "rsa-3072", "ec-p256", "ec-p384")


def _request(key: PrivateKey, **options: object) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "someone else")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    if options.pop("extensions", False):
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("a.test")]), critical=False)
    made = builder.sign(key, hashes.SHA256(), **options)  # type: ignore[arg-type]
    return made.public_bytes(serialization.Encoding.DER)


def _own(spki: bytes, key: PrivateKey, algorithm: str, *, attributes: bytes = b"\xa0\x00") -> bytes:
    info = der.sequence(der.integer(0), der.sequence(), spki, attributes)
    signature = der.bit_string(sign(key, algorithm, info))
    return der.sequence(info, signature_algorithm(algorithm).der, signature)


@pytest.mark.parametrize("extensions", [False, True])
@pytest.mark.parametrize("algorithm", KEYS)
def test_a_request_gives_its_key(algorithm: str, *, extensions: bool) -> None:
    """The key comes out; what else the request wishes is read past."""
    key = key_of(algorithm, "customer")
    data = _request(key, extensions=extensions)
    assert read_request(data).public_key == public_key_bytes(key)
    assert read_request(data).algorithm == algorithm


def test_a_probabilistic_signature_is_taken() -> None:
    """RSASSA-PSS proves possession as well."""
    key = key_of("rsa-2048", "customer")
    data = _request(key, rsa_padding=padding.PSS(padding.MGF1(hashes.SHA256()), 32))
    assert read_request(data).public_key == public_key_bytes(key)


@pytest.mark.parametrize(
    ("profile", "algorithm", "taken"),
    [
        ("joint", "rsa-2048", True),
        ("joint", "rsa-3072", True),
        ("joint", "rsa-4096", True),
        ("joint", "ec-p256", False),
        ("bank", "ec-p256", True),
        ("bank", "ec-p384", False),
        ("bank", "rsa-2048", False),
        ("financial", "ec-p384", True),
    ],
)
def test_the_profile_says_which_keys(profile: str, algorithm: str, *, taken: bool) -> None:
    """A joint certificate is for RSA, a bank certificate for P-256 alone."""
    data = _request(key_of(algorithm, "customer"))
    if taken:
        assert read_request(data, PROFILES[profile].keys)
        return
    with pytest.raises(ProfileError):
        read_request(data, PROFILES[profile].keys)


@pytest.mark.parametrize("bits", [2048, 3072])
def test_an_rsa_key_without_null_is_taken_and_written_with_it(bits: int) -> None:
    """Some libraries leave the parameters of the key's identifier out; the certificate has them."""
    key = key_of(f"rsa-{bits}", "customer")
    right = public_key_bytes(key)
    reader = der.whole(right)
    reader.raw()
    bare = der.sequence(der.sequence(der.oid(oids.RSA)), reader.raw())
    found = read_request(_own(bare, key, f"rsa-{bits}"), PROFILES["joint"].keys)
    assert (found.public_key, found.algorithm) == (right, f"rsa-{bits}")
    info = der.sequence(der.integer(0), der.sequence(), bare, b"\xa0\x00")
    signature = der.bit_string(sign(key, "rsa-sha256", info))
    data = der.sequence(info, der.sequence(der.oid(oids.RSA_SHA256)), signature)
    assert read_request(data).public_key == right


def test_another_ones_key_is_refused() -> None:
    """A request for a key that its sender does not hold."""
    thief, victim = key_of("ec-p256", "customer"), key_of("ec-p256", "issuing")
    data = _own(public_key_bytes(victim), thief, "ec-p256")
    with pytest.raises(VerificationError):
        read_request(data)


def test_a_changed_request_is_refused() -> None:
    """Every octet of what was signed counts."""
    data = _request(key_of("ec-p256", "customer"))
    at = data.index(b"someone else")
    with pytest.raises(VerificationError):
        read_request(data[:at] + b"S" + data[at + 1 :])


@pytest.mark.parametrize("bits", [1024, 1536])
def test_a_short_key_is_refused(bits: int) -> None:
    """Below the floor, however well signed."""
    with pytest.raises(ProfileError):
        read_request(_request(rsa.generate_private_key(65537, bits)))


def test_an_unusual_curve_is_refused() -> None:
    """Only the curves in use."""
    with pytest.raises(MalformedError):
        read_request(_request(ec.generate_private_key(ec.SECP521R1())))


def test_the_older_hash_is_refused() -> None:
    """SHA-1 proves nothing here."""
    key = key_of("rsa-2048", "customer")
    info = der.sequence(der.integer(0), der.sequence(), public_key_bytes(key), b"\xa0\x00")
    assert isinstance(key, rsa.RSAPrivateKey)
    signature = key.sign(info, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303 - the point of the test
    data = der.sequence(info, signature_algorithm("rsa-sha1").der, der.bit_string(signature))
    with pytest.raises(ProfileError):
        read_request(data)


def test_attributes_are_not_optional() -> None:
    """RFC 2986 wants them written even when there are none."""
    key = key_of("ec-p256", "customer")
    with pytest.raises(MalformedError):
        read_request(_own(public_key_bytes(key), key, "ec-p256", attributes=b""))


@pytest.mark.parametrize("data", [b"", b"\x30\x00", bytes(20_000), b"\x30\x84\xff\xff\xff\xff"])
def test_noise_is_malformed(data: bytes) -> None:
    """Whatever it is, it is no request."""
    with pytest.raises(MalformedError):
        read_request(data)
