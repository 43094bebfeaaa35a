"""Verifying CMS SignedData (RFC 5652) as Korean clients make it: attached or detached, signedAttrs or none.

The reader is strict DER. What text encoding the content has (EUC-KR, UTF-8) is the caller's to know, and so
is the binding of the content to a nonce of the caller's own.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from dojang.pki import der, oids
from dojang.pki.certificate import ParsedCertificate, read_certificate
from dojang.pki.errors import MalformedError, VerificationError
from dojang.pki.paths import Trust, VerifiedPath, may_use, verify_path
from dojang.pki.signing import HASH_NAMES, MIN_RSA_BITS, algorithm_from_der, verify_signature

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

MAX_SIGNED_DATA: Final = 16 * 1024 * 1024  #: octets
_MAX_SIGNERS: Final = 16
_MAX_CERTIFICATES: Final = 32
#: Stable reasons why SignedData is wrong, and the rule each comes from.
RULES: Final = {
    "content_missing": "RFC 5652 §5.2",
    "content_twice": "RFC 5652 §5.2",
    "content_changed": "RFC 5652 §11.2",
    "nobody_signed": "RFC 5652 §5.1",
    "signer_missing": "RFC 5652 §5.3",
    "signer_usage": "RFC 5280 §4.2.1.3",
    "attributes": "RFC 5652 §11",
}
_RSA_KEY: Final = der.sequence(der.oid(oids.RSA), der.NULL_VALUE)


@dataclass(frozen=True, slots=True)
class CmsSigner:
    """One verified signer. `signed_at` is the signer's own claim; `weak` names algorithms below the floor."""

    certificate: bytes
    serial: int
    algorithm: str  #: signature name as in `signing`
    signed_at: datetime | None
    weak: tuple[str, ...]
    path: VerifiedPath | None = None  #: set when a `Trust` was given
    signature: bytes = b""
    stamps: tuple[bytes, ...] = ()  #: time-stamp tokens over the signature, as carried; nobody verified them


@dataclass(frozen=True, slots=True)
class VerifiedData:
    """Content that was signed, and by whom. Every signer verified."""

    content: bytes
    signers: tuple[CmsSigner, ...]
    carried: tuple[bytes, ...] = ()  #: certificates that came along
    content_type: str = oids.CMS_DATA


@dataclass(frozen=True, slots=True)
class _SignerInfo:
    issuer: bytes | None
    serial: int | None
    key_id: bytes | None
    digest: str
    attributes: bytes | None  #: content of signedAttrs
    algorithm: str
    signature: bytes
    unsigned: bytes | None  #: content of unsignedAttrs


def _wrong(why: str, detail: str) -> VerificationError:
    """Return the error of SignedData that is wrong; `why` is stable."""
    return VerificationError(detail, why=why, rule=RULES[why])


def verify_signed_data(
    data: bytes,
    *,
    content: bytes | None = None,
    certificates: Iterable[bytes] = (),
    trust: Trust | None = None,
    at: datetime | None = None,
) -> VerifiedData:
    """Verify a ContentInfo holding SignedData; `content` is given exactly when the signature is detached.

    `certificates` are further candidates for signers (DER). With `trust` and `at` each signer's path is
    verified too. Raises `VerificationError` when anything does not verify, `MalformedError` for what is not
    SignedData, `IndeterminateError` when a path cannot be decided.
    """
    # 1. Take the structure apart (RFC 5652 §3, §5.1).
    body = _open(data)
    content_type, inner, carried, infos = _read_signed_data(body)
    # 2. One content, attached or detached, never both (a choice would be the attacker's).
    if (inner is None) == (content is None):
        if inner is None:
            raise _wrong("content_missing", "the content is missing")
        raise _wrong("content_twice", "the content is given twice")
    signed = inner if inner is not None else content
    assert signed is not None
    # 3. At least one signer; each of them must verify.
    if not infos:
        raise _wrong("nobody_signed", "nobody signed")
    known = tuple(map(read_certificate, (*carried, *certificates)))
    signers = tuple(_verify_signer(info, signed, content_type, known) for info in infos)
    # 4. The paths (RFC 5280 §6), if asked for.
    if trust is not None:
        if at is None:
            raise VerificationError("a path is verified at a moment")
        wider = replace(trust, intermediates=(*trust.intermediates, *carried))
        signers = tuple(replace(s, path=verify_path(s.certificate, trust=wider, at=at)) for s in signers)
    return VerifiedData(signed, signers, carried, content_type)


def _open(data: bytes) -> der.Reader:
    info = der.whole(data, limit=MAX_SIGNED_DATA)
    if info.oid() != oids.CMS_SIGNED_DATA:
        raise MalformedError("not SignedData")
    wrapped = info.enter(0xA0)
    info.done()
    body = wrapped.enter()
    wrapped.done()
    return body


def _read_signed_data(body: der.Reader) -> tuple[str, bytes | None, tuple[bytes, ...], list[_SignerInfo]]:
    if body.small() not in (1, 3, 4, 5):
        raise MalformedError("an unknown version")
    body.raw(der.SET)  # digestAlgorithms: a hint for streaming; what counts is in each SignerInfo
    encapsulated = body.enter()
    content_type = encapsulated.oid()
    inner = None
    if (marked := encapsulated.optional(0xA0)) is not None:
        inner = marked.octets()
        marked.done()
    encapsulated.done()
    carried: list[bytes] = []
    if (listed := body.optional(0xA0)) is not None:
        while listed.more and len(carried) < _MAX_CERTIFICATES:
            carried.append(listed.raw())
        listed.done()
    if body.tag == 0xA1:  # noqa: PLR2004 - crls [1]
        body.raw()
    infos: list[_SignerInfo] = []
    listed = body.enter(der.SET)
    body.done()
    while listed.more:
        if len(infos) >= _MAX_SIGNERS:
            raise MalformedError("too many signers", limit=_MAX_SIGNERS)
        infos.append(_read_signer(listed.enter()))
    return content_type, inner, tuple(carried), infos


def _read_signer(body: der.Reader) -> _SignerInfo:
    version = body.small()
    issuer = serial = key_id = None
    if version == 1:
        identifier = body.enter()
        issuer, serial = identifier.raw(der.SEQUENCE), identifier.integer()
        identifier.done()
    elif version == 3:  # noqa: PLR2004 - subjectKeyIdentifier (RFC 5652 §5.3)
        key_id = body.value(0x80)
    else:
        raise MalformedError("an unknown version")
    digest = _read_digest(body.enter())
    attributes = body.value(0xA0) if body.tag == 0xA0 else None  # noqa: PLR2004 - signedAttrs [0]
    algorithm = _read_algorithm(body.raw(der.SEQUENCE), digest)
    signature = body.octets()
    unsigned = body.value(0xA1) if body.tag == 0xA1 else None  # noqa: PLR2004 - unsignedAttrs [1]
    body.done()
    return _SignerInfo(issuer, serial, key_id, digest, attributes, algorithm, signature, unsigned)


def _read_digest(identifier: der.Reader) -> str:
    name = HASH_NAMES.get(identifier.oid())
    if identifier.more:
        identifier.value(der.NULL)
    identifier.done()
    if name is None:
        raise MalformedError("an unknown digest algorithm")
    return name


def _read_algorithm(encoded: bytes, digest: str) -> str:
    """Signature name; the key's own OID means PKCS #1 v1.5 with the digest algorithm (RFC 3370 §3.2)."""
    if encoded in (_RSA_KEY, der.sequence(der.oid(oids.RSA))):
        return f"rsa-{digest}"
    found = algorithm_from_der(encoded)
    if found.hash != digest:
        raise MalformedError("signature and digest algorithm disagree")
    return found.name


def _verify_signer(
    info: _SignerInfo, content: bytes, content_type: str, known: tuple[ParsedCertificate, ...]
) -> CmsSigner:
    # 3a. The certificate the SignerInfo points at (RFC 5652 §5.3).
    certificate = _find(info, known)
    # 3b. The octets that were signed: the content itself, or the attributes re-tagged as a SET (§5.4).
    signed_at = None
    if info.attributes is None:
        if content_type != oids.CMS_DATA:
            raise _wrong("attributes", "signed attributes are required for this content")
        signed = content
    else:
        signed_at = _check_attributes(info, content, content_type)
        signed = der.tlv(der.SET, info.attributes)
    # 3c. The key may sign such things (RFC 5280 §4.2.1.3), and the signature verifies.
    if not (may_use(certificate, "digitalSignature") or may_use(certificate, "nonRepudiation")):
        raise _wrong("signer_usage", "the signer's key has another purpose")
    verify_signature(certificate.facts.spki, info.algorithm, signed, info.signature)
    weak = []
    key = certificate.facts.key
    if info.digest == "sha1":
        weak.append("sha1")
    if key.modulus and key.modulus.bit_length() < MIN_RSA_BITS:
        weak.append(key.algorithm)
    return CmsSigner(
        certificate.der,
        certificate.facts.serial,
        info.algorithm,
        signed_at,
        tuple(weak),
        signature=info.signature,
        stamps=tuple(_stamps(info.unsigned)),
    )


def _stamps(unsigned: bytes | None) -> Iterator[bytes]:
    """Time-stamp tokens among the unsigned attributes (RFC 3161 appendix A)."""
    listed = der.Reader(unsigned or b"")
    while listed.more:
        attribute = listed.enter()
        dotted, values = attribute.oid(), attribute.enter(der.SET)
        attribute.done()
        while values.more:
            value = values.raw()
            if dotted == oids.TIME_STAMP:
                yield value


def _find(info: _SignerInfo, known: tuple[ParsedCertificate, ...]) -> ParsedCertificate:
    for certificate in known:
        facts = certificate.facts
        if info.key_id is not None:
            extension = facts.extensions.get(oids.SUBJECT_KEY_IDENTIFIER)
            if extension is not None and extension.value == der.octet_string(info.key_id):
                return certificate
        elif (facts.issuer, facts.serial) == (info.issuer, info.serial):
            return certificate
    raise _wrong("signer_missing", "the signer's certificate is not here")


def _check_attributes(info: _SignerInfo, content: bytes, content_type: str) -> datetime | None:
    """Check content-type and message-digest (RFC 5652 §11.1, §11.2); returns the claimed signing time."""
    found: dict[str, der.Reader] = {}
    assert info.attributes is not None
    listed = der.Reader(info.attributes)
    while listed.more:
        attribute = listed.enter()
        dotted = attribute.oid()
        values = attribute.enter(der.SET)
        attribute.done()
        if dotted in found:
            raise _wrong("attributes", "an attribute twice")
        found[dotted] = values
    try:
        kind, digest = found[oids.CONTENT_TYPE], found[oids.MESSAGE_DIGEST]
    except KeyError:
        raise _wrong("attributes", "a required attribute is missing") from None
    if kind.oid() != content_type:
        raise _wrong("attributes", "the attributes are about another content type")
    expected = hashlib.new(info.digest, content, usedforsecurity=info.digest != "sha1").digest()
    if not hmac.compare_digest(digest.octets(), expected):
        raise _wrong("content_changed", "the content is not what was signed")
    kind.done()
    digest.done()
    if (times := found.get(oids.SIGNING_TIME)) is None:
        return None
    signed_at = times.time()
    times.done()
    return signed_at
