"""Junk in place of certificate files: refused with our own errors, and never by working for minutes."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.pki.kit import key_of
from tests.unit.pki.npki.kit import PASSWORD, VECTORS, certificate, decoded, pkcs8
from tests.unit.pki.test_requests import _request

from dojang.pki.errors import MalformedError, ProfileError, VerificationError
from dojang.pki.npki import folder, keyfile, pfx
from dojang.pki.npki.errors import (
    FileDamagedError,
    FormUnsupportedError,
    KeyMismatchError,
    WrongPasswordError,
)
from dojang.pki.requests import read_request

if TYPE_CHECKING:
    from collections.abc import Callable

FILES = {case["form"]: decoded(case["file"]) for case in VECTORS["files"] if case["kind"] == "ascii"}
PARSERS: dict[str, Callable[[bytes], object]] = {
    **dict.fromkeys(FILES, lambda data: keyfile.open_key_file(data, PASSWORD)),
    "plain key": keyfile.read_plain_key,
    "pfx": lambda data: pfx.read_pfx(data, PASSWORD),
    "archive": folder.read_zip,
    "request": read_request,
}
RIGHT = {
    **FILES,
    "plain key": pkcs8(),
    "pfx": pfx.write_pfx(pkcs8(), certificate(), PASSWORD),
    "archive": folder.write_zip([folder.KeyPair(certificate(), FILES["pbes2-seed"])]),
    "request": _request(key_of("ec-p256", "customer")),
}
OURS = (FileDamagedError, FormUnsupportedError, WrongPasswordError, KeyMismatchError)
ALLOWED = {"request": (MalformedError, ProfileError, VerificationError)}
LONGEST = 5.0  # seconds of work for the most that the bounds allow


def _feed(parser: str, data: bytes) -> None:
    start = time.process_time()
    try:
        PARSERS[parser](data)
    except ALLOWED.get(parser, OURS):
        pass
    assert time.process_time() - start < LONGEST


@pytest.mark.parametrize("parser", sorted(PARSERS))
def test_the_undamaged_file_is_read(parser: str) -> None:
    """What is damaged below is right before."""
    PARSERS[parser](RIGHT[parser])


@pytest.mark.parametrize("parser", sorted(PARSERS))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.binary(max_size=300))
def test_noise_is_refused(parser: str, data: bytes) -> None:
    """Octets without any structure."""
    _feed(parser, data)


@pytest.mark.parametrize("parser", sorted(PARSERS))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_damage_is_refused_or_read(parser: str, data: st.DataObject) -> None:
    """A right file with octets changed, cut out, put in or repeated, mostly near its beginning."""
    damaged = bytearray(RIGHT[parser])
    for _ in range(data.draw(st.integers(1, 4))):
        end = max(len(damaged) - 1, 0)
        at = data.draw(st.one_of(st.integers(0, min(end, 120)), st.integers(0, end)))
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
def test_every_octet_of_the_head_changed_is_refused_or_read(parser: str) -> None:
    """No single octet of the part that is not encrypted leads anywhere but to our own errors."""
    chance = random.Random(20260302)  # noqa: S311 - repeatable damage, not a secret
    right = RIGHT[parser]
    for at in range(min(len(right), 120)):
        for value in (0x00, 0xFF, right[at] ^ 1 << chance.randrange(8)):
            _feed(parser, right[:at] + bytes([value]) + right[at + 1 :])


@pytest.mark.parametrize("parser", sorted(PARSERS))
@pytest.mark.parametrize(
    "data",
    [
        b"\x30\x84\x7f\xff\xff\xff" + bytes(100),
        b"\x30\x80" * 20_000,
        b"\xa0\x03\x02\x01" * 1000,
        bytes(5_000_000),
    ],
    ids=["length", "indefinite", "tags", "zeros"],
)
def test_bombs_are_refused_quickly(parser: str, data: bytes) -> None:
    """Deep nesting, absurd lengths and sheer size cost nothing."""
    start = time.process_time()
    with pytest.raises(ALLOWED.get(parser, OURS)):
        PARSERS[parser](data)
    assert time.process_time() - start < 0.5
