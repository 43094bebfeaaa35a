"""Virtual identification, octet for octet."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from tests.unit.pki.kit import IDENTIFY, IDN, R, house

from dojang.pki import der, oids
from dojang.pki.errors import MalformedError, ProfileError, VerificationError
from dojang.pki.npki.vid import (
    IdentifyData,
    compute_vid,
    decode_identify_data,
    encode_identify_data,
    parse_identify_data,
    verify_vid,
)

VECTORS = tomllib.loads((Path(__file__).parents[2] / "vectors" / "vid.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("vector", VECTORS["vid"], ids=lambda v: v["name"])
def test_vid_vectors(vector: dict[str, Any]) -> None:
    """The published vector, and one for every hash and length of number computed by hand."""
    assert compute_vid(vector["idn"], bytes.fromhex(vector["r"]), vector["hash"]).hex() == vector["vid"]


def test_the_vid_is_the_hash_of_the_hash_of_the_published_content() -> None:
    """The intermediate values of the vector, so that a mistake shows where it is."""
    content = bytes.fromhex("3026130D31323334353631323334353637031500") + R
    assert hashlib.sha256(content).hexdigest().startswith("cdff7f7c")
    assert compute_vid(IDN, R) == hashlib.sha256(hashlib.sha256(content).digest()).digest()


def test_identify_data_octet_for_octet() -> None:
    """The subjectAltName of the specification, spelled out."""
    vid = bytes(range(32))
    expected = (
        "305f"  # GeneralNames
        "a05d"  # otherName [0]
        "06092a831a8c9a440a0101"  # id-kisa-identifyData
        "a050304e"  # [0] EXPLICIT IdentifyData
        "0c09ed998deab8b8eb8f99"  # UTF8String realName
        "3041303f"  # userInfo: SEQUENCE OF AttributeTypeAndValue, the value not in a SET
        "060a2a831a8c9a440a010101"  # id-VID
        "3031300b0609608648016503040201"  # hash: sha256 without NULL
        "a0220420"  # [0] EXPLICIT OCTET STRING
    ) + vid.hex()
    assert encode_identify_data(IdentifyData("홍길동", vid)).hex() == expected


def test_identify_data_reads_back_from_a_certificate() -> None:
    """What was written into a certificate is read from it, and pyca sees the same octets."""
    certificate = house().certificate()
    assert parse_identify_data(certificate) == IDENTIFY
    names = x509.load_der_x509_certificate(certificate).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    (other,) = names.value.get_values_for_type(x509.OtherName)
    assert other.type_id.dotted_string == oids.NPKI_IDENTIFY_DATA
    assert IDENTIFY.vid in other.value


def test_identify_data_is_found_behind_other_names() -> None:
    """Some authorities put an e-mail address first and write NULL after the hash: both are accepted."""
    value = der.sequence(
        der.sequence(der.oid(oids.SHA256), der.NULL_VALUE), der.explicit(0, der.octet_string(bytes(32)))
    )
    info = der.sequence(der.sequence(der.oid(oids.NPKI_VID), value))
    data = der.sequence(der.utf8("홍길동"), info)
    other = der.explicit(0, der.oid("1.2.3") + der.explicit(0, der.NULL_VALUE))
    ours = der.explicit(0, der.oid(oids.NPKI_IDENTIFY_DATA) + der.explicit(0, data))
    names = der.sequence(der.context(1, b"hong@dojang.test"), other, ours)
    assert decode_identify_data(names) == IdentifyData("홍길동", bytes(32))


def test_the_right_number_verifies_and_a_wrong_one_does_not() -> None:
    """A VID proves exactly one number."""
    verify_vid(IDENTIFY, IDN, R)
    with pytest.raises(VerificationError):
        verify_vid(IDENTIFY, "1234561234568", R)


@pytest.mark.parametrize(
    ("idn", "r", "name"),
    [
        ("12345a", R, "sha256"),
        ("", R, "sha256"),
        ("1" * 33, R, "sha256"),
        ("\u0661" * 13, R, "sha256"),  # digits, but not these
        (IDN, R[:19], "sha256"),
        (IDN, bytes(65), "sha256"),
        (IDN, R, "md5"),
    ],
)
def test_impossible_inputs_are_refused_without_quoting_them(idn: str, r: bytes, name: str) -> None:
    """The identity number is a secret: it is never part of an error."""
    with pytest.raises(ProfileError) as caught:
        compute_vid(idn, r, name)
    assert not idn or idn not in f"{caught.value}{caught.value.data}"


def test_the_vid_is_not_shown() -> None:
    """With a known birth date a VID helps to search for the number: a log line does not show it."""
    assert IDENTIFY.vid.hex() not in repr(IDENTIFY)
    assert repr(IDENTIFY.vid) not in repr(IDENTIFY)


@pytest.mark.parametrize(
    "identify",
    [
        IdentifyData("", bytes(32)),
        IdentifyData("가" * 201, bytes(32)),
        IdentifyData("가\n나", bytes(32)),
        IdentifyData("가", bytes(31)),
        IdentifyData("가", bytes(32), "sha3"),
    ],
)
def test_identify_data_that_does_not_fit_is_not_written(identify: IdentifyData) -> None:
    """A missing name and a VID of another length are refused."""
    with pytest.raises(ProfileError):
        encode_identify_data(identify)


def test_a_certificate_without_identify_data_is_refused() -> None:
    """An authority's certificate names no person."""
    with pytest.raises(MalformedError):
        parse_identify_data(house().issuing)
