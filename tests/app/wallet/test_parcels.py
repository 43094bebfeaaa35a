"""The relay of certificate copies: ciphertext, once, for ten minutes."""

from __future__ import annotations

import dataclasses
import secrets
from typing import TYPE_CHECKING

import pytest
from tests.journeys.app.walker import in_parallel

from dojang.ports.acting import Acting
from dojang.wallet.devices.actions.parcels import fetch_parcel, forget_parcels, put_parcel
from dojang.wallet.devices.errors import (
    ParcelBusyError,
    ParcelMalformedError,
    ParcelNotFoundError,
    ParcelTakenError,
    ParcelTooLargeError,
)
from dojang.wallet.devices.models import Parcel

if TYPE_CHECKING:
    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)
PC = Acting(kind="customer", source="198.51.100.7", channel="web")
PHONE = dataclasses.replace(PC, source="203.0.113.5", channel="app")
LOCATOR = "ab" * 32


def put(world: World, locator: str = LOCATOR, content: bytes = b"ciphertext", acting: Acting = PC) -> None:
    """Leave a parcel."""
    put_parcel(locator, content, acting=acting, world=world)


def fetch(world: World, locator: str = LOCATOR) -> bytes:
    """Fetch a parcel on the telephone."""
    return fetch_parcel(locator, acting=PHONE, world=world)


def test_a_parcel_is_fetched_once_and_gone(world: World) -> None:
    """The second one who asks finds nothing, and nothing is left in the table."""
    content = secrets.token_bytes(16_384)
    put(world, content=content)
    assert fetch(world) == content
    with pytest.raises(ParcelNotFoundError):
        fetch(world)
    assert Parcel.objects.count() == 0


def test_one_of_twenty_at_once_gets_it(world: World) -> None:
    """Twenty fetch at the same moment."""
    put(world)
    results = in_parallel(20, lambda _n: fetch(world))
    assert results.count(b"ciphertext") == 1
    assert sum(isinstance(result, ParcelNotFoundError) for result in results) == 19


def test_a_parcel_waits_ten_minutes(world: World) -> None:
    """Afterwards it is not handed out, and it is deleted by whoever asks or clears away."""
    put(world)
    put(world, "cd" * 32)
    world.clock.advance(world.policy.devices.parcel_ttl + 1)  # type: ignore[attr-defined]
    with pytest.raises(ParcelNotFoundError):
        fetch(world)
    assert forget_parcels(world=world) == 1
    assert Parcel.objects.count() == 0


def test_the_locator_itself_is_not_stored(world: World) -> None:
    """Whoever sees the table cannot fetch from it, and sees no digit of the number."""
    put(world)
    assert bytes.fromhex(LOCATOR) != bytes(Parcel.objects.get().locator)


def test_a_locator_in_use_is_taken(world: World) -> None:
    """The same parcel again is the same one; another under its locator is refused."""
    put(world)
    put(world)
    with pytest.raises(ParcelTakenError):
        put(world, content=b"other")
    with pytest.raises(ParcelTakenError):
        put(world, acting=PHONE)
    assert fetch(world) == b"ciphertext"


@pytest.mark.parametrize("locator", ["", "123456", "AB" * 32, "zz" * 32, "ab" * 33])
def test_only_a_whole_locator_is_taken(world: World, locator: str) -> None:
    """Digits of the number, for example, are refused: they must not come here."""
    with pytest.raises(ParcelMalformedError):
        put(world, locator)
    with pytest.raises(ParcelNotFoundError):
        fetch(world, locator)


def test_what_is_too_large_or_empty_is_refused(world: World) -> None:
    """Sixteen kilobytes are the end."""
    with pytest.raises(ParcelTooLargeError):
        put(world, content=bytes(16_385))
    with pytest.raises(ParcelMalformedError):
        put(world, content=b"")
    assert Parcel.objects.count() == 0


def test_one_source_cannot_fill_the_relay(world: World) -> None:
    """Twenty waiting parcels from one source; others are still served."""
    for number in range(20):
        put(world, f"{number:064x}")
    with pytest.raises(ParcelBusyError):
        put(world, "ee" * 32)
    put(world, "ff" * 32, acting=PHONE)
    assert Parcel.objects.count() == 21
