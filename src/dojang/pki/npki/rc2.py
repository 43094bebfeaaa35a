"""RC2 in CBC mode (RFC 2268), to decrypt only: older PKCS #12 files have their certificates under 40 bits."""

from __future__ import annotations

import struct
from typing import Final

#: PITABLE (RFC 2268 §2).
_PI: Final = bytes.fromhex(
    "d978f9c419ddb5ed28e9fd794aa0d89dc67e37832b76538e624c6488448bfba2179a59f587b34f1361456d8d09817d32"
    "bd8f40eb86b77b0bf09521225c6b4e8254d66593ce60b21c7356c014a78cf1dc1275ca1f3bbee4d1423dd430a33cb626"
    "6fbf0eda4669075727f21d9bbc944303f811c7f690ef3ee706c3d52fc8661ed708e8eade8052eef784aa72ac354d6a2a"
    "961ad2715a1549744b9fd05e0418a4ecc2e0416e0f51cbcc2491af50a1f47039997c3a8523b8b47afc02365b25559731"
    "2d5dfa98e38a92ae05df2910676cbac9d300e6cfe19ea82c6316013f58e289a90d38341bab33ffb0bb480c5fb9b1cd2e"
    "c5f3db47e5a59c770aa62068fe7fc1ad"
)
_TURNS: Final = (1, 2, 3, 5)
_WORD: Final = 0xFFFF
_BLOCK: Final = 8
_MASHING: Final = (11, 5)  #: rounds after which the mashing is undone


def decrypt_cbc(key: bytes, iv: bytes, cipher: bytes) -> bytes:
    """Decrypt whole blocks; the padding stays. The effective length is that of `key` (1 to 128 octets)."""
    words = _expand(key)
    out, before = [], iv
    for at in range(0, len(cipher), _BLOCK):
        block = cipher[at : at + _BLOCK]
        out.append((int.from_bytes(_decrypt(block, words)) ^ int.from_bytes(before)).to_bytes(_BLOCK))
        before = block
    return b"".join(out)


def _expand(key: bytes) -> tuple[int, ...]:
    """Sixty-four words of key (RFC 2268 §2)."""
    size, long = len(key), bytearray(key.ljust(128, b"\0"))
    for n in range(size, 128):
        long[n] = _PI[long[n - 1] + long[n - size] & 255]
    long[128 - size] = _PI[long[128 - size]]
    for n in range(127 - size, -1, -1):
        long[n] = _PI[long[n + 1] ^ long[n + size]]
    return struct.unpack("<64H", long)


def _decrypt(block: bytes, words: tuple[int, ...]) -> bytes:
    r = list(struct.unpack("<4H", block))
    place = 63
    for number in range(15, -1, -1):
        for n in (3, 2, 1, 0):
            turned = (r[n] >> _TURNS[n] | r[n] << 16 - _TURNS[n]) & _WORD
            r[n] = turned - words[place] - (r[n - 1] & r[n - 2]) - (~r[n - 1] & r[n - 3]) & _WORD
            place -= 1
        if number in _MASHING:
            for n in (3, 2, 1, 0):
                r[n] = r[n] - words[r[n - 1] & 63] & _WORD
    return struct.pack("<4H", *r)
