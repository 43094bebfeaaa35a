"""Private keys under a password: EncryptedPrivateKeyInfo (RFC 5958 §3) as NPKI programs write it.

Inside is a PKCS #8 key that keeps the customer's random number R as an attribute (KCAC.TS.SIVID v1.21).

=====================  ===========================================================  ================
form                   how the password becomes a key                               here
=====================  ===========================================================  ================
PBES2, SEED-CBC        PBKDF2, HMAC-SHA1                                            read and written
PBES2, AES-256-CBC     PBKDF2, HMAC-SHA256                                          read and written
seedCBCWithSHA1        PBKDF1-SHA1; vector from the last four octets               read
seedCBC                PBKDF1-SHA1; vector fixed                                    read
=====================  ===========================================================  ================

SEED with HMAC-SHA1 is the default because every other NPKI program opens it; the AES form is opened by us and
by openssl. A key, R and a password never appear in an error.
"""

from __future__ import annotations

import hashlib
import os
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from dojang.pki import der, oids
from dojang.pki.errors import MalformedError
from dojang.pki.npki import seed
from dojang.pki.npki.ber import plain_file, to_der
from dojang.pki.npki.errors import (
    FileDamagedError,
    FormUnsupportedError,
    RandomMissingError,
    WrongPasswordError,
)

if TYPE_CHECKING:
    from dojang.pki.signing import PrivateKey

Form = Literal["seed", "aes"]

#: Rounds of PBKDF2 when writing. NPKI programs write 2,048, but every reader known to us takes the count from
#: the file, so a count that slows guessing is as readable. A reader that insists on 2,048 can be served by
#: asking for it.
ITERATIONS: Final[dict[str, int]] = {"seed": 100_000, "aes": 600_000}
MIN_ITERATIONS: Final = 2048
#: Above these a file is no key file but an attempt to keep the machine busy.
MAX_PBKDF2: Final = 2_000_000
MAX_PBKDF1: Final = 100_000
MAX_FILE: Final = 65_536  #: octets
_MAX_SALT: Final = 64
_MIN_RANDOM, _MAX_RANDOM = 20, 64
_FIXED_VECTOR: Final = b"0123456789012345"
_PRFS: Final = {
    oids.HMAC_SHA1: "sha1",
    oids.HMAC_SHA256: "sha256",
    oids.HMAC_SHA384: "sha384",
    oids.HMAC_SHA512: "sha512",
}
#: Octets of key and vector by cipher.
_SCHEMES: Final = {
    oids.SEED_CBC: (16, 16),
    oids.AES128_CBC: (16, 16),
    oids.AES192_CBC: (24, 16),
    oids.AES256_CBC: (32, 16),
    oids.DES_EDE3_CBC: (24, 8),
}


@dataclass(frozen=True, slots=True)
class PlainKey:
    """A private key in the clear. `pkcs8` is complete; `core` is the same without attributes."""

    pkcs8: bytes = field(repr=False)
    core: bytes = field(repr=False)
    family: str  #: ``rsa`` | ``ec``
    r: bytes | None = field(repr=False)

    def require_random(self) -> bytes:
        """R, without which no virtual identification can be proven. Raises `RandomMissingError`."""
        if self.r is None:
            raise RandomMissingError
        return self.r

    def load(self) -> PrivateKey:
        """Key object for signing. Raises `FileDamagedError`."""
        try:
            key = serialization.load_der_private_key(self.core, None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise FileDamagedError("not a private key") from None
        if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
            raise FileDamagedError("a key of a kind not in use")
        return key


def password_bytes(password: str) -> bytes:
    """Octets of a typed password: ASCII as it is, other characters in CP949, as Korean programs do."""
    try:
        return unicodedata.normalize("NFC", password).encode("cp949")
    except UnicodeEncodeError:
        raise WrongPasswordError("a character no certificate password has") from None


# --- the key inside -----------------------------------------------------------------------------------


def read_plain_key(pkcs8: bytes) -> PlainKey:
    """Read PrivateKeyInfo (RFC 5958 §2), R included. Raises `FileDamagedError`."""
    try:
        return _read_plain_key(pkcs8)
    except MalformedError as error:
        raise FileDamagedError(error.detail) from None


def _read_plain_key(pkcs8: bytes) -> PlainKey:
    body = der.whole(pkcs8, limit=MAX_FILE)
    if body.small() not in (0, 1):
        raise MalformedError("an unknown version")
    algorithm = body.raw(der.SEQUENCE)
    dotted = der.whole(algorithm).oid()
    if dotted not in (oids.RSA, oids.EC_KEY):
        raise MalformedError("a key of a kind not in use")
    secret = body.raw(der.OCTET_STRING)
    attributes = body.optional(0xA0)
    r = None if attributes is None else _read_random(attributes)
    if body.tag == 0x81:  # noqa: PLR2004 - publicKey [1] (RFC 5958)
        body.raw()
    body.done()
    core = der.sequence(der.integer(0), algorithm, secret)
    return PlainKey(pkcs8, core, "rsa" if dotted == oids.RSA else "ec", r)


def _read_random(attributes: der.Reader) -> bytes | None:
    found = None
    while attributes.more:
        attribute = attributes.enter()
        dotted = attribute.oid()
        values = attribute.enter(der.SET)
        attribute.done()
        if dotted != oids.NPKI_RANDOM:
            continue
        if found is not None:
            raise MalformedError("R twice")
        found = values.bits()
        values.done()
        if not _MIN_RANDOM <= len(found) <= _MAX_RANDOM:
            raise MalformedError("R of a length not in use")
    return found


def with_random(pkcs8: bytes, r: bytes) -> bytes:
    """PKCS #8 key with R (20 to 64 octets) as its attribute, any other attribute left out."""
    if not _MIN_RANDOM <= len(r) <= _MAX_RANDOM:
        message = "R has 20 to 64 octets"
        raise ValueError(message)
    attribute = der.sequence(der.oid(oids.NPKI_RANDOM), der.set_of(der.bit_string(r)))
    body = der.whole(read_plain_key(pkcs8).core)
    return der.sequence(body.raw(), body.raw(), body.raw(), der.explicit(0, attribute))


# --- writing ------------------------------------------------------------------------------------------


def seal_key_file(
    pkcs8: bytes, password: str, *, form: Form = "seed", iterations: int | None = None
) -> bytes:
    """EncryptedPrivateKeyInfo (DER) of a PKCS #8 key under a password. `ValueError` for too few rounds."""
    return seal_under(pkcs8, password_bytes(password), form=form, iterations=iterations)


def seal_under(plain: bytes, password: bytes, *, form: Form = "seed", iterations: int | None = None) -> bytes:
    """As `seal_key_file`, the password being octets already."""
    algorithm, cipher = encrypt_pbes2(plain, password, form=form, iterations=iterations)
    return der.sequence(algorithm, der.octet_string(cipher))


def encrypt_pbes2(
    plain: bytes, password: bytes, *, form: Form, iterations: int | None = None
) -> tuple[bytes, bytes]:
    """AlgorithmIdentifier and ciphertext of anything under PBES2 (RFC 8018 §6.2)."""
    rounds = ITERATIONS[form] if iterations is None else iterations
    if not MIN_ITERATIONS <= rounds <= MAX_PBKDF2:
        message = "rounds out of bounds"
        raise ValueError(message)
    # Eight octets in the SEED form: older readers know no other length.
    salt, iv = os.urandom(8 if form == "seed" else 16), os.urandom(16)
    dotted, digest = (oids.SEED_CBC, "sha1") if form == "seed" else (oids.AES256_CBC, "sha256")
    prf = b"" if form == "seed" else der.sequence(der.oid(oids.HMAC_SHA256), der.NULL_VALUE)
    derivation = der.sequence(der.octet_string(salt), der.integer(rounds), prf)
    scheme = der.sequence(der.oid(dotted), der.octet_string(iv))
    parameters = der.sequence(der.sequence(der.oid(oids.PBKDF2), derivation), scheme)
    key = hashlib.pbkdf2_hmac(digest, password, salt, rounds, _SCHEMES[dotted][0])
    if form == "seed":
        cipher = seed.encrypt_cbc(key, iv, plain)
    else:
        encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
        cipher = encryptor.update(seed.pad(plain, 16)) + encryptor.finalize()
    return der.sequence(der.oid(oids.PBES2), parameters), cipher


# --- reading ------------------------------------------------------------------------------------------


def open_key_file(data: bytes, password: str) -> PlainKey:
    """Open a key file of any of the forms above.

    Raises `FileDamagedError` for what is no key file, `FormUnsupportedError` for a form not read here, and
    `WrongPasswordError` when the password does not open it, which cannot be told from damage inside the
    encrypted part.
    """
    octets = password_bytes(password)
    try:
        body = der.whole(to_der(plain_file(data), limit=MAX_FILE))
        algorithm, cipher = body.raw(der.SEQUENCE), body.octets()
        body.done()
        plain = decrypt_under(algorithm, cipher, octets)
    except MalformedError as error:
        raise FileDamagedError(error.detail) from None
    return plain_or_wrong(plain)


def plain_or_wrong(plain: bytes | None) -> PlainKey:
    """Return what came out of a decryption as a key; garbage means that the password was wrong."""
    if plain is None:
        raise WrongPasswordError
    try:
        body = der.whole(plain, limit=MAX_FILE)
        body.small()
        body.enter().oid()
    except MalformedError:
        raise WrongPasswordError from None
    return read_plain_key(plain)


def decrypt_under(algorithm: bytes, cipher: bytes, password: bytes) -> bytes | None:
    """Decrypt under an AlgorithmIdentifier of PBES2 or the older forms; None when the padding is wrong.

    Raises `MalformedError`, also for work beyond the bounds.
    """
    identifier = der.whole(algorithm)
    dotted = identifier.oid()
    parameters = identifier.enter()
    identifier.done()
    if dotted == oids.PBES2:
        return _decrypt_pbes2(parameters, cipher, password)
    if dotted not in (oids.SEED_CBC, oids.SEED_CBC_WITH_SHA1):
        raise FormUnsupportedError(form=dotted)
    salt, rounds = parameters.octets(), parameters.small()
    parameters.done()
    _check_work(salt, rounds, MAX_PBKDF1)
    _check_blocks(cipher, seed.BLOCK)
    derived = password + salt
    for _ in range(rounds):  # PBKDF1 (RFC 8018 §5.1)
        derived = _sha1(derived)
    iv = _FIXED_VECTOR if dotted == oids.SEED_CBC else _sha1(derived[16:20])[:16]
    return seed.decrypt_cbc(derived[:16], iv, cipher)


def _decrypt_pbes2(parameters: der.Reader, cipher: bytes, password: bytes) -> bytes | None:
    kdf, scheme = parameters.enter(), parameters.enter()
    parameters.done()
    derived = kdf.oid()
    if derived != oids.PBKDF2:
        raise FormUnsupportedError(form="scrypt" if derived == oids.SCRYPT else derived)
    derivation = kdf.enter()
    kdf.done()
    salt, rounds = derivation.octets(), derivation.small()
    claimed = derivation.small() if derivation.tag == der.INTEGER else None
    digest = "sha1"  # the default (RFC 8018 appendix A.2)
    if (named := derivation.optional(der.SEQUENCE)) is not None:
        digest = _PRFS.get(named.oid(), "")
        if named.more:
            named.value(der.NULL)
        named.done()
    derivation.done()
    dotted, iv = scheme.oid(), scheme.octets()
    scheme.done()
    _check_work(salt, rounds, MAX_PBKDF2)
    if not digest or dotted not in _SCHEMES:
        raise FormUnsupportedError(form=dotted)
    size, vector = _SCHEMES[dotted]
    if claimed not in (None, size) or len(iv) != vector:
        raise MalformedError("an unknown key encryption")
    _check_blocks(cipher, vector)
    key = hashlib.pbkdf2_hmac(digest, password, salt, rounds, size)
    if dotted == oids.SEED_CBC:
        return seed.decrypt_cbc(key, iv, cipher)
    chosen = TripleDES(key) if dotted == oids.DES_EDE3_CBC else algorithms.AES(key)
    decryptor = Cipher(chosen, modes.CBC(iv)).decryptor()
    return seed.unpad(decryptor.update(cipher) + decryptor.finalize(), vector)


def _sha1(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()


def _check_work(salt: bytes, rounds: int, most: int) -> None:
    if not 1 <= len(salt) <= _MAX_SALT:
        raise MalformedError("a salt of a length not in use")
    if not 1 <= rounds <= most:
        raise MalformedError("rounds out of bounds")


def _check_blocks(cipher: bytes, size: int) -> None:
    if not cipher or len(cipher) % size:
        raise MalformedError("not whole blocks")
