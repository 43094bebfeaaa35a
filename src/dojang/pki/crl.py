"""Certificate revocation lists (RFC 5280 §5): a writer made for a million entries, and a reader."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from dojang.pki import der, oids
from dojang.pki.certificate import Extension, read_extensions, read_issuer
from dojang.pki.errors import MalformedError, ProfileError
from dojang.pki.rules import BACKDATING, MAX_LIST_LIFE, POSTDATING
from dojang.pki.signing import algorithm_from_der, signature_algorithm

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

#: CRLReason (RFC 5280 §5.3.1). ``unspecified`` is written by leaving the extension out.
REASONS: Final = {
    "unspecified": 0,
    "keyCompromise": 1,
    "cACompromise": 2,
    "affiliationChanged": 3,
    "superseded": 4,
    "cessationOfOperation": 5,
    "certificateHold": 6,
    "removeFromCRL": 8,
    "privilegeWithdrawn": 9,
    "aACompromise": 10,
}
MAX_CRL: Final = 256 * 1024 * 1024  #: octets
_MAX_NUMBER_BITS: Final = 159  # CRL number: at most 20 octets (RFC 5280 §5.2.3)


class CrlEntry(NamedTuple):
    """One revoked certificate: serial, moment (aware UTC, whole seconds), reason (a key of `REASONS`)."""

    serial: int
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class CrlFacts:
    """What the head of a TBSCertList says. `entries` is the encoded list, not taken apart."""

    algorithm: bytes
    issuer: bytes
    this_update: datetime
    next_update: datetime
    number: int
    authority_key: bytes
    idp_url: str | None
    entries: memoryview
    extensions: dict[str, Extension]
    time_tags: tuple[int, int]


def build_tbs_crl(
    *,
    issuer_certificate: bytes,
    algorithm: str,
    number: int,
    this_update: datetime,
    next_update: datetime,
    entries: Iterable[CrlEntry],
    idp_url: str | None,
) -> bytes:
    """TBSCertList (DER), version 2. `idp_url` names the shard and must be the address in its certificates.

    Entries are written in the order given, in one pass: a generator keeps memory near the size of the result.
    """
    issuer = read_issuer(issuer_certificate).facts
    if not 0 <= number.bit_length() <= _MAX_NUMBER_BITS or number < 0:
        raise ProfileError("a CRL number of the wrong size")
    if this_update.microsecond or next_update.microsecond or next_update <= this_update:
        raise ProfileError("a CRL's times are whole seconds, the next after this")
    listed = _encode_entries(entries)
    head = b"".join(
        (
            der.integer(1),
            signature_algorithm(algorithm).der,
            issuer.subject,
            der.time(this_update),
            der.time(next_update),
            der.header(der.SEQUENCE, len(listed)) if listed else b"",
        )
    )
    tail = der.explicit(0, der.sequence(*_crl_extensions(issuer.extensions, number, idp_url)))
    content = len(head) + len(listed) + len(tail)
    return b"".join((der.header(der.SEQUENCE, content), head, listed, tail))


def assemble_crl(tbs: bytes, signature: bytes, algorithm: str) -> bytes:
    """CertificateList (DER) from its signed body."""
    tail = signature_algorithm(algorithm).der + der.bit_string(signature)
    return b"".join((der.header(der.SEQUENCE, len(tbs) + len(tail)), tbs, tail))


def _crl_extensions(issuer: dict[str, Extension], number: int, idp_url: str | None) -> list[bytes]:
    identifier = issuer.get(oids.SUBJECT_KEY_IDENTIFIER)
    if identifier is None:
        raise ProfileError("the issuer's certificate has no key identifier")
    key = der.sequence(der.context(0, der.Reader(identifier.value).octets()))
    found = [
        der.sequence(der.oid(oids.AUTHORITY_KEY_IDENTIFIER), der.octet_string(key)),
        der.sequence(der.oid(oids.CRL_NUMBER), der.octet_string(der.integer(number))),
    ]
    if idp_url is not None:
        if not idp_url.isascii():
            raise ProfileError("an address is not usable", address="idp")
        full = der.explicit(0, der.explicit(0, der.context(6, idp_url.encode("ascii"))))
        point = der.octet_string(der.sequence(full))
        found.append(der.sequence(der.oid(oids.ISSUING_DISTRIBUTION_POINT), der.TRUE, point))
    return found


_TAILS: Final = {
    reason: b""
    if value == 0
    else der.sequence(der.sequence(der.oid(oids.CRL_REASON), der.octet_string(der.enumerated(value))))
    for reason, value in REASONS.items()
}


def _encode_entries(entries: Iterable[CrlEntry]) -> bytearray:
    """``revokedCertificates`` content. Written out by hand: this loop runs a million times."""
    out = bytearray()
    tails = _TAILS
    moments: dict[datetime, bytes] = {}
    heads: dict[int, bytes] = {}
    for serial, at, reason in entries:
        moment = moments.get(at)
        if moment is None:
            if len(moments) > 100_000:  # noqa: PLR2004 - a bound on memory, not on correctness
                moments.clear()
            moment = moments[at] = der.time(at)
        size = serial.bit_length() // 8 + 1
        tail = tails[reason]
        length = size + len(moment) + len(tail)
        head = heads.get(length << 8 | size)
        if head is None:
            head = heads[length << 8 | size] = der.header(der.SEQUENCE, length + 2) + bytes(
                (der.INTEGER, size)
            )
        out += head + serial.to_bytes(size, "big") + moment + tail
    return out


# --- reading ------------------------------------------------------------------------------------------


def read_tbs_crl(tbs: bytes) -> CrlFacts:
    """Read head and extensions of a TBSCertList; the entries are located, not walked. `MalformedError`."""
    body = der.whole(tbs, limit=MAX_CRL)
    if body.small() != 1:
        raise MalformedError("not a version 2 list")
    algorithm = body.raw(der.SEQUENCE)
    issuer = body.raw(der.SEQUENCE)
    first_tag, this_update = body.tag, body.time()
    next_tag, next_update = body.tag, body.time()
    entries = memoryview(b"")
    if (listed := body.optional(der.SEQUENCE)) is not None:
        entries = memoryview(tbs)[listed.pos : listed.end]
        if not entries:
            raise MalformedError("an empty list that should be absent")
    extensions = read_extensions(body.enter(0xA0))
    body.done()
    key, number, url = _read_crl_extensions(extensions)
    return CrlFacts(
        algorithm,
        issuer,
        this_update,
        next_update,
        number,
        key,
        url,
        entries,
        extensions,
        (first_tag, next_tag),
    )


def _read_crl_extensions(extensions: dict[str, Extension]) -> tuple[bytes, int, str | None]:
    try:
        key = der.whole(extensions[oids.AUTHORITY_KEY_IDENTIFIER].value).value(0x80)
        counted = der.Reader(extensions[oids.CRL_NUMBER].value)
    except KeyError:
        raise MalformedError("a list without a number or a key identifier") from None
    number = counted.integer()
    counted.done()
    if number < 0 or number.bit_length() > _MAX_NUMBER_BITS:
        raise MalformedError("a CRL number of the wrong size")
    url = None
    if (point := extensions.get(oids.ISSUING_DISTRIBUTION_POINT)) is not None:
        body = der.whole(point.value)
        name = body.enter(0xA0)
        body.done()
        full = name.enter(0xA0)
        name.done()
        url = der.read_text(der.IA5, full.value(0x86))
        full.done()
    return key, number, url


@dataclass(frozen=True, slots=True)
class RevocationList:
    """A whole list: the octets that were signed, the signature and the facts."""

    tbs: bytes
    algorithm: bytes
    signature: bytes
    facts: CrlFacts


def read_crl(data: bytes) -> RevocationList:
    """Read a CertificateList. Raises `MalformedError`."""
    outer = der.whole(data, limit=MAX_CRL)
    tbs, algorithm, signature = outer.raw(der.SEQUENCE), outer.raw(der.SEQUENCE), outer.bits()
    outer.done()
    return RevocationList(tbs, algorithm, signature, read_tbs_crl(tbs))


def check_tbs_crl(tbs: bytes, *, issuer_certificate: bytes, now: datetime) -> CrlFacts:
    """Raise `ProfileError` unless the list may be signed by this issuer now; returns its facts.

    The caller compares `number` with the last one it signed for the same `idp_url`.
    """
    try:
        facts = read_tbs_crl(tbs)
        algorithm = algorithm_from_der(facts.algorithm)
    except MalformedError as error:
        raise ProfileError(f"the list is malformed: {error.detail}") from error
    issuer = read_issuer(issuer_certificate).facts
    if facts.issuer != issuer.subject:
        raise ProfileError("the list names another issuer")
    if algorithm != signature_algorithm(issuer.key.algorithm):
        raise ProfileError("not a signature of the issuer's key")
    if facts.authority_key != issuer.key.identifier:
        raise ProfileError("the list names another key")
    if (
        not now - BACKDATING <= facts.this_update <= now + POSTDATING
        or facts.next_update <= facts.this_update
    ):
        raise ProfileError("the list's times do not fit the clock")
    if facts.next_update - facts.this_update > MAX_LIST_LIFE:
        raise ProfileError("the list would be believed for too long")
    if set(facts.extensions) - {
        oids.AUTHORITY_KEY_IDENTIFIER,
        oids.CRL_NUMBER,
        oids.ISSUING_DISTRIBUTION_POINT,
    }:
        raise ProfileError("an extension that lists here do not have")
    return facts


def check_crl_number(number: int, *, last: int, now: datetime) -> None:
    """Raise `ProfileError` for a number far ahead of time: after it no honest list could follow.

    Numbers are milliseconds since 1970, or one more than the `last` where several fall into one (-1: none
    yet).
    """
    if number > max(last + 1, int((now + POSTDATING).timestamp() * 1000)):
        raise ProfileError("the list's number runs ahead of its time")
