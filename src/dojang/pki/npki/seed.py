"""The block cipher SEED (RFC 4269): CBC mode with PKCS #7 padding.

The cipher of OpenSSL is used where it was built in; otherwise the one below, which needs nothing. Both give
the same octets. The S-boxes are computed: S1(x) = A1·x^247 + 169 and S2(x) = A2·x^251 + 56 over GF(2^8)
modulo x^8+x^6+x^5+x+1 (RFC 4269 §2.2).
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.decrepit.ciphers.algorithms import SEED
from cryptography.hazmat.primitives.ciphers import Cipher, modes

BLOCK: Final = 16  #: octets of a block, of a key and of a vector
_ROUNDS: Final = 16
_WORD: Final = 0xFFFFFFFF
_POLYNOMIAL: Final = 0x163
#: Rows of the matrices, first row for the highest bit.
_A1: Final = (0x8A, 0xFE, 0x85, 0x42, 0x45, 0x21, 0x88, 0x14)
_A2: Final = (0x45, 0x85, 0xFE, 0x21, 0x8A, 0x88, 0x42, 0x14)
_MASKS: Final = (0xFC, 0xF3, 0xCF, 0x3F)


def encrypt_cbc(key: bytes, iv: bytes, plain: bytes) -> bytes:
    """Pad and encrypt; `key` and `iv` have 16 octets each (`ValueError`)."""
    _check(key, iv)
    if not fast():
        return encrypt_cbc_plainly(key, iv, plain)
    encryptor = Cipher(SEED(key), modes.CBC(iv)).encryptor()
    return encryptor.update(pad(plain, BLOCK)) + encryptor.finalize()


def decrypt_cbc(key: bytes, iv: bytes, cipher: bytes) -> bytes | None:
    """Undo `encrypt_cbc`; None when the padding is wrong, which nearly always means a wrong key.

    `ValueError` unless `cipher` is one whole block or more.
    """
    _check(key, iv)
    _check_blocks(cipher)
    if not fast():
        return decrypt_cbc_plainly(key, iv, cipher)
    decryptor = Cipher(SEED(key), modes.CBC(iv)).decryptor()
    return unpad(decryptor.update(cipher) + decryptor.finalize(), BLOCK)


@lru_cache(maxsize=1)
def fast() -> bool:
    """Whether OpenSSL's SEED can be used here. Some distributions build without it."""
    try:
        Cipher(SEED(bytes(BLOCK)), modes.CBC(bytes(BLOCK))).encryptor()
    except UnsupportedAlgorithm:
        return False
    return True


def pad(plain: bytes, size: int) -> bytes:
    """PKCS #7 padding up to whole blocks of `size` octets (RFC 5652 §6.3)."""
    fill = size - len(plain) % size
    return plain + bytes((fill,)) * fill


def unpad(padded: bytes, size: int) -> bytes | None:
    """Take the padding off; None when it is wrong."""
    fill = padded[-1] if padded else 0
    if not 1 <= fill <= size or padded[-fill:] != bytes((fill,)) * fill:
        return None
    return padded[:-fill]


def _check(key: bytes, iv: bytes) -> None:
    if len(key) != BLOCK or len(iv) != BLOCK:
        message = "SEED takes keys and vectors of 16 octets"
        raise ValueError(message)


def _check_blocks(cipher: bytes) -> None:
    if not cipher or len(cipher) % BLOCK:
        message = "not whole blocks"
        raise ValueError(message)


# --- the cipher itself --------------------------------------------------------------------------------


def encrypt_cbc_plainly(key: bytes, iv: bytes, plain: bytes) -> bytes:
    """As `encrypt_cbc`, without OpenSSL."""
    _check(key, iv)
    keys = _schedule(key)
    padded = pad(plain, BLOCK)
    out = [iv]
    for at in range(0, len(padded), BLOCK):
        mixed = int.from_bytes(padded[at : at + BLOCK]) ^ int.from_bytes(out[-1])
        out.append(_crypt(mixed.to_bytes(BLOCK), keys))
    return b"".join(out[1:])


def decrypt_cbc_plainly(key: bytes, iv: bytes, cipher: bytes) -> bytes | None:
    """As `decrypt_cbc`, without OpenSSL."""
    _check(key, iv)
    _check_blocks(cipher)
    keys = _schedule(key)[::-1]
    out, before = [], iv
    for at in range(0, len(cipher), BLOCK):
        block = cipher[at : at + BLOCK]
        out.append((int.from_bytes(_crypt(block, keys)) ^ int.from_bytes(before)).to_bytes(BLOCK))
        before = block
    return unpad(b"".join(out), BLOCK)


def encrypt_block(key: bytes, block: bytes) -> bytes:
    """One block of 16 octets, without OpenSSL."""
    _check(key, block)
    return _crypt(block, _schedule(key))


def decrypt_block(key: bytes, block: bytes) -> bytes:
    """Undo `encrypt_block`."""
    _check(key, block)
    return _crypt(block, _schedule(key)[::-1])


def _times(one: int, other: int) -> int:
    product = 0
    while other:
        if other & 1:
            product ^= one
        one = (one << 1) ^ (_POLYNOMIAL if one & 0x80 else 0)
        other >>= 1
    return product


def _box(rows: tuple[int, ...], exponent: int, added: int) -> list[int]:
    box = []
    for x in range(256):
        power = 1
        for bit in range(7, -1, -1):
            power = _times(power, power)
            if exponent >> bit & 1:
                power = _times(power, x)
        mapped = sum(((row & power).bit_count() & 1) << 7 - place for place, row in enumerate(rows))
        box.append(mapped ^ added)
    return box


@lru_cache(maxsize=1)
def _tables() -> tuple[tuple[int, ...], ...]:
    """S-box and masks in one look-up for each octet of G's argument, lowest octet first (RFC 4269 §2.2)."""
    one, two = _box(_A1, 247, 169), _box(_A2, 251, 56)
    return tuple(
        tuple(sum((y & _MASKS[(octet + shift) % 4]) << 8 * octet for octet in range(4)) for y in box)
        for shift, box in enumerate((one, two, one, two))
    )


@lru_cache(maxsize=8)
def _schedule(key: bytes) -> tuple[tuple[int, int], ...]:
    """Round keys (RFC 4269 §2.3)."""
    zero, one, two, three = _tables()

    def g(x: int) -> int:
        return zero[x & 255] ^ one[x >> 8 & 255] ^ two[x >> 16 & 255] ^ three[x >> 24]

    high, low = struct.unpack(">QQ", key)
    constant, keys, wide = 0x9E3779B9, [], (1 << 64) - 1
    for number in range(_ROUNDS):
        a, b, c, d = high >> 32, high & _WORD, low >> 32, low & _WORD
        keys.append((g(a + c - constant & _WORD), g(b - d + constant & _WORD)))
        if number % 2 == 0:
            high = (high >> 8 | high << 56) & wide
        else:
            low = (low << 8 | low >> 56) & wide
        constant = (constant << 1 | constant >> 31) & _WORD
    return tuple(keys)


def _crypt(block: bytes, keys: tuple[tuple[int, int], ...]) -> bytes:
    """Sixteen rounds of a Feistel network (RFC 4269 §2.1); round keys backwards decrypt."""
    zero, one, two, three = _tables()
    l0, l1, r0, r1 = struct.unpack(">4I", block)
    for k0, k1 in keys:
        c = r0 ^ k0
        x = c ^ r1 ^ k1
        x = zero[x & 255] ^ one[x >> 8 & 255] ^ two[x >> 16 & 255] ^ three[x >> 24]
        y = x + c & _WORD
        y = zero[y & 255] ^ one[y >> 8 & 255] ^ two[y >> 16 & 255] ^ three[y >> 24]
        z = x + y & _WORD
        z = zero[z & 255] ^ one[z >> 8 & 255] ^ two[z >> 16 & 255] ^ three[z >> 24]
        l0, l1, r0, r1 = r0, r1, l0 ^ (z + y & _WORD), l1 ^ z
    return struct.pack(">4I", r0, r1, l0, l1)
