"""Writes ``npki.json``, read by the tests of both languages; uses no code of the product.

python tests/vectors/make_npki.py > tests/vectors/npki.json

SEED blocks are those of RFC 4269 appendix B. Everything else is made by hashlib, OpenSSL's SEED (through
pyca/cryptography) and DER written by hand here. The RSA key was drawn for this file and is nobody's.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import sys
from pathlib import Path

from cryptography.hazmat.decrepit.ciphers.algorithms import SEED
from cryptography.hazmat.primitives import hashes, padding, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

HERE = Path(__file__).parent
RFC4269 = (  # key, plaintext, ciphertext
    "00000000000000000000000000000000 000102030405060708090A0B0C0D0E0F 5EBAC6E0054E166819AFF1CC6D346CDB",
    "000102030405060708090A0B0C0D0E0F 00000000000000000000000000000000 C11F22F20140505084483597E4370F43",
    "4706480851E61BE85D74BFB3FD956185 83A2F8A288641FB9A4E9A5CC2F131C7D EE54D13EBCAE706D226BC3142CD40D4A",
    "28DBC3BC49FFD87DCFA509B11D422BE7 B41E6BE2EBA84A148E2EED84593C5EC7 9B9B7BFCD1813CB95D0B3618F40F5122",
)
R = bytes.fromhex("79EA7568A2D3776604E18BCD3A1B1B85B7DA0872")  # of the published VID vector
SALT = bytes.fromhex("0123456789ABCDEF")
IV = bytes.fromhex("F0E1D2C3B4A5968778695A4B3C2D1E0F")
PASSWORDS = {"ascii": "Dojang!2947x", "korean": "도장찍는날!29"}


def tlv(tag: int, *parts: bytes) -> bytes:
    """One element of DER."""
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(octets)]) + octets + content


def oid(text: str) -> bytes:
    """Encode an object identifier."""
    first, second, *rest = map(int, text.split("."))
    out = bytearray()
    for arc in (40 * first + second, *rest):
        group = [arc & 127]
        while arc := arc >> 7:
            group.insert(0, arc & 127 | 128)
        out += bytes(group)
    return tlv(6, bytes(out))


def number(value: int) -> bytes:
    """Encode an INTEGER that is not negative."""
    return tlv(2, value.to_bytes(value.bit_length() // 8 + 1))


def seed_cbc(key: bytes, iv: bytes, plain: bytes) -> bytes:
    """Encrypt by OpenSSL's SEED."""
    padder = padding.PKCS7(128).padder()
    encryptor = Cipher(SEED(key), modes.CBC(iv)).encryptor()
    return encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()


def older(password: bytes, pkcs8: bytes, *, fixed: bool) -> bytes:
    """Key file of the two older forms."""
    derived = password + SALT
    for _ in range(2048):
        derived = hashlib.sha1(derived).digest()  # noqa: S324 - the form's own
    iv = b"0123456789012345" if fixed else hashlib.sha1(derived[16:20]).digest()[:16]  # noqa: S324
    name = oid("1.2.410.200004.1.4" if fixed else "1.2.410.200004.1.15")
    algorithm = tlv(0x30, name, tlv(0x30, tlv(4, SALT), number(2048)))
    return tlv(0x30, algorithm, tlv(4, seed_cbc(derived[:16], iv, pkcs8)))


def pbes2(password: bytes, pkcs8: bytes, *, prf: str, cipher: str) -> bytes:
    """Key file under PBES2."""
    size = {"seed": 16, "aes128": 16, "aes256": 32}[cipher]
    key = hashlib.pbkdf2_hmac(prf, password, SALT, 4096, size)
    if cipher == "seed":
        body = seed_cbc(key, IV, pkcs8)
    else:
        padder = padding.PKCS7(128).padder()
        encryptor = Cipher(algorithms.AES(key), modes.CBC(IV)).encryptor()
        body = encryptor.update(padder.update(pkcs8) + padder.finalize()) + encryptor.finalize()
    named = {"sha256": "1.2.840.113549.2.9", "sha512": "1.2.840.113549.2.11"}.get(prf)
    chosen = tlv(0x30, oid(named), tlv(5)) if named else b""
    kdf = tlv(0x30, oid("1.2.840.113549.1.5.12"), tlv(0x30, tlv(4, SALT), number(4096), chosen))
    names = {
        "seed": "1.2.410.200004.1.4",
        "aes128": "2.16.840.1.101.3.4.1.2",
        "aes256": "2.16.840.1.101.3.4.1.42",
    }
    scheme = tlv(0x30, oid(names[cipher]), tlv(4, IV))
    algorithm = tlv(0x30, oid("1.2.840.113549.1.5.13"), tlv(0x30, kdf, scheme))
    return tlv(0x30, algorithm, tlv(4, body))


def key() -> bytes:
    """PKCS #8 of the key in ``npki.json``; a new one when there is none yet."""
    try:
        kept = json.loads((HERE / "npki.json").read_text("utf-8"))
        return base64.b64decode(kept["core"])
    except (OSError, ValueError, KeyError):
        made = rsa.generate_private_key(65537, 2048)
        plain = serialization.NoEncryption()
        return made.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, plain)


def with_r(core: bytes) -> bytes:
    """Add R as the attribute of a PKCS #8 key."""
    head = 4 if core[1] == 0x82 else 3
    attribute = tlv(0x30, oid("1.2.410.200004.10.1.1.3"), tlv(0x31, tlv(3, b"\0", R)))
    return tlv(0x30, core[head:], tlv(0xA0, attribute))


def pattern() -> dict[str, str]:
    """Proof of a pattern, by the formulas of ``frontend/src/device/pattern.ts``."""
    device, dots, challenge = bytes(range(32)), "0124678", bytes(range(100, 132))
    mixed = hmac.digest(device, b"dojang pattern 1\0" + dots.encode(), "sha256")
    proof_key = HKDF(hashes.SHA256(), 32, None, b"dojang pattern proof").derive(mixed)
    proof = hmac.digest(proof_key, challenge, "sha256")
    return {
        "device_key": device.hex(),
        "pattern": dots,
        "challenge": challenge.hex(),
        "proof_key": proof_key.hex(),
        "proof": proof.hex(),
    }


def main() -> None:
    """Print everything."""
    core = key()
    pkcs8 = with_r(core)
    files = []
    for name, text in PASSWORDS.items():
        octets = text.encode("cp949")
        forms = {
            "seedCBCWithSHA1": older(octets, pkcs8, fixed=False),
            "seedCBC": older(octets, pkcs8, fixed=True),
            "pbes2-seed": pbes2(octets, pkcs8, prf="sha1", cipher="seed"),
            "pbes2-seed-sha256": pbes2(octets, pkcs8, prf="sha256", cipher="seed"),
            "pbes2-aes128-sha1": pbes2(octets, pkcs8, prf="sha1", cipher="aes128"),
            "pbes2-aes256-sha512": pbes2(octets, pkcs8, prf="sha512", cipher="aes256"),
        }
        for form, data in forms.items():
            files.append(
                {"form": form, "kind": name, "password": text, "file": base64.b64encode(data).decode()}
            )
    cbc = []
    for size in (0, 1, 15, 16, 17, 64, 1000):
        plain = hashlib.shake_128(size.to_bytes(2)).digest(size)
        cbc.append({"plain": plain.hex(), "cipher": seed_cbc(SALT * 2, IV, plain).hex()})
    whole = {
        "seed_blocks": [dict(zip(("key", "plain", "cipher"), line.split(), strict=True)) for line in RFC4269],
        "seed_cbc": {"key": (SALT * 2).hex(), "iv": IV.hex(), "cases": cbc},
        "r": R.hex(),
        "core": base64.b64encode(core).decode(),
        "pkcs8": base64.b64encode(pkcs8).decode(),
        "files": files,
        "pattern": pattern(),
    }
    json.dump(whole, sys.stdout, ensure_ascii=False, indent=1)
    sys.stdout.write("\n")


main()
