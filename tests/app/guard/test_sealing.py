"""What is sealed opens in its own place only; what is indexed tells nothing."""

from __future__ import annotations

import os

import pytest

from dojang.guard.sealing import SealBrokenError, Sealer

PLACE = {"table": "ra_run", "column": "body", "row": "1"}


def make() -> Sealer:
    """Return a sealer under fresh keys."""
    return Sealer(field_key=os.urandom(32), numbers_key=os.urandom(32))


def test_what_was_sealed_opens() -> None:
    """JSON values come back as they were, Korean included."""
    sealer = make()
    value = {"name": "홍길동", "list": [1, None, True]}
    assert sealer.open(sealer.seal(value, **PLACE), **PLACE) == value


@pytest.mark.parametrize("other", [{"table": "x"}, {"column": "x"}, {"row": "2"}])
def test_a_value_moved_elsewhere_does_not_open(other: dict[str, str]) -> None:
    """Copied to another table, column or row, it is refused."""
    sealer = make()
    sealed = sealer.seal("secret", **PLACE)
    with pytest.raises(SealBrokenError):
        sealer.open(sealed, **{**PLACE, **other})


def test_every_changed_bit_is_noticed() -> None:
    """Flipping any one bit of a sealed value makes it refuse to open."""
    sealer = make()
    sealed = sealer.seal("secret", **PLACE)
    for position in range(len(sealed) * 8):
        broken = bytearray(sealed)
        broken[position // 8] ^= 1 << (position % 8)
        with pytest.raises(SealBrokenError):
            sealer.open(bytes(broken), **PLACE)


def test_another_key_does_not_open() -> None:
    """A stolen database without the key file stays shut; short rubbish is refused alike."""
    sealed = make().seal("secret", **PLACE)
    for rubbish in (sealed, b"", b"\x01", b"\x02" + sealed[1:], sealed[:14]):
        with pytest.raises(SealBrokenError):
            make().open(rubbish, **PLACE)


def test_the_same_value_is_sealed_differently_each_time() -> None:
    """Two rows with equal content do not look alike."""
    sealer = make()
    assert len({sealer.seal("same", **PLACE) for _ in range(100)}) == 100


def test_an_index_finds_equals_of_one_purpose_only() -> None:
    """Equal values agree, other purposes and other keys do not."""
    sealer = make()
    assert sealer.blind_index("phone", "0101") == sealer.blind_index("phone", "0101")
    assert sealer.blind_index("phone", "0101") != sealer.blind_index("counter", "0101")
    assert sealer.blind_index("phone", "0101") != make().blind_index("phone", "0101")


def test_screen_numbers_are_derived_and_spread() -> None:
    """The same parts give the same number; all hundred two-digit numbers occur about equally."""
    sealer = make()
    assert sealer.digits(2, "run", "ars", "1") == sealer.digits(2, "run", "ars", "1")
    seen = [sealer.digits(2, "run", str(index)) for index in range(20_000)]
    counts = {number: seen.count(number) for number in set(seen)}
    assert len(counts) == 100
    assert 130 < min(counts.values()) <= max(counts.values()) < 280
    assert {len(sealer.digits(6, str(index))) for index in range(1000)} == {6}


@pytest.mark.parametrize("count", [0, 10])
def test_only_sensible_lengths_are_derived(count: int) -> None:
    """No digits, or more than nine, are a mistake of ours."""
    with pytest.raises(ValueError, match="between one and nine"):
        make().digits(count, "x")


def test_a_key_of_another_length_is_refused() -> None:
    """Keys have 32 bytes."""
    with pytest.raises(SealBrokenError):
        Sealer(field_key=b"short", numbers_key=os.urandom(32))
