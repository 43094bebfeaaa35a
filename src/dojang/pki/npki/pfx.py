"""PKCS #12 files (RFC 7292), by hand so that R stays in the key's bag: libraries drop PKCS #8 attributes.

Written: ``compatible`` (certificates in the clear, key under 3DES, SHA-1 code: what Korean programs import)
or ``modern`` (everything under PBES2 with AES-256, SHA-256 code). Read: these, RC2, keys in NPKI forms, codes
of any SHA, and BER (`dojang.pki.npki.ber`). Other forms are called so: `FormUnsupportedError`.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

from dojang.pki import der, oids
from dojang.pki.certificate import read_certificate
from dojang.pki.errors import MalformedError
from dojang.pki.npki import rc2, seed
from dojang.pki.npki.ber import joined, plain_file, to_der
from dojang.pki.npki.errors import (
    FileDamagedError,
    FormUnsupportedError,
    KeyMismatchError,
    WrongPasswordError,
)
from dojang.pki.npki.keyfile import (
    PlainKey,
    decrypt_under,
    encrypt_pbes2,
    password_bytes,
    plain_or_wrong,
    seal_under,
)
from dojang.pki.signing import public_key_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable

Form = Literal["compatible", "modern"]

MAX_FILE: Final = 1024 * 1024  #: octets
#: For a whole file: more is an attempt to keep the machine busy.
MAX_ROUNDS: Final = 1_000_000
_ROUNDS: Final = 2048
_MODERN_ROUNDS: Final = 100_000
_MAX_PARTS: Final = 8
_MAX_BAGS: Final = 32
_MAX_DECRYPTIONS: Final = 4  # each bounded by itself; an honest file has two
_MAX_SALT: Final = 64
_VERSION: Final = 3
_DES_BLOCK: Final = 8
#: Octets of the key by the older encryptions of PKCS #12 (RFC 7292 appendix C).
_OLDER: Final = {oids.PBE_3DES: 24, oids.PBE_2DES: 16, oids.PBE_RC2_128: 16, oids.PBE_RC2_40: 5}
_HASHES: Final = {
    oids.SHA1: "sha1",
    oids.SHA224: "sha224",
    oids.SHA256: "sha256",
    oids.SHA384: "sha384",
    oids.SHA512: "sha512",
}


@dataclass(frozen=True, slots=True)
class Content:
    """What is in a PFX: a key, the certificate that belongs to it, and other certificates (DER)."""

    key: PlainKey
    certificate: bytes
    chain: tuple[bytes, ...] = ()


@dataclass(slots=True)
class _Budget:
    """Work left for a whole file: rounds of the older derivation, and decryptions."""

    left: int = MAX_ROUNDS
    decryptions: int = _MAX_DECRYPTIONS

    def take(self, rounds: int) -> None:
        self.left -= rounds
        if rounds < 1 or self.left < 0:
            raise MalformedError("rounds out of bounds")

    def decrypt(self) -> None:
        self.decryptions -= 1
        if self.decryptions < 0:
            raise MalformedError("too many encrypted parts")


def derive(digest: str, password: str, salt: bytes, rounds: int, *, purpose: int, size: int) -> bytes:
    """Key material of PKCS #12 (RFC 7292 appendix B.2). `purpose`: 1 key, 2 vector, 3 authentication code."""
    block = hashlib.new(digest, usedforsecurity=False).block_size

    def filled(data: bytes) -> bytes:
        length = -(-len(data) // block) * block
        return (data * (length // max(len(data), 1) + 1))[:length]

    source = bytearray(filled(salt) + filled(password.encode("utf-16-be", "surrogatepass") + b"\0\0"))
    head, out = bytes((purpose,)) * block, b""
    while True:
        a = head + bytes(source)
        for _ in range(rounds):
            a = hashlib.new(digest, a, usedforsecurity=digest != "sha1").digest()
        out += a
        if len(out) >= size:
            return out[:size]
        added = int.from_bytes((a * block)[:block]) + 1
        for start in range(0, len(source), block):
            total = int.from_bytes(source[start : start + block]) + added
            source[start : start + block] = (total % (1 << 8 * block)).to_bytes(block)


# --- writing ------------------------------------------------------------------------------------------


def write_pfx(
    pkcs8: bytes,
    certificate: bytes,
    password: str,
    *,
    form: Form = "compatible",
    friendly_name: str = "",
    chain: Iterable[bytes] = (),
) -> bytes:
    """PFX (DER) with a key (PKCS #8, attributes kept) and its certificate under a password."""
    label = hashlib.sha1(certificate, usedforsecurity=False).digest()
    attributes = [der.sequence(der.oid(oids.LOCAL_KEY_ID), der.set_of(der.octet_string(label)))]
    if friendly_name:
        text = der.tlv(der.BMP, friendly_name.encode("utf-16-be"))
        attributes.append(der.sequence(der.oid(oids.FRIENDLY_NAME), der.set_of(text)))
    listed = der.set_of(*attributes)
    certificates = der.sequence(_certificate_bag(certificate, listed), *(map(_certificate_bag, chain)))
    if form == "modern":
        shrouded = seal_under(pkcs8, password.encode(), form="aes", iterations=_MODERN_ROUNDS)
        first = _encrypted_part(certificates, password)
    else:
        shrouded = _older_key(pkcs8, password)
        first = _data_part(certificates)
    bag = der.sequence(der.oid(oids.SHROUDED_BAG), der.explicit(0, shrouded), listed)
    content = der.sequence(first, _data_part(der.sequence(bag)))
    return der.sequence(der.integer(_VERSION), _data_part(content), _authentication(content, password, form))


def _certificate_bag(certificate: bytes, attributes: bytes = b"") -> bytes:
    inner = der.sequence(der.oid(oids.X509_CERTIFICATE), der.explicit(0, der.octet_string(certificate)))
    return der.sequence(der.oid(oids.CERT_BAG), der.explicit(0, inner), attributes)


def _data_part(content: bytes) -> bytes:
    return der.sequence(der.oid(oids.CMS_DATA), der.explicit(0, der.octet_string(content)))


def _encrypted_part(content: bytes, password: str) -> bytes:
    algorithm, cipher = encrypt_pbes2(content, password.encode(), form="aes", iterations=_MODERN_ROUNDS)
    inner = der.sequence(der.oid(oids.CMS_DATA), algorithm, der.context(0, cipher))
    body = der.sequence(der.integer(0), inner)
    return der.sequence(der.oid(oids.CMS_ENCRYPTED_DATA), der.explicit(0, body))


def _older_key(pkcs8: bytes, password: str) -> bytes:
    salt = os.urandom(_DES_BLOCK)
    key = derive("sha1", password, salt, _ROUNDS, purpose=1, size=24)
    iv = derive("sha1", password, salt, _ROUNDS, purpose=2, size=_DES_BLOCK)
    encryptor = Cipher(TripleDES(key), modes.CBC(iv)).encryptor()
    cipher = encryptor.update(seed.pad(pkcs8, _DES_BLOCK)) + encryptor.finalize()
    parameters = der.sequence(der.octet_string(salt), der.integer(_ROUNDS))
    return der.sequence(der.sequence(der.oid(oids.PBE_3DES), parameters), der.octet_string(cipher))


def _authentication(content: bytes, password: str, form: Form) -> bytes:
    dotted, rounds = (oids.SHA256, _MODERN_ROUNDS) if form == "modern" else (oids.SHA1, _ROUNDS)
    digest, salt = _HASHES[dotted], os.urandom(16 if form == "modern" else 8)
    code = _code(digest, password, salt, rounds, content)
    info = der.sequence(der.sequence(der.oid(dotted), der.NULL_VALUE), der.octet_string(code))
    return der.sequence(info, der.octet_string(salt), der.integer(rounds))


def _code(digest: str, password: str, salt: bytes, rounds: int, content: bytes) -> bytes:
    size = hashlib.new(digest, usedforsecurity=False).digest_size
    return hmac.digest(derive(digest, password, salt, rounds, purpose=3, size=size), content, digest)


# --- reading ------------------------------------------------------------------------------------------


def read_pfx(data: bytes, password: str) -> Content:
    """Open a PFX: the first key in it and the certificate that belongs to it.

    Raises `FileDamagedError`, `FormUnsupportedError`, `WrongPasswordError`, `KeyMismatchError`.
    """
    try:
        key, certificates = _read(to_der(plain_file(data), limit=MAX_FILE), password)
        own = public_key_bytes(key.load())
        for certificate in certificates:
            if read_certificate(certificate).facts.spki == own:
                others = tuple(one for one in certificates if one is not certificate)
                return Content(key, certificate, others)
    except MalformedError as error:
        raise FileDamagedError(error.detail) from None
    raise KeyMismatchError


def _read(data: bytes, password: str) -> tuple[PlainKey, list[bytes]]:
    body, budget = der.whole(data, limit=MAX_FILE), _Budget()
    if body.small() != _VERSION:
        raise MalformedError("an unknown version")
    outer = body.enter()
    dotted = outer.oid()
    if dotted == oids.CMS_SIGNED_DATA:  # under a public key instead of a password
        raise FormUnsupportedError(form="signedData")
    if dotted != oids.CMS_DATA:
        raise MalformedError("not a file of PKCS #12")
    wrapped = outer.enter(0xA0)
    outer.done()
    content = wrapped.octets()
    wrapped.done()
    if body.more:
        _check_authentication(body.enter(), content, password, budget)
    body.done()
    keys: list[PlainKey] = []
    certificates: list[bytes] = []
    parts, count = der.whole(to_der(content, limit=MAX_FILE), limit=MAX_FILE), 0
    while parts.more:
        count += 1
        if count > _MAX_PARTS:
            raise MalformedError("too many parts")
        _read_bags(_open_part(parts.enter(), password, budget), password, budget, keys, certificates)
    if not keys or not certificates:
        raise MalformedError("no key with its certificate")
    return keys[0], certificates


def _check_authentication(mac: der.Reader, content: bytes, password: str, budget: _Budget) -> None:
    info = mac.enter()
    identifier = info.enter()
    dotted = identifier.oid()
    digest, code = _HASHES.get(dotted), info.octets()
    info.done()
    salt = mac.octets()
    rounds = mac.small() if mac.more else 1
    mac.done()
    if digest is None:
        raise FormUnsupportedError(form="PBMAC1" if dotted == oids.PBMAC1 else dotted)
    if not 1 <= len(salt) <= _MAX_SALT:
        raise MalformedError("an authentication code not in use")
    budget.take(rounds)
    if not hmac.compare_digest(_code(digest, password, salt, rounds, content), code):
        raise WrongPasswordError


def _open_part(info: der.Reader, password: str, budget: _Budget) -> bytes:
    dotted = info.oid()
    wrapped = info.enter(0xA0)
    info.done()
    if dotted == oids.CMS_DATA:
        content = wrapped.octets()
        wrapped.done()
        return content
    if dotted != oids.CMS_ENCRYPTED_DATA:
        raise FormUnsupportedError(form="envelopedData" if dotted == oids.CMS_ENVELOPED_DATA else dotted)
    body = wrapped.enter()
    wrapped.done()
    body.small()
    inner = body.enter()
    if inner.oid() != oids.CMS_DATA:
        raise MalformedError("a part of a kind not in use")
    algorithm = inner.raw(der.SEQUENCE)
    # [0] IMPLICIT OCTET STRING: whole, or in pieces.
    cipher = joined(inner.value(0xA0)) if inner.tag == 0xA0 else inner.value(0x80)  # noqa: PLR2004
    plain = _decrypt(algorithm, cipher, password, budget)
    if plain is None:
        raise WrongPasswordError
    return plain


def _decrypt(algorithm: bytes, cipher: bytes, password: str, budget: _Budget) -> bytes | None:
    budget.decrypt()
    identifier = der.whole(algorithm)
    dotted = identifier.oid()
    size = _OLDER.get(dotted)
    if size is None:
        # In PKCS #12 files PBES2 takes UTF-8, as openssl does; NPKI's own forms take what NPKI takes.
        octets = password.encode("utf-8", "replace") if dotted == oids.PBES2 else password_bytes(password)
        return decrypt_under(algorithm, cipher, octets)
    parameters = identifier.enter()
    salt, rounds = parameters.octets(), parameters.small()
    parameters.done()
    if not 1 <= len(salt) <= _MAX_SALT or not cipher or len(cipher) % _DES_BLOCK:
        raise MalformedError("not an encryption of PKCS #12")
    budget.take(2 * rounds)
    key = derive("sha1", password, salt, rounds, purpose=1, size=size)
    iv = derive("sha1", password, salt, rounds, purpose=2, size=_DES_BLOCK)
    if dotted in (oids.PBE_RC2_40, oids.PBE_RC2_128):
        return seed.unpad(rc2.decrypt_cbc(key, iv, cipher), _DES_BLOCK)
    decryptor = Cipher(TripleDES((key + key[:8])[:24]), modes.CBC(iv)).decryptor()
    return seed.unpad(decryptor.update(cipher) + decryptor.finalize(), _DES_BLOCK)


def _read_bags(
    part: bytes, password: str, budget: _Budget, keys: list[PlainKey], certificates: list[bytes]
) -> None:
    bags, count = der.whole(to_der(part, limit=MAX_FILE), limit=MAX_FILE), 0
    while bags.more:
        count += 1
        if count > _MAX_BAGS:
            raise MalformedError("too many bags")
        bag = bags.enter()
        kind, value = bag.oid(), bag.enter(0xA0)
        if kind == oids.CERT_BAG:
            inner = value.enter()
            if inner.oid() == oids.X509_CERTIFICATE:
                certificates.append(inner.enter(0xA0).octets())
        elif kind == oids.SHROUDED_BAG and not keys:
            shrouded = value.enter()
            algorithm, cipher = shrouded.raw(der.SEQUENCE), shrouded.octets()
            keys.append(plain_or_wrong(_decrypt(algorithm, cipher, password, budget)))
        elif kind == oids.KEY_BAG and not keys:
            keys.append(plain_or_wrong(value.raw(der.SEQUENCE)))
