"""Reading certificates: our own strict reader, fast enough to run on every signature.

It reads structure only (RFC 5280 §4.1); whether it is *allowed* is for `checks`, `lint` and `paths`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from dojang.pki import der
from dojang.pki.errors import MalformedError
from dojang.pki.names import Name
from dojang.pki.signing import KeyFacts, describe_key

if TYPE_CHECKING:
    from datetime import datetime

MAX_CERTIFICATE: Final = 65_536  #: octets
_MAX_EXTENSIONS: Final = 32
_REPEATED: Final = 512  # octets; larger extensions are not remembered


class Extension(NamedTuple):
    """One extension: whether critical, and the content of its OCTET STRING."""

    critical: bool
    value: bytes


class Tbs(NamedTuple):
    """A TBSCertificate. Byte fields are complete elements exactly as found."""

    version: int  #: 0-based as encoded: v3 is 2
    serial: int
    algorithm: bytes  #: AlgorithmIdentifier
    issuer: bytes
    not_before: datetime
    not_after: datetime
    time_tags: tuple[int, int]  #: how the two times were written
    subject: bytes
    spki: bytes
    extensions: dict[str, Extension]  #: in the order found
    unique_ids: bool  #: whether the obsolete unique identifiers are present

    @property
    def key(self) -> KeyFacts:
        """The subject's key, described."""
        return describe_key(self.spki)

    @property
    def subject_name(self) -> Name:
        """The subject, decoded."""
        return Name.from_der(self.subject)

    @property
    def issuer_name(self) -> Name:
        """The issuer, decoded."""
        return Name.from_der(self.issuer)


class ParsedCertificate(NamedTuple):
    """A certificate in its three parts, `tbs` being the octets that were signed."""

    der: bytes
    tbs: bytes
    algorithm: bytes
    signature: bytes
    facts: Tbs


def read_tbs(data: bytes) -> Tbs:
    """Read a TBSCertificate (RFC 5280 §4.1). Raises `MalformedError`."""
    body = der.whole(data, limit=MAX_CERTIFICATE)
    version = 0
    if (marked := body.optional(0xA0)) is not None:
        version = marked.small()
        marked.done()
        if version == 0:
            raise MalformedError("a default value written out")
    serial = body.integer()
    algorithm = body.raw(der.SEQUENCE)
    issuer = body.raw(der.SEQUENCE)
    validity = body.enter()
    first_tag, not_before = validity.tag, validity.time()
    last_tag, not_after = validity.tag, validity.time()
    validity.done()
    subject = body.raw(der.SEQUENCE)
    spki = body.raw(der.SEQUENCE)
    unique_ids = False
    while body.tag in (0x81, 0x82):
        body.raw()
        unique_ids = True
    extensions: dict[str, Extension] = {}
    if (marked := body.optional(0xA3)) is not None:
        extensions = read_extensions(marked)
    body.done()
    return Tbs(
        version,
        serial,
        algorithm,
        issuer,
        not_before,
        not_after,
        (first_tag, last_tag),
        subject,
        spki,
        extensions,
        unique_ids,
    )


def read_extensions(marked: der.Reader) -> dict[str, Extension]:
    """Read ``Extensions`` inside its explicit tag; none twice, the list not empty (RFC 5280 §4.2)."""
    found: dict[str, Extension] = {}
    listed = marked.enter()
    marked.done()
    while listed.more:
        one = listed.raw(der.SEQUENCE)
        dotted, extension = _read_known(one) if len(one) <= _REPEATED else _read_extension(one)
        if dotted in found or len(found) >= _MAX_EXTENSIONS:
            raise MalformedError("an extension twice, or too many of them")
        found[dotted] = extension
    if not found:
        raise MalformedError("an empty list of extensions")
    return found


def _read_extension(encoded: bytes) -> tuple[str, Extension]:
    one = der.whole(encoded)
    dotted = one.oid()
    critical = False
    if one.tag == der.BOOLEAN:
        critical = one.boolean()
        if not critical:
            raise MalformedError("a default value written out")
    value = one.octets()
    one.done()
    return dotted, Extension(critical, value)


#: Most extensions of an authority's certificates are the same octets in all of them.
_read_known = lru_cache(maxsize=512)(_read_extension)


def read_certificate(data: bytes) -> ParsedCertificate:
    """Read a whole certificate. Raises `MalformedError`."""
    outer = der.whole(data, limit=MAX_CERTIFICATE)
    tbs = outer.raw(der.SEQUENCE)
    algorithm = outer.raw(der.SEQUENCE)
    signature = outer.bits()
    outer.done()
    return ParsedCertificate(data, tbs, algorithm, signature, read_tbs(tbs))


@lru_cache(maxsize=64)
def read_issuer(data: bytes) -> ParsedCertificate:
    """`read_certificate`, remembered: for the few certificates of authorities. Treat the result as frozen."""
    return read_certificate(data)
