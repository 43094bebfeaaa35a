"""Customer keys: made here, gated by a PIN and by a secret that never leaves this process.

What is where: the caller keeps the sealed part, this store a secret for each key, the customer the PIN; all
three are needed. Attempts are counted, durably, *before* a PIN is tried; tries with one key come one after
another, so that the count is exact however many arrive together.

An authorisation is (key, digest, purpose) and works once: the journal refuses it a second time.

A changed PIN makes another sealed part under another secret. Both parts work until the new one is used or
settled, because only the caller knows which of them it managed to keep; then the older one is destroyed.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgpack
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from dojang.pki.npki.vid import compute_vid
from dojang.pki.signing import public_key_bytes
from dojang.ports.signer_errors import (
    AuthorisationUsedError,
    KeyConflictError,
    KeyRetiredError,
    KeyUnknownError,
    PinLockedError,
    PinReusedError,
    PinWrongError,
    SealedMismatchError,
    SignerBusyError,
    SignerError,
)
from dojang.signer.authority import generate, private_bytes
from dojang.signer.vault import PinCost, PinStretcher, new_salt, open_part, replay_key, seal_part, sealed_salt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dojang.signer.store import SignerStore, Tx
    from dojang.signer.switch import Switch
    from dojang.signer.timekeeping import TimeKeeper
    from dojang.signer.vault import Vault

#: Octets of R, the random number in the VID (KCAC.TS.SIVID: at least 160 bits).
_R: Final = 20
_SECRET: Final = 32
_DIGEST: Final = Prehashed(hashes.SHA256())
_ALGORITHM: Final = "ec-p256"
_NONCE: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerLimits:
    """Figures of this room."""

    pin_errors: int = 5  #: wrong PINs in a row that lock a key for ever
    comparisons: int = 20  #: how often a key's PIN may be compared with a new one's, ever
    patience: float = 8.0  #: seconds a request may wait in all; below the clients' time-out
    cost: PinCost = field(default_factory=PinCost)
    at_once: int = 2  #: PINs tried at the same time


@dataclass(frozen=True, slots=True)
class _Row:
    """One stored key. Secrets are sealed under the vault."""

    key_id: str
    customer_id: str
    state: str
    attempts: int
    secret: bytes | None
    replay: bytes | None
    sealed_sha256: bytes
    cost: PinCost


@dataclass(frozen=True, slots=True)
class _Part:
    """A sealed part as it stands here: the secret that goes with it, and its place behind the first one."""

    secret: bytes | None
    cost: PinCost
    salt: bytes
    newer: int | None = None  #: row of `wallet_part`; None for the part the key stands on


_FIND: Final = (
    "SELECT customer_id, state, attempts, secret, replay, sealed_sha256, memory_kib, passes"
    " FROM wallet_key WHERE key_id = ?"
)


class Customers:
    """All customer keys of a store."""

    def __init__(
        self, store: SignerStore, vault: Vault, switch: Switch, time: TimeKeeper, limits: CustomerLimits
    ) -> None:
        self._store = store
        self._vault = vault
        self._switch = switch
        self._time = time
        self._limits = limits
        self._stretcher = PinStretcher(at_once=limits.at_once)
        self._turns: dict[str, tuple[threading.Lock, int]] = {}
        self._turning = threading.Lock()

    # ------------------------------------------------------------------ making

    def create(
        self, key_id: str, customer_id: str, pin: str, idn: str, previous: tuple[str, bytes] | None
    ) -> dict[str, Any]:
        """Make a key; the same call again gives the same answer until the key is first used.

        The repeat needs the same customer, PIN and identification number; anything else counts as a wrong
        PIN (`PinWrongError`) or is `KeyConflictError`. Raises `PinReusedError` when the PIN opens `previous`.
        """
        self._switch.check()
        until = self._until()
        with self._turn(key_id, until):
            if self._find(key_id) is not None:
                return self._replay(key_id, customer_id, pin, idn, until)
            compared = False
            if previous is not None:
                if previous[0] == key_id:
                    raise KeyConflictError("a key cannot replace itself")
                compared = self._compare(customer_id, pin, previous, until)
            offer, keep = self._make(key_id, customer_id, pin, idn, until)
            replaces = None if previous is None else previous[0]
            self._store.commit(lambda tx: keep(tx, replaces, compared))
            return offer

    def _make(
        self, key_id: str, customer_id: str, pin: str, idn: str, until: float
    ) -> tuple[dict[str, Any], Callable[[Tx, str | None, bool], None]]:
        """Return a new key's offer and what has to be written before it may be given out."""
        cost, secret, salt, r = self._limits.cost, os.urandom(_SECRET), new_salt(), os.urandom(_R)
        vid = compute_vid(idn, r)
        private = generate(_ALGORITHM)
        with self._stretcher.slot(until):
            stretched = self._stretcher.stretch(pin, salt, cost)
        sealed = seal_part(
            key_id, stretched=stretched, salt=salt, secret=secret, plain=r + private_bytes(private)
        )
        offer = {"public_key": public_key_bytes(private), "vid": vid, "sealed": sealed}
        # The answer may be lost on its way. A copy waits until the key is first used, under a key that needs
        # the identification number besides PIN and secret, so that this store alone still opens nothing.
        nonce = os.urandom(_NONCE)
        copy_key = replay_key(key_id, stretched=stretched, secret=secret, idn=idn)
        copy = salt + nonce + AESGCM(copy_key).encrypt(nonce, _pack(offer), key_id.encode())
        kept = self._vault.seal(_secret_name(key_id, customer_id), secret)

        def keep(tx: Tx, replaces: str | None, compared: bool) -> None:  # noqa: FBT001 - of one call
            tx.run(
                "INSERT INTO wallet_key"
                " (key_id, customer_id, state, secret, replay, sealed_sha256, memory_kib, passes)"
                " VALUES (?, ?, 'active', ?, ?, ?, ?, ?)",
                (
                    key_id,
                    customer_id,
                    kept,
                    copy,
                    hashlib.sha256(sealed).digest(),
                    cost.memory_kib,
                    cost.passes,
                ),
            )
            tx.record(
                "create_wallet_key",
                key_id=key_id,
                customer_id=customer_id,
                spki_sha256=hashlib.sha256(offer["public_key"]).hexdigest(),
                replaces=replaces,
                compared=compared,
            )

        return offer, keep

    def _replay(self, key_id: str, customer_id: str, pin: str, idn: str, until: float) -> dict[str, Any]:
        """Give the recorded answer again. A try like any other: counted first."""
        row = self._usable(key_id)
        if row.customer_id != customer_id or row.replay is None:
            raise KeyConflictError("the key id is taken")
        secret = self._secret(row)
        salt, nonce, text = row.replay[:16], row.replay[16 : 16 + _NONCE], row.replay[16 + _NONCE :]
        with self._stretcher.slot(until):
            left = self._count(row)
            stretched = self._stretcher.stretch(pin, salt, row.cost)
        try:
            plain = AESGCM(replay_key(key_id, stretched=stretched, secret=secret, idn=idn)).decrypt(
                nonce, text, key_id.encode()
            )
        except InvalidTag:
            raise self._wrong(row, left) from None
        self._store.commit(lambda tx: _forgive(tx, key_id))
        return dict(_unpack(plain))

    def _compare(self, customer_id: str, pin: str, previous: tuple[str, bytes], until: float) -> bool:
        """Raise `PinReusedError` when the PIN opens the key being replaced; tell whether it was tried.

        A comparison tells whether a PIN is right, so comparisons are counted too, before they are made, and
        end for ever at their limit: then a reused PIN goes unnoticed, but nobody can search for a PIN this
        way, and nobody is kept from replacing a key. They are no attempts: a new PIN is meant to differ.
        A retired key cannot be compared either.
        """
        key_id, sealed = previous
        with self._turn(key_id, until):
            row = self._find(key_id)
            if row is None:
                raise KeyUnknownError("no such customer key")
            if row.customer_id != customer_id:
                raise KeyConflictError("the key being replaced is another customer's")
            if row.state == "retired":
                return False
            part = self._part_of(row, sealed)

            def count(tx: Tx) -> bool:
                changed = tx.run(
                    "UPDATE wallet_key SET comparisons = comparisons + 1"
                    " WHERE key_id = ? AND comparisons < ?",
                    (key_id, self._limits.comparisons),
                )
                return changed.rowcount == 1

            with self._stretcher.slot(until):
                if not self._store.commit(count):
                    return False
                stretched = self._stretcher.stretch(pin, part.salt, part.cost)
            secret = self._secret(row, part)
            if open_part(key_id, stretched=stretched, secret=secret, sealed=sealed) is not None:
                raise PinReusedError("the PIN is the one of the key being replaced")
            return True

    # ------------------------------------------------------------------ using

    def sign(self, key_id: str, sealed: bytes, pin: str, digest: bytes, purpose: str) -> bytes:
        """Sign a SHA-256 digest, in the order below; the signature leaves only after step 7."""
        # 1. Signing is not stopped, and the clock is to be trusted.
        self._switch.check()
        self._time.check()
        until = self._until()
        with self._turn(key_id, until):
            # 2. The key is usable and the sealed part is its own: nothing is counted before that.
            row = self._usable(key_id)
            part = self._part_of(row, sealed)
            # 3. The authorisation is new.
            authorisation = _authorisation(key_id, digest, purpose)
            if self._store.read("SELECT 1 FROM journal WHERE authorisation = ?", (authorisation,)):
                raise AuthorisationUsedError("this was signed before")
            # 4. A slot for the costly part, so that being busy costs nobody an attempt; then count, durably.
            with self._stretcher.slot(until):
                left = self._count(row)
                # 5. Try the PIN.
                stretched = self._stretcher.stretch(pin, part.salt, part.cost)
            plain = open_part(key_id, stretched=stretched, secret=self._secret(row, part), sealed=sealed)
            if plain is None:
                raise self._wrong(row, left)
            # 6. Sign.
            private = serialization.load_der_private_key(plain[_R:], None)
            if not isinstance(private, ec.EllipticCurvePrivateKey):
                raise SignerError("the sealed key is of another kind")
            signature = private.sign(digest, ec.ECDSA(_DIGEST))

            # 7. Record, durably, and forgive the attempts. A part that was used is the one that counts.
            def keep(tx: Tx) -> None:
                self._record(tx, key_id, authorisation, digest, purpose)
                _stand_on(tx, row, part)

            self._store.commit(keep)
        return signature

    def _record(self, tx: Tx, key_id: str, authorisation: str, digest: bytes, purpose: str) -> None:
        self._switch.check()  # again, inside the transaction: after a halt nothing more gets out
        try:
            tx.record(
                "sign_with_wallet",
                key_id=key_id,
                authorisation=authorisation,
                digest_sha256=hashlib.sha256(digest).hexdigest(),
                purpose=purpose,
            )
        except sqlite3.IntegrityError:
            raise AuthorisationUsedError("this was signed before") from None
        _forgive(tx, key_id)
        tx.run("UPDATE wallet_key SET replay = NULL WHERE key_id = ? AND replay IS NOT NULL", (key_id,))

    # ------------------------------------------------------------------ changing the PIN

    def change_pin(self, key_id: str, sealed: bytes, pin: str, new_pin: str) -> bytes:
        """Seal a key under another PIN and another secret; return the new sealed part.

        The attempt with the old PIN is counted first, as for a signature. The part before keeps working until
        the new one is used or settled, so a lost answer changes nothing. Raises `PinReusedError`, without
        trying anything, when both PINs are the same.
        """
        self._switch.check()
        self._time.check()
        if pin == new_pin:
            raise PinReusedError("the new PIN is the old one")
        until = self._until()
        with self._turn(key_id, until):
            row = self._usable(key_id)
            part = self._part_of(row, sealed)
            cost, fresh, salt = self._limits.cost, os.urandom(_SECRET), new_salt()
            with self._stretcher.slot(until):
                left = self._count(row)
                stretched = self._stretcher.stretch(pin, part.salt, part.cost)
                plain = open_part(key_id, stretched=stretched, secret=self._secret(row, part), sealed=sealed)
                if plain is None:
                    raise self._wrong(row, left)
                stretched = self._stretcher.stretch(new_pin, salt, cost)
            again = seal_part(key_id, stretched=stretched, salt=salt, secret=fresh, plain=plain)
            kept = self._vault.seal(_secret_name(key_id, row.customer_id), fresh)
            digest = hashlib.sha256(again).digest()

            def keep(tx: Tx) -> None:
                self._switch.check()
                _stand_on(tx, row, part)
                tx.run(
                    "INSERT INTO wallet_part (key_id, sealed_sha256, secret, memory_kib, passes)"
                    " VALUES (?, ?, ?, ?, ?)",
                    (key_id, digest, kept, cost.memory_kib, cost.passes),
                )
                # The copy of the first answer is under the first PIN.
                tx.run("UPDATE wallet_key SET replay = NULL WHERE key_id = ?", (key_id,))
                tx.record("change_wallet_pin", key_id=key_id, part=digest.hex())
                _forgive(tx, key_id)

            self._store.commit(keep)
            return again

    def settle_pin(self, key_id: str, sealed: bytes) -> None:
        """Destroy what opens the parts before this one: the caller has kept it. Again is no harm."""
        with self._turn(key_id, self._until()):
            row = self._find(key_id)
            if row is None:
                raise KeyUnknownError("no such customer key")
            if row.state == "retired":
                raise KeyRetiredError("the key is retired")
            part = self._part_of(row, sealed)
            if part.newer is None:
                return

            def keep(tx: Tx) -> None:
                _stand_on(tx, row, part)
                tx.record("settle_wallet_pin", key_id=key_id, part=hashlib.sha256(sealed).hexdigest())

            self._store.commit(keep)
        self._store.scrub()

    def retire(self, key_id: str) -> None:
        """Destroy the secret of a key; again is no harm."""
        with self._turn(key_id, self._until()):
            row = self._find(key_id)
            if row is None:
                raise KeyUnknownError("no such customer key")
            if row.state == "retired":
                return

            def keep(tx: Tx) -> None:
                tx.run(
                    "UPDATE wallet_key SET state = 'retired', secret = NULL, replay = NULL WHERE key_id = ?",
                    (key_id,),
                )
                tx.run("DELETE FROM wallet_part WHERE key_id = ?", (key_id,))
                tx.record("retire_wallet_key", key_id=key_id)

            self._store.commit(keep)
        self._store.scrub()

    # ------------------------------------------------------------------ attempts

    def _count(self, row: _Row) -> int:
        """Count an attempt durably and return how many are left after it. Raises `PinLockedError`."""

        def count(tx: Tx) -> int:
            changed = tx.run(
                "UPDATE wallet_key SET attempts = attempts + 1 WHERE key_id = ? AND attempts < ?"
                " RETURNING attempts",
                (row.key_id, self._limits.pin_errors),
            ).fetchone()
            if changed is None:
                raise PinLockedError("the key is locked")
            return self._limits.pin_errors - int(changed[0])

        return self._store.commit(count)

    def _wrong(self, row: _Row, left: int) -> PinWrongError | PinLockedError:
        """Return the refusal for a wrong PIN; the last one locks, which the count already did."""
        if left > 0:
            return PinWrongError("the PIN is wrong", left=left)
        self._store.commit(lambda tx: tx.record("lock_wallet_key", key_id=row.key_id))
        return PinLockedError("the key is locked")

    def _usable(self, key_id: str) -> _Row:
        row = self._find(key_id)
        if row is None:
            raise KeyUnknownError("no such customer key")
        if row.state == "retired":
            raise KeyRetiredError("the key is retired")
        if row.attempts >= self._limits.pin_errors:
            raise PinLockedError("the key is locked")
        return row

    def _find(self, key_id: str) -> _Row | None:
        rows = self._store.read(_FIND, (key_id,))
        if not rows:
            return None
        customer_id, state, attempts, secret, replay, sealed_sha256, memory_kib, passes = rows[0]
        cost = PinCost(memory_kib, passes)
        return _Row(key_id, customer_id, state, attempts, secret, replay, sealed_sha256, cost)

    def _part_of(self, row: _Row, sealed: bytes) -> _Part:
        """Return which of this key's sealed parts this is. Raises `SealedMismatchError` for any other."""
        digest = hashlib.sha256(sealed).digest()
        if digest == row.sealed_sha256:
            return _Part(row.secret, row.cost, sealed_salt(row.key_id, sealed))
        found = self._store.read(
            "SELECT id, secret, memory_kib, passes FROM wallet_part WHERE key_id = ? AND sealed_sha256 = ?",
            (row.key_id, digest),
        )
        if not found:
            raise SealedMismatchError("the sealed part is not the one made for this key")
        newer, secret, memory_kib, passes = found[0]
        return _Part(secret, PinCost(memory_kib, passes), sealed_salt(row.key_id, sealed), newer)

    def _secret(self, row: _Row, part: _Part | None = None) -> bytes:
        kept = row.secret if part is None else part.secret
        if kept is None:
            raise KeyRetiredError("the key is retired")
        return self._vault.open(_secret_name(row.key_id, row.customer_id), kept)

    def _until(self) -> float:
        return time.monotonic() + self._limits.patience

    @contextmanager
    def _turn(self, key_id: str, until: float) -> Iterator[None]:
        """Hold the only turn with one key. Raises `SignerBusyError` when it does not come in time."""
        with self._turning:
            lock, waiting = self._turns.get(key_id, (threading.Lock(), 0))
            self._turns[key_id] = (lock, waiting + 1)
        try:
            if not lock.acquire(timeout=max(0.0, until - time.monotonic())):
                raise SignerBusyError("too many requests for one key")
            try:
                yield
            finally:
                lock.release()
        finally:
            with self._turning:
                lock, waiting = self._turns[key_id]
                if waiting == 1:
                    del self._turns[key_id]
                else:
                    self._turns[key_id] = (lock, waiting - 1)


def _forgive(tx: Tx, key_id: str) -> None:
    tx.run("UPDATE wallet_key SET attempts = 0 WHERE key_id = ?", (key_id,))


def _stand_on(tx: Tx, row: _Row, part: _Part) -> None:
    """Let a key stand on a newer part; what opens the parts before it is destroyed.

    Parts newer still are left: somebody may be keeping one of them at this moment.
    """
    if part.newer is None:
        return
    tx.run(
        "UPDATE wallet_key SET (secret, sealed_sha256, memory_kib, passes) ="
        " (SELECT secret, sealed_sha256, memory_kib, passes FROM wallet_part WHERE id = ?) WHERE key_id = ?",
        (part.newer, row.key_id),
    )
    tx.run("DELETE FROM wallet_part WHERE key_id = ? AND id <= ?", (row.key_id, part.newer))


def _authorisation(key_id: str, digest: bytes, purpose: str) -> str:
    """Return the name of an authorisation: what makes it the same one when it comes again."""
    return hashlib.sha256(b"\x00".join((key_id.encode(), purpose.encode(), digest))).hexdigest()


def _secret_name(key_id: str, customer_id: str) -> str:
    return f"wallet|{key_id}|{customer_id}"


def _pack(offer: dict[str, bytes]) -> bytes:
    packer: Any = msgpack
    return bytes(packer.packb(offer, use_bin_type=True))


def _unpack(plain: bytes) -> dict[str, bytes]:
    packer: Any = msgpack
    return dict(packer.unpackb(plain, raw=False))
