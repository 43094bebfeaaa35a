"""The DER writer and the strict reader."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dojang.pki import der
from dojang.pki.errors import MalformedError


@given(st.integers(-(1 << 300), 1 << 300))
def test_an_integer_reads_back_and_is_minimal(value: int) -> None:
    """Every integer is written in the one form the strict reader accepts."""
    assert der.Reader(der.integer(value)).integer() == value


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=12), st.integers(0, 2))
def test_an_object_identifier_reads_back(arcs: list[int], first: int) -> None:
    """Every object identifier survives writing and reading."""
    second = arcs[0] % 40 if first < 2 else arcs[0]
    dotted = ".".join(map(str, (first, second, *arcs[1:])))
    assert der.Reader(der.oid(dotted)).oid() == dotted


@given(st.binary(max_size=70_000))
def test_octets_of_any_length_read_back(content: bytes) -> None:
    """Short, one-octet and two-octet lengths are all written minimally."""
    reader = der.Reader(der.octet_string(content))
    assert reader.octets() == content
    reader.done()


@given(st.sets(st.integers(0, 8)))
def test_named_bits_read_back(positions: set[int]) -> None:
    """Named bits lose their trailing zeros and come back the same."""
    assert der.Reader(der.named_bits(*positions)).named_bits() == positions


@pytest.mark.parametrize(
    ("dotted", "encoded"),
    [
        ("1.2.840.113549", "06062a864886f70d"),  # X.690 §8.19 worked by hand, also RFC 8017
        ("2.999.3", "0603883703"),  # the example of X.690 §8.19.5
        ("0.9.2342.19200300.100.1.25", "060a0992268993f22c640119"),  # domainComponent, RFC 4519
        ("2.5.29.15", "0603551d0f"),
    ],
)
def test_known_object_identifiers(dotted: str, encoded: str) -> None:
    """Published encodings are met octet for octet."""
    assert der.oid(dotted).hex() == encoded


@pytest.mark.parametrize("dotted", ["3.1", "1", "1.40", "1.-2", "2.x"])
def test_what_is_no_object_identifier_is_not_written(dotted: str) -> None:
    """An impossible identifier is refused rather than written."""
    with pytest.raises(ValueError, match=r"object identifier|invalid literal"):
        der.oid(dotted)


@pytest.mark.parametrize(
    ("moment", "encoded"),
    [
        (datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC), b"\x17\x0d491231235959Z"),
        (datetime(2050, 1, 1, tzinfo=UTC), b"\x18\x0f20500101000000Z"),
        (datetime(1950, 1, 1, tzinfo=UTC), b"\x17\x0d500101000000Z"),
        (datetime(2026, 1, 1, 8, tzinfo=timezone(timedelta(hours=9))), b"\x17\x0d251231230000Z"),
    ],
)
def test_times_change_type_with_the_year(moment: datetime, encoded: bytes) -> None:
    """UTCTime through 2049 and GeneralizedTime from 2050, in UTC (RFC 5280 §4.1.2.5)."""
    assert der.time(moment) == encoded
    assert der.Reader(encoded).time() == moment


@pytest.mark.parametrize(
    "data",
    [
        b"\x30",  # no length
        b"\x30\x80\x00\x00",  # indefinite length
        b"\x30\x81\x01\x00",  # a long form that should be short
        b"\x30\x82\x00\x81" + bytes(129),  # a leading zero in the length
        b"\x30\x85\x01\x00\x00\x00\x00",  # a length of five octets
        b"\x30\x05\x00",  # beyond the end
        b"\x3f\x81\x01\x00",  # a high tag number
        b"\x30\x00\x00",  # something behind
        b"\x31\x00",  # another type
        b"",
    ],
)
def test_framing_that_is_not_der_is_refused(data: bytes) -> None:
    """Only definite, minimal lengths and low tags are read, and nothing may follow."""
    with pytest.raises(MalformedError):
        der.whole(data)


@pytest.mark.parametrize(
    ("read", "data"),
    [
        ("integer", b"\x02\x00"),
        ("integer", b"\x02\x02\x00\x7f"),
        ("integer", b"\x02\x02\xff\x80"),
        ("small", b"\x02\x09\x01" + bytes(8)),
        ("boolean", b"\x01\x01\x01"),
        ("boolean", b"\x01\x02\xff\xff"),
        ("oid", b"\x06\x00"),
        ("oid", b"\x06\x02\x2a\x80"),
        ("oid", b"\x06\x03\x2a\x80\x01"),
        ("oid", b"\x06\x41" + bytes(65)),
        ("bits", b"\x03\x00"),
        ("bits", b"\x03\x02\x01\x80"),
        ("named_bits", b"\x03\x02\x00\x80"),
        ("named_bits", b"\x03\x02\x08\x80"),
        ("named_bits", b"\x03\x01\x01"),
        ("time", b"\x17\x0d260230000000Z"),
        ("time", b"\x17\x0b2601010000Z"),
        ("time", b"\x18\x1120260101000000.5Z"),
        ("time", b"\x17\x0d260101000000+"),
        ("text", b"\x0c\x01\xff"),
        ("text", b"\x13\x01*"),
        ("text", b"\x16\x01\xe9"),
        ("text", b"\x1e\x01\x00"),
        ("text", b"\x1b\x01a"),
    ],
)
def test_values_that_are_not_der_are_refused(read: str, data: bytes) -> None:
    """Each kind of value has one encoding; others are refused."""
    with pytest.raises(MalformedError):
        getattr(der.Reader(data), read)()


def test_a_set_is_sorted() -> None:
    """SET OF is written in ascending order whatever order it is given in."""
    assert der.set_of(der.integer(2), der.integer(1)) == bytes.fromhex("3106020101020102")
