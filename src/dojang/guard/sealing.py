"""Field sealing: what must be stored but not read, and what must be found but not stored.

Three uses with keys, all three derived (HKDF-SHA256) from two key files so that neither file alone tells both
the content and the index:

* `Sealer.seal` / `Sealer.open`: JSON values under AES-256-GCM-SIV (RFC 8452). The table, the column and the
  row id are authenticated with the text, so a sealed value copied to another row does not open.
* `Sealer.blind_index`: HMAC-SHA256 of a value under the second key: equal values can be found, none read.
* `digest_of`: a bearer token is random enough to need no key, SHA-256 alone.
* `Sealer.digits`: numbers shown on the screen, derived instead of stored (RFC 4226's dynamic truncation).
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import json
import os
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from dojang.pki.errors import DojangError

KEY_BYTES: Final = 32
VERSION: Final = 1
_NONCE: Final = 12
_MAX_DIGITS: Final = 9


class SealBrokenError(DojangError):
    """A sealed value does not open: another row's, another key's, or altered."""

    code = "seal_broken"


def _derive(key: bytes, info: str) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=KEY_BYTES, salt=None, info=info.encode()).derive(key)


class Sealer:
    """Seals and indexes under two independent 32-byte keys; the version byte leads every sealed value."""

    def __init__(self, *, field_key: bytes, numbers_key: bytes) -> None:
        if len(field_key) != KEY_BYTES or len(numbers_key) != KEY_BYTES:
            raise SealBrokenError("a sealing key must have 32 bytes")
        self._box = AESGCMSIV(_derive(field_key, "dojang field v1"))
        self._index = _derive(numbers_key, "dojang blind index v1")
        self._numbers = _derive(numbers_key, "dojang screen numbers v1")
        #: By the key's file: tells in a database which key it was sealed with, and nothing of the key.
        self.marks = {
            "field.key": _derive(field_key, "dojang mark v1"),
            "numbers.key": _derive(numbers_key, "dojang mark v1"),
        }

    def seal(self, value: Any, *, table: str, column: str, row: str) -> bytes:
        """Seal a JSON value for one place in the database."""
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        nonce = os.urandom(_NONCE)
        return bytes([VERSION]) + nonce + self._box.encrypt(nonce, text, _place(table, column, row))

    def open(self, sealed: bytes, *, table: str, column: str, row: str) -> Any:
        """Open what `seal` made for the same place. Raises `SealBrokenError`."""
        sealed = bytes(sealed)
        if len(sealed) <= 1 + _NONCE or sealed[0] != VERSION:
            raise SealBrokenError("unknown sealed form")
        nonce, text = sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :]
        try:
            return json.loads(self._box.decrypt(nonce, text, _place(table, column, row)))
        except InvalidTag as error:
            raise SealBrokenError("a sealed value does not open") from error

    def blind_index(self, purpose: str, value: str) -> bytes:
        """Return 32 bytes that are equal for equal values of one purpose and say nothing else."""
        return hmac.digest(self._index, f"{purpose}\x00{value}".encode(), "sha256")

    def digits(self, count: int, *parts: str) -> str:
        """Derive `count` (1–9) decimal digits from the parts; the same parts give the same digits."""
        if not 1 <= count <= _MAX_DIGITS:
            raise ValueError("between one and nine digits can be derived")
        mac = hmac.digest(self._numbers, "\x00".join(parts).encode(), "sha256")
        offset = mac[-1] & 0x0F
        number = int.from_bytes(mac[offset : offset + 8], "big")
        return str(number % 10**count).zfill(count)


def digest_of(token: str) -> str:
    """Return a bearer token (long, random, from us) as it is stored: SHA-256, hexadecimal."""
    return hashlib.sha256(token.encode()).hexdigest()


def _place(table: str, column: str, row: str) -> bytes:
    return f"{table}|{column}|{row}".encode()


@functools.cache
def _sealer_for(field_key: bytes, numbers_key: bytes) -> Sealer:
    return Sealer(field_key=field_key, numbers_key=numbers_key)


def sealer() -> Sealer:
    """Return the sealer of this installation (settings ``DOJANG_FIELD_KEY`` and ``DOJANG_NUMBERS_KEY``)."""
    return _sealer_for(bytes(settings.DOJANG_FIELD_KEY), bytes(settings.DOJANG_NUMBERS_KEY))
