"""Encryption of what the signer keeps, and the two-part seal of customer keys.

At rest: AES-256-GCM under a key that scrypt (RFC 7914) makes from the passphrase in ``secrets/signer.pass``;
the row's name is authenticated with it, so that rows cannot be exchanged.

A customer key: AES-256-GCM under HKDF-SHA256(argon2id(PIN) ‖ secret kept by the signer). The sealed part is
the caller's to keep. Whoever steals it lacks the secret; whoever steals the signer's store lacks the part.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from dojang.pki.errors import MalformedError
from dojang.ports.signer_errors import SignerBusyError, SignerError

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEY = 32
_NONCE = 12
_SALT = 16
_TAG = 16
_SCRYPT_N, _SCRYPT_R, _SCRYPT_P = 1 << 15, 8, 1  # 32 MiB, about 0.1 s: once at each start
_MAGIC = b"DJW1"
_CHECK = b"dojang signer store"


class VaultLockedError(SignerError):
    """The passphrase does not open this store."""

    code: ClassVar[str] = "vault_locked"


class Vault:
    """Encrypts and decrypts the store's secrets. Made once at start; keeps only the derived key."""

    def __init__(self, passphrase: bytes, salt: bytes) -> None:
        key = Scrypt(salt=salt, length=_KEY, n=_SCRYPT_N, r=_SCRYPT_R, p=_SCRYPT_P).derive(passphrase)
        self._cipher = AESGCM(_expand(key, b"dojang signer at rest"))
        self.head_key = _expand(key, b"dojang signer journal head")

    def seal(self, name: str, plain: bytes) -> bytes:
        """Encrypt a value that belongs to `name`."""
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, plain, name.encode())

    def open(self, name: str, sealed: bytes) -> bytes:
        """Decrypt a value of `name`. Raises `VaultLockedError`."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], name.encode())
        except (InvalidTag, ValueError):
            raise VaultLockedError("the passphrase does not open this store") from None

    def make_check(self) -> bytes:
        """Return a value by which a later start recognises the passphrase."""
        return self.seal("check", _CHECK)

    def check(self, kept: bytes) -> None:
        """Raise `VaultLockedError` unless `kept` was made under the same passphrase."""
        self.open("check", kept)


def new_salt() -> bytes:
    """Return a fresh salt for `Vault`."""
    return os.urandom(_SALT)


def _expand(key: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=_KEY, salt=None, info=purpose).derive(key)


@dataclass(frozen=True, slots=True)
class PinCost:
    """What trying a PIN costs: argon2id memory in KiB and passes (RFC 9106 §4), one lane."""

    memory_kib: int = 19 * 1024
    passes: int = 2


class PinStretcher:
    """argon2id with a cap on how many run at once: each holds its memory and a core."""

    def __init__(self, *, at_once: int) -> None:
        self._slots = threading.BoundedSemaphore(at_once)

    @contextmanager
    def slot(self, until: float) -> Iterator[None]:
        """Hold the right to stretch. Raises `SignerBusyError` if none is free `until` (monotonic seconds)."""
        if not self._slots.acquire(timeout=max(0.0, until - time.monotonic())):
            raise SignerBusyError("too many PINs are being tried")
        try:
            yield
        finally:
            self._slots.release()

    @staticmethod
    def stretch(pin: str, salt: bytes, cost: PinCost) -> bytes:
        """Return 32 bytes from a PIN. Call inside `slot`."""
        return hash_secret_raw(
            pin.encode(),
            salt,
            time_cost=cost.passes,
            memory_cost=cost.memory_kib,
            parallelism=1,
            hash_len=_KEY,
            type=Type.ID,
        )


def key_tag(key_id: str) -> bytes:
    """Return the eight bytes that tell which customer key a sealed part belongs to."""
    return hashlib.sha256(b"dojang wallet key|" + key_id.encode()).digest()[:8]


def sealed_salt(key_id: str, sealed: bytes) -> bytes:
    """Return the salt of a sealed part. Raises `MalformedError` when it is not one of this key's."""
    start = len(_MAGIC) + 8
    if len(sealed) < start + _SALT + _NONCE + _TAG or not sealed.startswith(_MAGIC + key_tag(key_id)):
        raise MalformedError("not a sealed part of this key")
    return sealed[start : start + _SALT]


def seal_part(key_id: str, *, stretched: bytes, salt: bytes, secret: bytes, plain: bytes) -> bytes:
    """Seal a customer key's private part: magic, key tag, salt, nonce, AES-256-GCM."""
    head = _MAGIC + key_tag(key_id) + salt
    nonce = os.urandom(_NONCE)
    return head + nonce + _part_cipher(key_id, stretched, secret).encrypt(nonce, plain, head)


def open_part(key_id: str, *, stretched: bytes, secret: bytes, sealed: bytes) -> bytes | None:
    """Open a sealed part; None when PIN, secret or part do not belong together (which is not told)."""
    start = len(_MAGIC) + 8 + _SALT
    head, nonce, text = sealed[:start], sealed[start : start + _NONCE], sealed[start + _NONCE :]
    try:
        return _part_cipher(key_id, stretched, secret).decrypt(nonce, text, head)
    except InvalidTag:
        return None


def _part_cipher(key_id: str, stretched: bytes, secret: bytes) -> AESGCM:
    return AESGCM(
        HKDF(
            algorithm=hashes.SHA256(), length=_KEY, salt=None, info=b"dojang wallet seal|" + key_id.encode()
        ).derive(stretched + secret)
    )


def replay_key(key_id: str, *, stretched: bytes, secret: bytes, idn: str) -> bytes:
    """Return the key of the copy kept until first use, so that a lost answer can be given again.

    It needs the person's identification number as well, which is kept nowhere.
    """
    return HKDF(
        algorithm=hashes.SHA256(), length=_KEY, salt=None, info=b"dojang wallet replay|" + key_id.encode()
    ).derive(stretched + secret + idn.encode())
