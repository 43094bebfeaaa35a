"""Distinguished names in the NPKI shape."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from tests.unit.pki.kit import customer

from dojang.pki import der, oids
from dojang.pki.errors import MalformedError, ProfileError
from dojang.pki.names import Name, build_name, subscriber_common_name, subscriber_name


def test_a_customers_name_has_the_npki_shape() -> None:
    """Country first and printable, two separate units, the number behind empty brackets, all else UTF-8."""
    expected = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "kr"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "dojang"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "personalF"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "DJB"),
            x509.NameAttribute(NameOID.COMMON_NAME, "홍길동()00880120260302000001"),
        ]
    )
    assert customer().der == expected.public_bytes()


def test_a_name_reads_back() -> None:
    """A name survives encoding and reading, and shows the last attribute first."""
    name = Name.from_der(customer().der)
    assert name == customer()
    assert name.get("OU") == ("personalF", "DJB")
    assert str(name) == "cn=홍길동()00880120260302000001,ou=DJB,ou=personalF,o=dojang,c=kr"


def test_text_that_looks_like_syntax_is_escaped() -> None:
    """A comma in a value cannot be taken for the end of the value."""
    name = build_name(("C", "kr"), ("O", "#A, B+C"))
    assert str(name) == r"o=\#A\, B\+C,c=kr"


def test_foreign_attributes_are_kept_by_their_number() -> None:
    """A name with other attributes and two in one RDN is read, not refused."""
    foreign = x509.Name(
        [
            x509.RelativeDistinguishedName(
                [
                    x509.NameAttribute(NameOID.COMMON_NAME, "a"),
                    x509.NameAttribute(NameOID.SERIAL_NUMBER, "7"),
                ]
            )
        ]
    )
    assert Name.from_der(foreign.public_bytes()).attributes == (("CN", "a"), ("2.5.4.5", "7"))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("CN", ""),
        ("CN", "가" * 22),  # 66 octets
        ("CN", "a\x00b"),
        ("CN", "a\u202eb"),  # turns the reading direction around
        ("CN", " xyz"),
        ("C", "k1"),
        ("C", "k"),
        ("T", "Dr"),
    ],
)
def test_values_that_mislead_or_do_not_fit_are_refused(kind: str, value: str) -> None:
    """Empty, long, padded and unprintable values make no name, and the error does not quote them."""
    with pytest.raises(ProfileError) as caught:
        build_name((kind, value))
    assert not value.strip() or value not in str(caught.value)


def test_a_long_name_gives_way_to_the_number() -> None:
    """The number is never cut: the name is, between characters, to the 64 octets of a common name."""
    made = subscriber_common_name("a" + "가" * 60, "00880120260302000001")
    assert made == "a" + "가" * 13 + "()00880120260302000001"
    assert len(made.encode()) == 62
    assert subscriber_name(organization="dojang", units=["a"], common_name=made).der


def test_a_foreigners_long_name_keeps_its_beginning() -> None:
    """Of 66 Latin letters the words that fit stand before the number, without a space at the cut."""
    name = "WICKRAMASURENDRA DISSANAYAKE MUDIYANSELAGE RAJAPAKSHA SENEVIRATHNA"
    longer = subscriber_common_name(name, "0088012026030200000012")
    assert longer == "WICKRAMASURENDRA DISSANAYAKE()0088012026030200000012"
    made = subscriber_common_name(name, "00880120260302000001")
    assert made == "WICKRAMASURENDRA DISSANAYAKE MUDIYANSELAGE()00880120260302000001"
    assert len(made.encode()) == 64


def test_a_letter_is_not_cut_from_its_marks() -> None:
    """A letter whose mark does not fit is left out with it."""
    made = subscriber_common_name("a" * 40 + "x\u0323\u0307", "00880120260302000001")
    assert made == "a" * 40 + "()00880120260302000001"


@pytest.mark.parametrize("name", ["𠮷田 太郎", "\U0003134f", "\ue000", "ㆍ홍"])
def test_every_letter_makes_a_name(name: str) -> None:
    """Letters beyond the basic plane, ones newer than this Python and a bank's own are written and read."""
    made = subscriber_common_name(name, "00880120260302000001")
    named = build_name(("CN", made))
    assert Name.from_der(named.der) == named


@pytest.mark.parametrize(
    ("tag", "content", "text"),
    [
        (0x14, "홍길동".encode("euc_kr"), "홍길동"),
        (0x14, "José".encode("latin-1"), "José"),
        (0x14, b"HONG", "HONG"),
        (0x1C, "홍길동".encode("utf-32-be"), "홍길동"),
        (0x1E, "홍길동".encode("utf-16-be"), "홍길동"),
        (0x1A, b"HONG", "HONG"),
        (0x12, b"12 34", "12 34"),
    ],
)
def test_names_of_older_authorities_are_read(tag: int, content: bytes, text: str) -> None:
    """TeletexString in EUC-KR and the other string types of old certificates are shown."""
    pair = der.sequence(der.oid(oids.COMMON_NAME), der.tlv(tag, content))
    assert Name.from_der(der.sequence(der.set_of(pair))).get("CN") == (text,)


@pytest.mark.parametrize(("name", "number"), [("a", "12x"), ("a", ""), ("a", "1" * 63)])
def test_numbers_that_are_not_digits_or_too_long_are_refused(name: str, number: str) -> None:
    """The number is decimal digits and leaves room for a name."""
    with pytest.raises(ProfileError):
        subscriber_common_name(name, number)


@pytest.mark.parametrize("data", ["30023100", "3009310730050603550403", "0500"])
def test_broken_names_are_malformed(data: str) -> None:
    """An empty RDN, a missing value and another type are refused."""
    with pytest.raises(MalformedError):
        Name.from_der(bytes.fromhex(data))
