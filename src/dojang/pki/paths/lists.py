"""CRLs of any authority, read for a question about one certificate (RFC 5280 §5).

`dojang.pki.crl` writes and checks the lists of this centre and is stricter; here is what others may write:
shards, deltas, lists of other issuers' certificates.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from dojang.pki import der, oids
from dojang.pki.certificate import Extension, read_extensions
from dojang.pki.crl import MAX_CRL, REASONS
from dojang.pki.errors import MalformedError
from dojang.pki.paths.names import GeneralName, comparable, read_general_name, read_general_names, same_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

#: ReasonFlags (RFC 5280 §4.2.1.13): bit 0 is unused, bit 7 is privilegeWithdrawn, bit 8 aACompromise.
ALL_REASONS: Final = frozenset(range(1, 9))
_NAMES: Final = {value: reason for reason, value in REASONS.items()}
_CRITICAL_MARK: Final = b"\x01\x01\xff"  # BOOLEAN TRUE, as every critical extension has it
_KNOWN: Final = frozenset(
    {
        oids.AUTHORITY_KEY_IDENTIFIER,
        oids.CRL_NUMBER,
        oids.ISSUING_DISTRIBUTION_POINT,
        oids.DELTA_CRL_INDICATOR,
    }
)


class DistributionPoint(NamedTuple):
    """One place of status: names of the list, reasons it covers, who signs it if not the issuer."""

    names: tuple[GeneralName, ...]
    reasons: frozenset[int]
    signers: tuple[GeneralName, ...]


class Scope(NamedTuple):
    """What a list covers (issuingDistributionPoint, §5.2.5)."""

    names: tuple[GeneralName, ...] = ()
    users_only: bool = False
    authorities_only: bool = False
    attributes_only: bool = False
    reasons: frozenset[int] = ALL_REASONS
    indirect: bool = False


@dataclass(frozen=True, slots=True)
class ForeignList:
    """A CertificateList: what was signed, the signature, and what its head says."""

    der: bytes
    tbs: bytes
    algorithm: bytes
    signature: bytes
    issuer: bytes
    this_update: datetime
    next_update: datetime
    number: int
    base: int | None  #: a delta to the list of this number
    authority_key: bytes | None
    scope: Scope | None  #: None = no issuingDistributionPoint
    entries: tuple[int, int]  #: where they lie in `tbs`
    plain: bool  #: no critical extension we do not know, none critical that must not be


class ForeignEntry(NamedTuple):
    """One entry that was found."""

    at: datetime
    reason: str


@lru_cache(maxsize=128)
def read_distribution_points(value: bytes, issuer: bytes) -> tuple[DistributionPoint, ...]:
    """Read the value of a cRLDistributionPoints extension of a certificate by `issuer` (encoded name)."""
    points = der.whole(value)
    found = []
    while points.more:
        body = points.enter()
        named = body.optional(0xA0)
        reasons = _read_reasons(body.value(0x81)) if body.tag == 0x81 else ALL_REASONS  # noqa: PLR2004
        signers: tuple[GeneralName, ...] = ()
        if body.tag == 0xA2:  # noqa: PLR2004 - cRLIssuer [2]
            signers = read_general_names(der.tlv(der.SEQUENCE, body.value()))
        body.done()
        relative_to = next((name.value for name in signers if name.kind == "dn"), issuer)
        names = () if named is None else _read_point_name(named, relative_to)
        found.append(DistributionPoint(names, reasons, signers))
    if not found:
        raise MalformedError("an empty list of distribution points")
    return tuple(found)


def _read_reasons(content: bytes) -> frozenset[int]:
    return der.read_named_bits(content) & ALL_REASONS


def _read_point_name(named: der.Reader, issuer: bytes) -> tuple[GeneralName, ...]:
    found: list[GeneralName] = []
    if named.tag == 0xA1:  # noqa: PLR2004 - nameRelativeToCRLIssuer [1]
        whole = der.sequence(der.Reader(issuer).value(der.SEQUENCE), der.tlv(der.SET, named.value()))
        comparable(whole)
        found.append(GeneralName("dn", "", whole))
    else:
        listed = named.enter(0xA0)
        while listed.more:
            found.append(read_general_name(listed))
    named.done()
    if not found:
        raise MalformedError("a distribution point with an empty name")
    return tuple(found)


def _read_scope(value: bytes, issuer: bytes) -> Scope:
    body = der.whole(value)
    named = body.optional(0xA0)
    names = () if named is None else _read_point_name(named, issuer)
    users, authorities = _flag(body, 0x81), _flag(body, 0x82)
    reasons = _read_reasons(body.value(0x83)) if body.tag == 0x83 else ALL_REASONS  # noqa: PLR2004
    indirect, attributes = _flag(body, 0x84), _flag(body, 0x85)
    body.done()
    if users + authorities + attributes > 1:
        raise MalformedError("a list for two kinds of certificates only")
    return Scope(names, users, authorities, attributes, reasons, indirect)


def _flag(body: der.Reader, tag: int) -> bool:
    if body.tag != tag:
        return False
    if body.value(tag) != b"\xff":
        raise MalformedError("a default value written out")
    return True


@lru_cache(maxsize=64)
def read_foreign_list(data: bytes) -> ForeignList:
    """Read a CertificateList of version 2 with number and next update. Raises `MalformedError`."""
    outer = der.whole(data, limit=MAX_CRL)
    tbs, algorithm, signature = outer.raw(der.SEQUENCE), outer.raw(der.SEQUENCE), outer.bits()
    outer.done()
    body = der.whole(tbs)
    if body.small() != 1:
        raise MalformedError("not a version 2 list")
    if body.raw(der.SEQUENCE) != algorithm:
        raise MalformedError("the two algorithm fields differ")
    issuer = body.raw(der.SEQUENCE)
    comparable(issuer)
    this_update, next_update = body.time(), body.time()
    listed = body.optional(der.SEQUENCE)
    entries = (0, 0) if listed is None else (listed.pos, listed.end)
    extensions = read_extensions(body.enter(0xA0))
    body.done()
    number = _number(extensions, oids.CRL_NUMBER)
    if number is None:
        raise MalformedError("a list without a number")
    scope = extensions.get(oids.ISSUING_DISTRIBUTION_POINT)
    key = extensions.get(oids.AUTHORITY_KEY_IDENTIFIER)
    return ForeignList(
        data,
        tbs,
        algorithm,
        signature,
        issuer,
        this_update,
        next_update,
        number,
        _number(extensions, oids.DELTA_CRL_INDICATOR),
        None if key is None else _key_identifier(key.value),
        None if scope is None else _read_scope(scope.value, issuer),
        entries,
        _is_plain(extensions),
    )


def _is_plain(extensions: dict[str, Extension]) -> bool:
    number, key = (extensions.get(dotted) for dotted in (oids.CRL_NUMBER, oids.AUTHORITY_KEY_IDENTIFIER))
    return not (
        any(extension.critical and dotted not in _KNOWN for dotted, extension in extensions.items())
        or (number is not None and number.critical)
        or (key is not None and key.critical)
    )


def _number(extensions: dict[str, Extension], dotted: str) -> int | None:
    extension = extensions.get(dotted)
    if extension is None:
        return None
    reader = der.Reader(extension.value)
    number = reader.integer()
    reader.done()
    if not 0 <= number < 1 << 159:  # at most 20 octets (RFC 5280 section 5.2.3)
        raise MalformedError("a CRL number of the wrong size")
    return number


def _key_identifier(value: bytes) -> bytes | None:
    body = der.whole(value)
    return body.value(0x80) if body.tag == 0x80 else None  # noqa: PLR2004 - keyIdentifier [0]


def find_entry(found: ForeignList, issuer: bytes, serial: int) -> ForeignEntry | None:
    """Entry of a certificate, by the encoded name of its issuer and its serial. Raises `MalformedError`.

    The entries are walked only where there may be a hit, or a critical extension nobody may pass over.
    """
    start, end = found.entries
    tbs = found.tbs
    if tbs.find(der.integer(serial), start, end) < 0 and tbs.find(_CRITICAL_MARK, start, end) < 0:
        return None
    hit = None
    for entry_issuer, number, entry in walk_entries(found):
        if hit is None and number == serial and same_name(entry_issuer, issuer):
            hit = entry
    return hit


def repeats_a_serial(found: ForeignList) -> bool:
    """Whether a list names a certificate twice. Walks the whole list."""
    seen: set[tuple[bytes, int]] = set()
    for issuer, serial, _ in walk_entries(found):
        if (issuer, serial) in seen:
            return True
        seen.add((issuer, serial))
    return False


def walk_entries(found: ForeignList) -> Iterator[tuple[bytes, int, ForeignEntry]]:
    """Yield (encoded name of the issuer, serial, entry) of each. `MalformedError` where one is off."""
    indirect = found.scope is not None and found.scope.indirect
    listed = der.Reader(found.tbs, *found.entries)
    issuer = found.issuer
    while listed.more:
        body = listed.enter()
        serial, at = body.integer(), body.time()
        reason = "unspecified"
        if body.more:
            for dotted, extension in read_extensions(body).items():
                if dotted == oids.CRL_REASON:
                    reason = _reason(extension.value)
                elif dotted == oids.CERTIFICATE_ISSUER and indirect:
                    names = read_general_names(extension.value)
                    issuer = next((name.value for name in names if name.kind == "dn"), issuer)
                elif extension.critical:
                    raise MalformedError("a critical extension we do not know")
        body.done()
        yield issuer, serial, ForeignEntry(at, reason)


def _reason(value: bytes) -> str:
    coded = der.Reader(value)
    reason = _NAMES.get(coded.small(der.ENUMERATED))
    coded.done()
    if reason is None:
        raise MalformedError("an unknown reason")
    return reason
