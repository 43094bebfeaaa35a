"""OCSP (RFC 6960, RFC 9654 for nonces): reading requests, building and reading answers.

A CertID is echoed exactly as it was asked, so that any client recognises it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from dojang.pki import der, oids
from dojang.pki.certificate import read_extensions, read_issuer
from dojang.pki.crl import REASONS
from dojang.pki.errors import IndeterminateError, MalformedError, ProfileError
from dojang.pki.rules import BACKDATING, MAX_ANSWER_LIFE, POSTDATING
from dojang.pki.signing import HASH_NAMES, HASH_OIDS, signature_algorithm

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

MAX_REQUEST: Final = 65_536  #: octets
MAX_RESPONSE: Final = 65_536  #: octets
MAX_CARRIED: Final = 8  #: certificates carried by a response
MAX_QUESTIONS: Final = 64  #: certificates asked about in one request
MAX_NONCE: Final = 128  #: octets; RFC 9654 §2.1 refuses empty and longer ones
_STATUSES: Final = {
    "malformedRequest": 1,
    "internalError": 2,
    "tryLater": 3,
    "sigRequired": 5,
    "unauthorized": 6,
}


@dataclass(frozen=True, slots=True)
class CertId:
    """Which certificate is meant. `hash_alg`: ``sha1`` ``sha256`` ``sha384`` ``sha512``, or a dotted OID.

    `der` is the CertID exactly as asked (or as `cert_id` writes it).
    """

    hash_alg: str
    name_hash: bytes
    key_hash: bytes
    serial: int
    der: bytes = field(repr=False, compare=False, default=b"")


@dataclass(frozen=True, slots=True)
class OcspRequest:
    """A request: the questions in order, and the nonce to echo, if any."""

    certs: tuple[CertId, ...]
    nonce: bytes | None


@dataclass(frozen=True, slots=True)
class Single:
    """One answer. `status`: ``good`` | ``revoked`` | ``unknown``; `revoked_at` only with ``revoked``."""

    cert_id: CertId
    status: str
    revoked_at: datetime | None
    reason: str | None
    this_update: datetime
    next_update: datetime | None


@lru_cache(maxsize=64)
def issuer_hashes(issuer_certificate: bytes, hash_alg: str = "sha1") -> tuple[bytes, bytes]:
    """(name hash, key hash) by which CertIDs point at an issuer (RFC 6960 §4.1.1)."""
    facts = read_issuer(issuer_certificate).facts

    def digest(data: bytes) -> bytes:
        return hashlib.new(hash_alg, data, usedforsecurity=False).digest()

    return digest(facts.subject), digest(facts.key.bits)


def cert_id(issuer_certificate: bytes, serial: int, hash_alg: str = "sha1") -> CertId:
    """CertID of a certificate of this issuer, encoded the usual way (hash identifier with NULL)."""
    name_hash, key_hash = issuer_hashes(issuer_certificate, hash_alg)
    encoded = _cert_id_head(hash_alg, name_hash, key_hash) + der.integer(serial)
    return CertId(hash_alg, name_hash, key_hash, serial, der.tlv(der.SEQUENCE, encoded))


@lru_cache(maxsize=64)
def _cert_id_head(hash_alg: str, name_hash: bytes, key_hash: bytes) -> bytes:
    identifier = der.sequence(der.oid(HASH_OIDS[hash_alg]), der.NULL_VALUE)
    return identifier + der.octet_string(name_hash) + der.octet_string(key_hash)


def parse_request(data: bytes) -> OcspRequest:
    """Read an OCSPRequest (RFC 6960 §4.1); a signature on it is not looked at. Raises `MalformedError`."""
    outer = der.whole(data, limit=MAX_REQUEST)
    body = outer.enter()
    if outer.tag == 0xA0:  # noqa: PLR2004 - optionalSignature
        outer.raw()
    outer.done()
    if (version := body.optional(0xA0)) is not None:
        raise MalformedError("an unknown version" if version.small() else "a default value written out")
    if body.tag == 0xA1:  # noqa: PLR2004 - requestorName
        body.raw()
    listed = body.enter()
    certs: list[CertId] = []
    while listed.more:
        if len(certs) >= MAX_QUESTIONS:
            raise MalformedError("too many questions", limit=MAX_QUESTIONS)
        request = listed.enter()
        certs.append(_read_cert_id(request.raw(der.SEQUENCE)))
        if (extensions := request.optional(0xA0)) is not None:
            _refuse_critical(extensions)
        request.done()
    if not certs:
        raise MalformedError("a request that asks nothing")
    nonce = None
    if (extensions := body.optional(0xA2)) is not None:
        nonce = _refuse_critical(extensions)
    body.done()
    return OcspRequest(tuple(certs), nonce)


def _refuse_critical(marked: der.Reader) -> bytes | None:
    """Read request extensions: the nonce if there is one; a critical one we do not know is refused."""
    nonce = None
    for dotted, extension in read_extensions(marked).items():
        if dotted == oids.OCSP_NONCE:
            nonce = read_nonce(extension.value)
        elif extension.critical:
            raise MalformedError("a critical extension we do not know")
    return nonce


def read_nonce(value: bytes) -> bytes:
    """Nonce from its extension value: 1 to 128 octets (RFC 9654 §2.1)."""
    reader = der.Reader(value)
    nonce = reader.octets()
    reader.done()
    if not 1 <= len(nonce) <= MAX_NONCE:
        raise MalformedError("a nonce has 1 to 128 octets")
    return nonce


def _read_cert_id(data: bytes) -> CertId:
    body = der.whole(data)
    identifier = body.enter()
    dotted = identifier.oid()
    if identifier.more:
        identifier.value(der.NULL)
    identifier.done()
    name_hash, key_hash, serial = body.octets(), body.octets(), body.integer()
    body.done()
    if serial < 0:
        raise MalformedError("a serial number below zero")  # RFC 5280 section 4.1.2.2: positive
    name = HASH_NAMES.get(dotted, dotted)
    return CertId(name, name_hash, key_hash, serial, data)


_GOOD: Final = der.context(0, b"")
_UNKNOWN: Final = der.context(2, b"")
_REASONS: Final = {
    reason: b"" if value == 0 else der.explicit(0, der.enumerated(value)) for reason, value in REASONS.items()
}


def _status(single: Single) -> bytes:
    if single.status == "good":
        return _GOOD
    if single.status == "unknown":
        return _UNKNOWN
    if single.status != "revoked" or single.revoked_at is None:
        raise ProfileError("a status OCSP does not have", status=single.status)
    return der.explicit(1, der.generalized_time(single.revoked_at) + _REASONS[single.reason or "unspecified"])


def build_response_data(
    *, responder_key_hash: bytes, produced_at: datetime, singles: Iterable[Single], nonce: bytes | None
) -> bytes:
    """ResponseData (DER) to be signed by the responder, named by the SHA-1 of its key (20 octets)."""
    answers = []
    for single in singles:
        next_update = b"" if single.next_update is None else der.generalized_time(single.next_update)
        answers.append(
            der.sequence(
                single.cert_id.der,
                _status(single),
                der.generalized_time(single.this_update),
                b"" if single.next_update is None else der.explicit(0, next_update),
            )
        )
    extensions = b""
    if nonce is not None:
        one = der.sequence(der.oid(oids.OCSP_NONCE), der.octet_string(der.octet_string(nonce)))
        extensions = der.explicit(1, der.sequence(one))
    return der.sequence(
        der.explicit(2, der.octet_string(responder_key_hash)),
        der.generalized_time(produced_at),
        der.sequence(*answers),
        extensions,
    )


def assemble_response(
    tbs: bytes, signature: bytes, algorithm: str, responder_certificate: bytes | None
) -> bytes:
    """OCSPResponse (DER), successful, carrying the responder's certificate when it is a delegated one."""
    certificates = b"" if responder_certificate is None else _carried(responder_certificate)
    basic = der.sequence(tbs, signature_algorithm(algorithm).der, der.bit_string(signature), certificates)
    content = der.octet_string(basic)
    return der.tlv(der.SEQUENCE, _SUCCESSFUL + der.explicit(0, der.tlv(der.SEQUENCE, _BASIC + content)))


_SUCCESSFUL: Final = der.enumerated(0)
_BASIC: Final = der.oid(oids.OCSP_BASIC)


@lru_cache(maxsize=8)
def _carried(certificate: bytes) -> bytes:
    return der.explicit(0, der.sequence(certificate))


def error_response(status: str) -> bytes:
    """Unsigned OCSPResponse: ``malformedRequest internalError tryLater sigRequired unauthorized``."""
    return der.sequence(der.enumerated(_STATUSES[status]))


# --- reading answers ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ResponseData:
    """What a responder signed. Exactly one of `responder_key_hash` and `responder_name` (DER) is set."""

    responder_key_hash: bytes | None
    responder_name: bytes | None
    produced_at: datetime
    singles: tuple[Single, ...]
    nonce: bytes | None


@dataclass(frozen=True, slots=True)
class OcspResponse:
    """A successful response in its parts. `tbs` is the signed ResponseData, `certificates` are DER."""

    tbs: bytes
    algorithm: bytes
    signature: bytes
    certificates: tuple[bytes, ...]
    data: ResponseData


def parse_response(data: bytes) -> OcspResponse:
    """Read an OCSPResponse (RFC 6960 §4.2). `MalformedError`; `IndeterminateError` for an error status."""
    outer = der.whole(data, limit=MAX_RESPONSE)
    status = outer.small(der.ENUMERATED)
    if status:
        outer.done()
        names = {number: name for name, number in _STATUSES.items()}
        raise IndeterminateError("the responder did not answer", status=names.get(status, str(status)))
    wrapped = outer.enter(0xA0)
    outer.done()
    typed = wrapped.enter()
    wrapped.done()
    if typed.oid() != oids.OCSP_BASIC:
        raise MalformedError("an unknown kind of response")
    basic = der.whole(typed.octets())
    typed.done()
    tbs, algorithm, signature = basic.raw(der.SEQUENCE), basic.raw(der.SEQUENCE), basic.bits()
    certificates: list[bytes] = []
    if (marked := basic.optional(0xA0)) is not None:
        listed = marked.enter()
        marked.done()
        while listed.more and len(certificates) < MAX_CARRIED:
            certificates.append(listed.raw(der.SEQUENCE))
        listed.done()
    basic.done()
    return OcspResponse(tbs, algorithm, signature, tuple(certificates), read_response_data(tbs))


def read_response_data(tbs: bytes) -> ResponseData:
    """Read a ResponseData (RFC 6960 §4.2.1). Raises `MalformedError`."""
    body = der.whole(tbs, limit=MAX_RESPONSE)
    name = key_hash = None
    responder = body.enter(0xA1 if body.tag == 0xA1 else 0xA2)  # noqa: PLR2004 - byName [1], byKey [2]
    if responder.tag == der.OCTET_STRING:
        key_hash = responder.octets()
    else:
        name = responder.raw(der.SEQUENCE)
    responder.done()
    produced_at = _generalized(body)
    listed = body.enter()
    singles: list[Single] = []
    while listed.more:
        if len(singles) >= MAX_QUESTIONS:
            raise MalformedError("too many answers", limit=MAX_QUESTIONS)
        singles.append(_read_single(listed.enter()))
    nonce = None
    if (marked := body.optional(0xA1)) is not None:
        nonce = _refuse_critical(marked)
    body.done()
    return ResponseData(key_hash, name, produced_at, tuple(singles), nonce)


def _generalized(body: der.Reader) -> datetime:
    return der.read_time(der.GENERALIZED_TIME, body.value(der.GENERALIZED_TIME))


def _read_single(body: der.Reader) -> Single:
    cert = _read_cert_id(body.raw(der.SEQUENCE))
    status, revoked_at, reason = "good", None, None
    if body.tag == 0xA1:  # noqa: PLR2004 - revoked [1]
        status, revoked = "revoked", body.enter(0xA1)
        revoked_at, reason = _generalized(revoked), "unspecified"
        if (coded := revoked.optional(0xA0)) is not None:
            number = coded.small(der.ENUMERATED)
            coded.done()
            reason = _REASON_NAMES.get(number)
            if reason is None:
                raise MalformedError("an unknown reason")
        revoked.done()
    elif body.tag == 0x82:  # noqa: PLR2004 - unknown [2]
        status = "unknown" if not body.value(0x82) else ""
    else:
        status = "good" if not body.value(0x80) else ""
    if not status:
        raise MalformedError("a status with content")
    this_update = _generalized(body)
    next_update = None
    if (marked := body.optional(0xA0)) is not None:
        next_update = _generalized(marked)
        marked.done()
    if (marked := body.optional(0xA1)) is not None:
        _refuse_critical(marked)
    body.done()
    return Single(cert, status, revoked_at, reason, this_update, next_update)


_REASON_NAMES: Final = {value: reason for reason, value in REASONS.items()}


def check_response_data(tbs: bytes, *, responder_key_hash: bytes, now: datetime) -> ResponseData:
    """Raise `ProfileError` unless this responder may sign the answer now; returns what it says.

    Named by key; produced now; each answer told as of now, with a nextUpdate not before its thisUpdate and at
    most `MAX_ANSWER_LIFE` after it; none from the future.
    """
    try:
        data = read_response_data(tbs)
    except MalformedError as error:
        raise ProfileError(f"the answer is malformed: {error.detail}") from error
    if data.responder_key_hash != responder_key_hash:
        raise ProfileError("the answer names another responder")
    if not now - BACKDATING <= data.produced_at <= now + POSTDATING:
        raise ProfileError("the answer's time does not fit the clock")
    if not data.singles:
        raise ProfileError("an answer that says nothing")
    for single in data.singles:
        until = single.next_update
        if single.this_update > data.produced_at or until is None or until < single.this_update:
            raise ProfileError("an answer's times do not fit each other")
        if single.this_update < now - BACKDATING:
            raise ProfileError("an answer tells of the past")
        if until - single.this_update > MAX_ANSWER_LIFE:
            raise ProfileError("an answer would be believed for too long")
        if single.revoked_at is not None and single.revoked_at > data.produced_at:
            raise ProfileError("a revocation in the future")
    return data
