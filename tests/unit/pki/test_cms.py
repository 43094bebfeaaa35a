"""CMS SignedData made by OpenSSL and pyca, verified here; and each way it may be wrong."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs7
from tests.unit.pki.kit import NOW, house, key_of

from dojang.pki import der, oids
from dojang.pki.certificate import read_certificate
from dojang.pki.cms import VerifiedData, verify_signed_data
from dojang.pki.errors import IndeterminateError, MalformedError, VerificationError
from dojang.pki.paths import Trust
from dojang.pki.signing import public_key_bytes, sign

TEXT = "이체 100,000원 nonce=8f3c".encode()
KOREAN = "이체 100,000원 nonce=8f3c".encode("euc-kr")


@cache
def customer(algorithm: str) -> bytes:
    """Issue the customer's certificate for a key of this kind."""
    return house().certificate(public_key=public_key_bytes(key_of(algorithm, "customer")))


@cache
def openssl_signed(algorithm: str, content: bytes, *options: str) -> bytes:
    """Sign the content with ``openssl cms -sign``."""
    key = key_of(algorithm, "customer").private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem = x509.load_der_x509_certificate(customer(algorithm)).public_bytes(serialization.Encoding.PEM)
    with TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "key.pem").write_bytes(key)
        (place / "certificate.pem").write_bytes(pem)
        (place / "content").write_bytes(content)
        command = [
            "openssl",
            "cms",
            "-sign",
            "-binary",
            "-in",
            "content",
            "-outform",
            "DER",
            "-out",
            "signed",
        ]
        command += ["-inkey", "key.pem", "-signer", "certificate.pem", *options]
        subprocess.run(command, cwd=place, check=True, capture_output=True, timeout=30)
        return (place / "signed").read_bytes()


SHAPES = {
    "attached": ("-nodetach",),
    "attached, no attributes": ("-nodetach", "-noattr"),
    "by key identifier": ("-nodetach", "-keyid"),
    "sha-384": ("-nodetach", "-md", "sha384"),
    "no capabilities": ("-nodetach", "-nosmimecap"),
}


@pytest.mark.parametrize("algorithm", ["ec-p256", "ec-p384", "rsa-2048", "rsa-3072"])
@pytest.mark.parametrize("shape", sorted(SHAPES))
@pytest.mark.parametrize("content", [TEXT, KOREAN, b""], ids=["utf-8", "euc-kr", "empty"])
def test_attached_data_by_openssl_verifies(algorithm: str, shape: str, content: bytes) -> None:
    """With signedAttrs and without, in either encoding: the content comes back with its signer."""
    found = verify_signed_data(openssl_signed(algorithm, content, *SHAPES[shape]))
    assert found.content == content
    (signer,) = found.signers
    assert signer.certificate == customer(algorithm)
    assert signer.weak == ()
    assert (signer.signed_at is None) == ("-noattr" in SHAPES[shape])


@pytest.mark.parametrize("attributes", [(), ("-noattr",)], ids=["attributes", "plain"])
def test_detached_data_by_openssl_verifies(attributes: tuple[str, ...]) -> None:
    """The content is given beside the signature, and only that content verifies."""
    data = openssl_signed("rsa-2048", TEXT, *attributes)
    assert verify_signed_data(data, content=TEXT).content == TEXT
    with pytest.raises(VerificationError):
        verify_signed_data(data, content=TEXT + b" ")
    with pytest.raises(VerificationError):
        verify_signed_data(data)


@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
@pytest.mark.parametrize("attributes", [(), ("-noattr",)], ids=["attributes", "plain"])
def test_pss_by_openssl_verifies(digest: str, attributes: tuple[str, ...]) -> None:
    """RSASSA-PSS, with the salt of the hash's length, as financial certificates may use."""
    options = (
        "-nodetach",
        "-md",
        digest,
        "-keyopt",
        "rsa_padding_mode:pss",
        "-keyopt",
        "rsa_pss_saltlen:digest",
    )
    (signer,) = verify_signed_data(openssl_signed("rsa-2048", TEXT, *options, *attributes)).signers
    assert signer.algorithm == f"rsa-pss-{digest}"


@pytest.mark.parametrize("algorithm", ["ec-p256", "rsa-2048"])
@pytest.mark.parametrize("attributes", [True, False], ids=["attributes", "plain"])
def test_data_by_pyca_verifies(algorithm: str, *, attributes: bool) -> None:
    """The other writer of such data agrees."""
    key: Any = key_of(algorithm, "customer")
    options = [pkcs7.PKCS7Options.Binary] + ([] if attributes else [pkcs7.PKCS7Options.NoAttributes])
    data = (
        pkcs7.PKCS7SignatureBuilder()
        .set_data(TEXT)
        .add_signer(x509.load_der_x509_certificate(customer(algorithm)), key, hashes.SHA256())
        .sign(serialization.Encoding.DER, options)
    )
    found = verify_signed_data(data)
    assert found.content == TEXT
    if attributes:
        signed_at = found.signers[0].signed_at
        assert signed_at is not None
        assert abs(signed_at - datetime.now(UTC)) < timedelta(minutes=5)


def test_invariant_13_sha1_verifies_but_is_called_weak() -> None:
    """Old signatures can be read; the verdict says so (invariant 13)."""
    (signer,) = verify_signed_data(openssl_signed("rsa-2048", TEXT, "-nodetach", "-md", "sha1")).signers
    assert signer.weak == ("sha1",)


def _openssl_twice() -> bytes:
    one = openssl_signed("rsa-2048", TEXT, "-nodetach")
    two = openssl_signed("ec-p256", TEXT, "-nodetach")
    parts = [_parts(one), _parts(two)]
    certificates = der.explicit(0, customer("rsa-2048") + customer("ec-p256"))
    signers = der.set_of(*(der.Reader(part[-1]).value(der.SET) for part in parts))
    return _pack([*parts[0][:3], certificates, signers])


def _parts(data: bytes) -> list[bytes]:
    """Elements of the SignedData."""
    info = der.whole(data)
    info.oid()
    body = info.enter(0xA0).enter()
    found = []
    while body.more:
        found.append(body.raw())
    return found


def _pack(parts: list[bytes]) -> bytes:
    return der.sequence(der.oid(oids.CMS_SIGNED_DATA), der.explicit(0, der.sequence(*parts)))


def test_every_signer_must_verify() -> None:
    """Two signers verify; with one of them broken, nothing does."""
    data = _openssl_twice()
    assert len(verify_signed_data(data).signers) == 2
    for signer in _signatures(data):
        broken = data.replace(signer, signer[:-1] + bytes([signer[-1] ^ 1]))
        with pytest.raises(VerificationError):
            verify_signed_data(broken)


def _signatures(data: bytes) -> list[bytes]:
    """Signature values, in order."""
    listed = der.Reader(_parts(data)[-1]).enter(der.SET)
    found = []
    while listed.more:
        info = listed.enter()
        last = b""
        while info.more:
            last = info.value() if info.tag == der.OCTET_STRING else (info.raw(), last)[1]
        found.append(last)
    return found


def test_nobody_and_unknown_signers_are_refused() -> None:
    """Data without a signer, or whose certificate is missing, is not verified data."""
    parts = _parts(openssl_signed("rsa-2048", TEXT, "-nodetach"))
    with pytest.raises(VerificationError):
        verify_signed_data(_pack([*parts[:-1], der.set_of()]))
    bare = _pack([*parts[:3], parts[-1]])
    with pytest.raises(VerificationError):
        verify_signed_data(bare)
    assert verify_signed_data(bare, certificates=[customer("rsa-2048")]).content == TEXT


def test_content_is_never_taken_from_two_places() -> None:
    """Attached content with other content beside it is refused, even when they agree."""
    with pytest.raises(VerificationError):
        verify_signed_data(openssl_signed("rsa-2048", TEXT, "-nodetach"), content=TEXT)


def _by_hand(
    attributes: list[tuple[str, bytes]] | None, *, content_type: str = oids.CMS_DATA, key: str = "ec-p256"
) -> bytes:
    """SignedData with these signed attributes, correctly signed."""
    facts = read_certificate(customer(key)).facts
    content = der.sequence(der.oid(content_type), der.explicit(0, der.octet_string(TEXT)))
    signed, listed = TEXT, b""
    if attributes is not None:
        encoded = [der.sequence(der.oid(d), der.tlv(der.SET, value)) for d, value in attributes]
        signed = der.set_of(*encoded)
        listed = der.explicit(0, der.Reader(signed).value())
    digest = der.sequence(der.oid(oids.SHA256))
    info = der.sequence(
        der.integer(1),
        der.sequence(facts.issuer, der.integer(facts.serial)),
        digest,
        listed,
        der.sequence(der.oid(oids.ECDSA_SHA256)),
        der.octet_string(sign(key_of(key, "customer"), "ecdsa-sha256", signed)),
    )
    return _pack(
        [der.integer(1), der.set_of(digest), content, der.explicit(0, customer(key)), der.set_of(info)]
    )


def _digest(content: bytes = TEXT) -> bytes:
    made = hashes.Hash(hashes.SHA256())
    made.update(content)
    return der.octet_string(made.finalize())


KIND = (oids.CONTENT_TYPE, der.oid(oids.CMS_DATA))


def test_attributes_made_by_hand_verify() -> None:
    """The construction used for the refusals below is itself right."""
    assert verify_signed_data(_by_hand([KIND, (oids.MESSAGE_DIGEST, _digest())])).content == TEXT
    assert verify_signed_data(_by_hand(None)).content == TEXT


@pytest.mark.parametrize(
    "attributes",
    [
        [],
        [KIND],
        [(oids.MESSAGE_DIGEST, _digest())],
        [KIND, (oids.MESSAGE_DIGEST, _digest(b"other"))],
        [(oids.CONTENT_TYPE, der.oid("1.2.3")), (oids.MESSAGE_DIGEST, _digest())],
        [KIND, KIND, (oids.MESSAGE_DIGEST, _digest())],
        [KIND, (oids.MESSAGE_DIGEST, _digest() + _digest())],
        [KIND, (oids.MESSAGE_DIGEST, _digest()), (oids.SIGNING_TIME, der.NULL_VALUE)],
    ],
)
def test_attributes_off_the_rules_are_refused(attributes: list[tuple[str, bytes]]) -> None:
    """A correct signature over wrong attributes proves nothing (RFC 5652 §5.3, §11)."""
    with pytest.raises((VerificationError, MalformedError)):
        verify_signed_data(_by_hand(attributes))


def test_other_content_needs_attributes() -> None:
    """Only plain data may be signed without them (RFC 5652 §5.3)."""
    with pytest.raises(VerificationError):
        verify_signed_data(_by_hand(None, content_type="1.2.3"))


def test_a_key_with_another_purpose_signs_nothing() -> None:
    """An authority's key may sign certificates and lists, not contracts."""
    ours = house()
    facts = read_certificate(ours.issuing).facts
    info = der.sequence(
        der.integer(1),
        der.sequence(facts.issuer, der.integer(facts.serial)),
        der.sequence(der.oid(oids.SHA256)),
        der.sequence(der.oid(oids.ECDSA_SHA256)),
        der.octet_string(sign(ours.keys["issuing"], "ec-p256", TEXT)),
    )
    content = der.sequence(der.oid(oids.CMS_DATA), der.explicit(0, der.octet_string(TEXT)))
    data = _pack([der.integer(1), der.set_of(), content, der.explicit(0, ours.issuing), der.set_of(info)])
    with pytest.raises(VerificationError, match="purpose"):
        verify_signed_data(data)


def test_a_path_is_verified_when_asked() -> None:
    """With a trust the signer is somebody, without status it is undecided, by another root it is nobody."""
    ours = house()
    data = openssl_signed("ec-p256", TEXT, "-nodetach")
    trust = Trust(
        roots=(ours.root,), intermediates=(ours.issuing,), crls=(ours.revocations(),), status="leaf"
    )
    found: VerifiedData = verify_signed_data(data, trust=trust, at=NOW)
    path = found.signers[0].path
    assert path is not None
    assert path.certificates[-1] == ours.root
    with pytest.raises(IndeterminateError):
        verify_signed_data(data, trust=replace(trust, crls=()), at=NOW)
    with pytest.raises(VerificationError):
        verify_signed_data(data, trust=replace(trust, roots=(house("ec-p384").root,)), at=NOW)
    with pytest.raises(VerificationError):
        verify_signed_data(data, trust=trust)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        der.sequence(der.oid(oids.CMS_DATA), der.explicit(0, der.octet_string(TEXT))),
        der.sequence(der.oid(oids.CMS_SIGNED_DATA), der.explicit(0, der.sequence(der.integer(9)))),
        b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x80\x00\x00\x00\x00",
    ],
    ids=["nothing", "data", "version", "indefinite"],
)
def test_what_is_not_signed_data_is_malformed(data: bytes) -> None:
    """Other types, other versions and BER are refused as what they are."""
    with pytest.raises(MalformedError):
        verify_signed_data(data)
