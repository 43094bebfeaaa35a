"""Virtual identification (KCAC.TS.SIVID v1.21): a number in the certificate that proves an identity number.

``VID = H(H(DER(HashContent)))``, ``HashContent = SEQUENCE {idn PrintableString, randomNum BIT STRING}``.
VID, R and a known birth date together let anyone search for the identity number: R is a secret, and the
identity number never leaves the caller. Neither appears in any error raised here.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from dojang.pki import der, oids
from dojang.pki.certificate import read_certificate
from dojang.pki.errors import MalformedError, ProfileError, VerificationError
from dojang.pki.names import is_writable
from dojang.pki.signing import HASH_NAMES, HASH_OIDS

MIN_RANDOM: Final = 20  #: octets of R: 160 bits
_MAX_RANDOM: Final = 64
_MAX_IDN: Final = 32
MAX_NAME: Final = 200  #: characters; the standard sets no bound, and a name is never shortened here


@dataclass(frozen=True, slots=True)
class IdentifyData:
    """What the subjectAltName says of a person: the real name, and the VID with its hash algorithm."""

    real_name: str
    vid: bytes = field(repr=False)
    hash: str = "sha256"


def compute_vid(idn: str, r: bytes, hash: str = "sha256") -> bytes:  # noqa: A002 - the contract's name
    """VID of identity number `idn` (digits: 13 for persons, 10 for businesses) with `r` (≥ 20 octets)."""
    if not (idn.isascii() and idn.isdigit() and len(idn) <= _MAX_IDN):
        raise ProfileError("an identity number is decimal digits")
    if not MIN_RANDOM <= len(r) <= _MAX_RANDOM:
        raise ProfileError("R is 160 to 512 bits")
    if hash not in HASH_OIDS:
        raise ProfileError("a hash this centre does not use", hash=hash)
    content = der.sequence(der.printable(idn), der.bit_string(r))
    once = hashlib.new(hash, content, usedforsecurity=hash != "sha1").digest()
    return hashlib.new(hash, once, usedforsecurity=hash != "sha1").digest()


def verify_vid(identify: IdentifyData, idn: str, r: bytes) -> None:
    """Raise `VerificationError` unless `idn` and `r` give the VID; compares in constant time."""
    if not hmac.compare_digest(compute_vid(idn, r, identify.hash), identify.vid):
        raise VerificationError("the virtual identification does not match")


_TYPE: Final = der.oid(oids.NPKI_IDENTIFY_DATA)
_VID: Final = der.oid(oids.NPKI_VID)
_SIZES: Final = {name: hashlib.new(name, usedforsecurity=False).digest_size for name in HASH_OIDS}


def _encoded_info(name: str) -> bytes:
    """UserInfo with a VID of zeros; the hash identifier is without NULL, as observed in real certificates."""
    identifier = der.sequence(der.oid(HASH_OIDS[name]))
    vid = der.sequence(identifier, der.explicit(0, der.octet_string(bytes(_SIZES[name]))))
    return der.sequence(der.sequence(_VID, vid))


#: userInfo up to the VID, which stands last: only the name and the VID differ between persons.
_INFO_HEADS: Final = {name: _encoded_info(name)[: -_SIZES[name]] for name in HASH_OIDS}


def encode_identify_data(identify: IdentifyData) -> bytes:
    """SubjectAltName value: one otherName with identifyData, hash identifier without NULL as observed."""
    if not 1 <= len(identify.real_name) <= MAX_NAME or not is_writable(identify.real_name):
        raise ProfileError("a real name is 1 to 200 characters that can be written")
    if len(identify.vid) != _SIZES.get(identify.hash):
        raise ProfileError("a VID is as long as its hash")
    name = identify.real_name.encode()
    return _frame(len(name), identify.hash) + name + _INFO_HEADS[identify.hash] + identify.vid


@lru_cache(maxsize=512)
def _frame(length: int, name: str) -> bytes:
    """Everything before a real name of `length` octets: the lengths around it depend on nothing else."""
    rest = len(_INFO_HEADS[name]) + _SIZES[name]
    data = der.sequence(der.tlv(der.UTF8, bytes(length)), bytes(rest))
    return der.sequence(der.explicit(0, _TYPE + der.explicit(0, data)))[: -length - rest]


def decode_identify_data(general_names: bytes) -> IdentifyData:
    """IdentifyData from a SubjectAltName value; other general names may stand around it. `MalformedError`."""
    names = der.whole(general_names)
    while names.more:
        if names.tag != 0xA0:  # noqa: PLR2004 - otherName is [0]
            names.raw()
            continue
        other = names.enter(0xA0)
        if other.oid() != oids.NPKI_IDENTIFY_DATA:
            continue
        wrapped = other.enter(0xA0)
        other.done()
        data = wrapped.enter()
        wrapped.done()
        return _read(data)
    raise MalformedError("no identifyData in the certificate")


def _read(data: der.Reader) -> IdentifyData:
    real_name = data.text()
    infos = data.enter()
    data.done()
    while infos.more:
        info = infos.enter()
        if info.oid() not in (oids.NPKI_VID, oids.NPKI_VID_ALSO):
            continue
        vid = info.enter()
        info.done()
        identifier = vid.enter()
        name = HASH_NAMES.get(identifier.oid())
        if identifier.more:  # requests in the wild carry NULL parameters, certificates do not
            identifier.value(der.NULL)
        identifier.done()
        marked = vid.enter(0xA0)
        vid.done()
        value = marked.octets()
        marked.done()
        if name is None or len(value) != _SIZES[name]:
            raise MalformedError("a VID whose length does not fit its hash")
        return IdentifyData(real_name, value, name)
    raise MalformedError("identifyData without a VID")


def parse_identify_data(certificate: bytes) -> IdentifyData:
    """IdentifyData of a certificate (DER), wherever in subjectAltName it stands. Raises `MalformedError`."""
    extension = read_certificate(certificate).facts.extensions.get(oids.SUBJECT_ALT_NAME)
    if extension is None:
        raise MalformedError("no identifyData in the certificate")
    return decode_identify_data(extension.value)
