"""What a thief gets from one half, and what nobody may find anywhere."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import sqlite3
from typing import TYPE_CHECKING

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from tests.unit.signer.processes import CHEAP, SignerProcess, hold_ceremony, signer_process

from dojang.pki.errors import DojangError
from dojang.ports.signer_errors import (
    KeyUnknownError,
    PinLockedError,
    PinReusedError,
    PinWrongError,
    SealedMismatchError,
)
from dojang.signer.vault import (
    PinCost,
    PinStretcher,
    Vault,
    VaultLockedError,
    open_part,
    replay_key,
    sealed_salt,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from dojang.ports.signer import WalletKeyOffer

#: Long enough to be nowhere by chance.
PIN, OTHER_PIN, IDN = "739158204617", "481726059338", "9807165804933"
CHEAP_COST = PinCost(64, 1)


def make(process: SignerProcess, key_id: str = "k", pin: str = PIN) -> WalletKeyOffer:
    """Make a customer key."""
    return process.client.create_wallet_key(key_id=key_id, customer_id="c", pin=pin, idn=IDN, previous=None)


def sign(process: SignerProcess, sealed: bytes, pin: str = PIN, text: str = "x", key_id: str = "k") -> bytes:
    """Sign with a customer key."""
    digest = hashlib.sha256(text.encode()).digest()
    return process.client.sign_with_wallet(
        key_id=key_id, sealed=sealed, pin=pin, digest=digest, purpose="login:1"
    )


def contents(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Return every file below a folder with its octets."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path, path.read_bytes()


def test_invariant_15_no_pin_and_no_number_is_anywhere(running: SignerProcess) -> None:
    """PINs right and wrong and the identification number are in no file, log, journal or error, ever."""
    client = running.client
    told: list[object] = []
    offer = make(running)
    sign(running, offer.sealed)
    asks: list[Callable[[], object]] = [
        lambda: sign(running, offer.sealed, OTHER_PIN, "y"),
        lambda: sign(running, offer.sealed, PIN),  # used already
        lambda: sign(running, offer.sealed[:-1], PIN, "z"),
        lambda: sign(running, offer.sealed, PIN, key_id="nobody"),
        lambda: client.create_wallet_key(
            key_id="k2", customer_id="c", pin=PIN, idn=IDN, previous=("k", offer.sealed)
        ),
        lambda: client.create_wallet_key(key_id="k", customer_id="d", pin=PIN, idn=IDN, previous=None),
        lambda: client.create_wallet_key(key_id="k3", customer_id="c", pin=PIN, idn=f"{IDN}x", previous=None),
        lambda: client.create_wallet_key(key_id="k 4", customer_id="c", pin=PIN, idn=IDN, previous=None),
    ]
    for ask in asks:
        with pytest.raises(DojangError) as caught:
            ask()
        told.append((repr(caught.value), str(caught.value), caught.value.detail, caught.value.data))
    assert [type(entry).__name__ for entry in told] == ["tuple"] * len(asks)
    told.extend(client.journal())
    told.append(offer)
    running.end()
    canaries = [PIN, OTHER_PIN, IDN]
    octets = [
        form
        for text in canaries
        for form in (text.encode(), text.encode("utf-16-le"), text.encode().hex().encode())
    ]
    files = list(contents(running.home))
    assert {path.name for path, _ in files} >= {"keys.db", "signer.pass", "signer.log"}
    for (path, data), canary in itertools.product(files, octets):
        assert canary not in data, path
    assert [text for text in canaries if text in repr(told)] == []


def test_private_keys_are_not_in_clear(running: SignerProcess) -> None:
    """Nothing in the store looks like a private key; the sealed part is not kept at all once it was used."""
    hold_ceremony(running.client)
    offer = make(running)
    sign(running, offer.sealed)
    running.end()
    for path, data in contents(running.home):
        # An EC PrivateKeyInfo names the algorithm and then holds version 1 and 32 octets (RFC 5915 §3).
        assert bytes.fromhex("02010104") + b"\x20" not in data, path
        assert offer.sealed not in data, path


@contextlib.contextmanager
def stolen(process: SignerProcess) -> Iterator[tuple[sqlite3.Connection, Vault]]:
    """Open the store of a stopped signer with everything its folder holds, passphrase included."""
    process.end()
    store = sqlite3.connect(process.home / "signer" / "keys.db")
    try:
        ((salt,),) = store.execute("SELECT value FROM meta WHERE name = 'vault_salt'")
        passphrase = (process.home / "secrets" / "signer.pass").read_bytes().strip()
        yield store, Vault(passphrase, salt)
    finally:
        store.close()


def test_invariant_11_the_sealed_part_alone_gives_nothing(running: SignerProcess) -> None:
    """Whoever has the database and even the PIN opens nothing without the signer's secret of that key."""
    offer, other = make(running), make(running, "other")
    stretched = PinStretcher.stretch(PIN, sealed_salt("k", offer.sealed), CHEAP_COST)
    with stolen(running) as (store, vault):
        secrets = {
            key_id: vault.open(f"wallet|{key_id}|c", kept)
            for key_id, kept in store.execute("SELECT key_id, secret FROM wallet_key")
        }
    for secret in (bytes(32), secrets["other"]):
        assert open_part("k", stretched=stretched, secret=secret, sealed=offer.sealed) is None
    assert open_part("k", stretched=stretched, secret=secrets["k"], sealed=offer.sealed) is not None
    with signer_process(*CHEAP) as foreign:
        with pytest.raises(KeyUnknownError):
            sign(foreign, offer.sealed)
        make(foreign)
        with pytest.raises(SealedMismatchError):
            sign(foreign, offer.sealed)
    assert other.sealed != offer.sealed


def test_invariant_11_the_signers_store_alone_gives_nothing(running: SignerProcess) -> None:
    """Whoever has the store, its passphrase and the PIN finds no key to open: the caller keeps that part."""
    offer = make(running)
    sign(running, offer.sealed)
    with stolen(running) as (store, vault):
        ((secret, replay),) = store.execute("SELECT secret, replay FROM wallet_key")
        assert len(vault.open("wallet|k|c", secret)) == 32
        assert replay is None


def test_the_copy_kept_until_first_use_needs_the_person_too(running: SignerProcess) -> None:
    """Before the first use the store holds a copy of the answer: without the number it does not open."""
    offer = make(running)
    with stolen(running) as (store, vault):
        ((secret, replay),) = store.execute("SELECT secret, replay FROM wallet_key")
        opened = vault.open("wallet|k|c", secret)
    salt, nonce, text = replay[:16], replay[16:28], replay[28:]
    stretched = PinStretcher.stretch(PIN, salt, CHEAP_COST)

    def attempt(idn: str) -> bytes:
        key = replay_key("k", stretched=stretched, secret=opened, idn=idn)
        return AESGCM(key).decrypt(nonce, text, b"k")

    for idn in ("", "9807165804934"):
        with pytest.raises(InvalidTag):
            attempt(idn)
    assert offer.sealed in attempt(IDN)


def test_rows_cannot_be_exchanged(running: SignerProcess) -> None:
    """A secret put into another key's row, or under another customer's name, does not open."""
    make(running)
    make(running, "other")
    with stolen(running) as (store, vault):
        for key_id, kept in store.execute("SELECT key_id, secret FROM wallet_key").fetchall():
            assert len(vault.open(f"wallet|{key_id}|c", kept)) == 32
            for name in ("wallet|k|d", "wallet|other|d", "authority|k"):
                with pytest.raises(VaultLockedError):
                    vault.open(name, kept)


def test_a_retired_keys_secret_is_destroyed(running: SignerProcess) -> None:
    """Retiring erases the secret from row, file and log, so that a later theft opens nothing."""
    offer = make(running)
    sign(running, offer.sealed)
    store = sqlite3.connect(running.home / "signer" / "keys.db")
    ((kept,),) = store.execute("SELECT secret FROM wallet_key").fetchall()
    store.close()
    running.client.retire_wallet_key(key_id="k")
    for path, data in contents(running.home):
        assert kept not in data, path
    running.end()
    for path, data in contents(running.home):
        assert kept not in data, path


def test_invariant_10_no_verb_is_a_way_around_the_count(running: SignerProcess) -> None:
    """Guesses through repeated creation and through signing share one count of five."""
    offer = make(running)

    def by_creation(pin: str) -> None:
        make(running, pin=pin)

    def by_signing(pin: str) -> None:
        sign(running, offer.sealed, pin)

    for left, guess in zip((4, 3, 2, 1), (by_creation, by_signing, by_creation, by_signing), strict=True):
        with pytest.raises(PinWrongError) as wrong:
            guess(OTHER_PIN)
        assert wrong.value.data == {"left": left}
    for guess in (by_creation, by_signing, by_creation):
        with pytest.raises(PinLockedError):
            guess(OTHER_PIN)
    with pytest.raises(PinLockedError):
        by_creation(PIN)
    # A locked key still shows that its PIN must not come again.
    with pytest.raises(PinReusedError):
        running.client.create_wallet_key(
            key_id="new", customer_id="c", pin=PIN, idn=IDN, previous=("k", offer.sealed)
        )


def test_a_settled_change_destroys_what_opened_the_part_before(running: SignerProcess) -> None:
    """The secret of the part before is erased from row, file and log; a stolen old part opens nothing."""
    offer = make(running)
    store = sqlite3.connect(running.home / "signer" / "keys.db")
    ((kept,),) = store.execute("SELECT secret FROM wallet_key").fetchall()
    store.close()
    sealed = running.client.change_wallet_pin(key_id="k", sealed=offer.sealed, pin=PIN, new_pin=OTHER_PIN)
    running.client.settle_wallet_pin(key_id="k", sealed=sealed)
    for path, data in contents(running.home):
        assert kept not in data, path
    sign(running, sealed, OTHER_PIN)
