"""Junk: every parser refuses it with its own error, quickly, and never falls over."""

from __future__ import annotations

import contextlib
import random
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.pki.kit import NOW, house
from tests.unit.pki.test_cms import TEXT, openssl_signed

from dojang.pki import crl, lint, ocsp
from dojang.pki.build import new_serial
from dojang.pki.certificate import read_certificate
from dojang.pki.checks import inspect_tbs
from dojang.pki.cms import verify_signed_data
from dojang.pki.crl import CrlEntry
from dojang.pki.errors import DojangError, IndeterminateError, MalformedError, VerificationError
from dojang.pki.names import Name
from dojang.pki.npki.vid import decode_identify_data, parse_identify_data
from dojang.pki.paths.lists import read_distribution_points, read_foreign_list, walk_entries
from dojang.pki.profiles import PROFILES
from dojang.pki.signing import check_public_key, describe_key

if TYPE_CHECKING:
    from collections.abc import Callable

FINANCIAL = PROFILES["financial"]


def _whole_crl(data: bytes) -> None:
    crl.read_crl(data)
    list(walk_entries(read_foreign_list(data)))


def _points(data: bytes) -> None:
    facts = read_certificate(data).facts
    if (extension := facts.extensions.get("2.5.29.31")) is not None:
        read_distribution_points(extension.value, facts.issuer)


PARSERS: dict[str, Callable[[bytes], object]] = {
    "certificate": read_certificate,
    "points": _points,
    "identifyData": parse_identify_data,
    "subjectAltName": decode_identify_data,
    "name": Name.from_der,
    "key": describe_key,
    "key check": check_public_key,
    "crl": _whole_crl,
    "request": ocsp.parse_request,
    "response": ocsp.parse_response,
    "signed data": verify_signed_data,
    "body lint": lambda data: inspect_tbs(FINANCIAL, data),
    "certificate lint": lambda data: lint.lint_certificate(data, FINANCIAL),
    "crl lint": lint.lint_crl,
    "ocsp lint": lint.lint_ocsp,
}


def _seeds() -> dict[str, bytes]:
    """One right object for each parser, to be damaged."""
    ours = house()
    certificate = ours.certificate()
    facts = read_certificate(certificate).facts
    listed = ours.revocations([CrlEntry(new_serial(), NOW, "superseded"), CrlEntry(1, NOW, "unspecified")])
    serial = new_serial()
    request = _request(serial)
    response = ours.answer(ours.single(serial, "revoked"), nonce=bytes(32))
    return {
        "certificate": certificate,
        "points": certificate,
        "identifyData": certificate,
        "subjectAltName": facts.extensions["2.5.29.17"].value,
        "name": facts.subject,
        "key": facts.spki,
        "key check": facts.spki,
        "crl": listed,
        "request": request,
        "response": response,
        "signed data": openssl_signed("ec-p256", TEXT, "-nodetach"),
        "body lint": read_certificate(certificate).tbs,
        "certificate lint": certificate,
        "crl lint": listed,
        "ocsp lint": response,
    }


def _request(serial: int) -> bytes:
    from dojang.pki import der, oids

    nonce = der.sequence(der.oid(oids.OCSP_NONCE), der.octet_string(der.octet_string(bytes(16))))
    question = der.sequence(ocsp.cert_id(house().issuing, serial).der)
    return der.sequence(der.sequence(der.sequence(question), der.explicit(2, der.sequence(nonce))))


SEEDS = _seeds()
ALLOWED = {
    "signed data": (MalformedError, VerificationError),
    "response": (MalformedError, IndeterminateError),
    "key check": (DojangError,),
}


def _feed(parser: str, data: bytes) -> None:
    taken = 1.0
    for _ in range(3):  # what is slow stays slow; a collection of garbage in between does not
        start = time.process_time()
        with contextlib.suppress(*ALLOWED.get(parser, (MalformedError,))):
            PARSERS[parser](data)
        taken = min(taken, time.process_time() - start)
        if taken < 0.1:
            return
    raise AssertionError(f"{taken:.3f} s")


@pytest.mark.parametrize("parser", sorted(PARSERS))
def test_the_undamaged_object_is_read(parser: str) -> None:
    """The seeds of the damage are right."""
    PARSERS[parser](SEEDS[parser])


@pytest.mark.parametrize("parser", sorted(PARSERS))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.binary(max_size=400))
def test_noise_is_refused(parser: str, data: bytes) -> None:
    """Octets without any structure."""
    _feed(parser, data)


@pytest.mark.parametrize("parser", sorted(PARSERS))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_damage_is_refused_or_read(parser: str, data: st.DataObject) -> None:
    """A right object with octets changed, cut out, put in or repeated."""
    damaged = bytearray(SEEDS[parser])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, max(len(damaged) - 1, 0)))
        how = data.draw(st.sampled_from(("set", "cut", "put", "repeat")))
        if how == "set" and damaged:
            damaged[at] = data.draw(st.integers(0, 255))
        elif how == "cut":
            del damaged[at : at + data.draw(st.integers(1, 8))]
        elif how == "put":
            damaged[at:at] = data.draw(st.binary(min_size=1, max_size=8))
        else:
            damaged[at:at] = damaged[at : at + data.draw(st.integers(1, 40))]
    _feed(parser, bytes(damaged))


@pytest.mark.parametrize("parser", sorted(PARSERS))
def test_every_octet_changed_once_is_refused_or_read(parser: str) -> None:
    """No single octet, whatever it becomes, leads anywhere but to our own error."""
    chance = random.Random(20260302)  # noqa: S311 - repeatable damage, not a secret
    seed = SEEDS[parser]
    for at in range(len(seed)):
        for value in (0x00, 0xFF, seed[at] ^ 1 << chance.randrange(8), chance.randrange(256)):
            _feed(parser, seed[:at] + bytes([value]) + seed[at + 1 :])


@pytest.mark.parametrize("parser", sorted(PARSERS))
@pytest.mark.parametrize(
    "data",
    [
        b"\x30\x84\x7f\xff\xff\xff" + bytes(100),
        b"\x30\x80" * 50_000,
        b"\x30\x82\xff\xff" * 20_000,
        b"\xa0\x03\x02\x01" * 1000,
        b"\x02\x83\x01\x00\x00" + b"\xff" * 65_536,
        bytes(1_000_000),
    ],
    ids=["length", "indefinite", "nested", "tags", "integer", "zeros"],
)
def test_bombs_are_refused_quickly(parser: str, data: bytes) -> None:
    """Deep nesting, absurd lengths and sheer size cost nothing."""
    _feed(parser, data)
