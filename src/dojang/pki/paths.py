"""Verifying a certificate up to a trusted root (RFC 5280 §6), with revocation status.

Read it in order: each numbered step is the one of the standard named beside it. What is *wrong* raises
`VerificationError`; what *cannot be decided* — no fresh status — raises `IndeterminateError`, and only after
everything that could be decided was found right.

Kept small on purpose: no policy mappings, no name constraints. A certificate that carries such an extension
as critical is refused (§6.1.4 (o)), which is the safe side of not knowing it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from dojang.pki import der, oids
from dojang.pki.certificate import ParsedCertificate, read_certificate, read_issuer
from dojang.pki.crl import RevocationList, read_crl, read_entries
from dojang.pki.errors import IndeterminateError, MalformedError, ProfileError, VerificationError
from dojang.pki.ocsp import CertId, OcspResponse, issuer_hashes, parse_response
from dojang.pki.rules import KEY_USAGE_BITS
from dojang.pki.signing import HASH_OIDS, MIN_RSA_BITS, algorithm_from_der, verify_signature

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal

MAX_PATH: Final = 6  #: certificates, leaf and root included
_SKEW: Final = timedelta(minutes=5)  # clocks of issuers and verifiers differ a little
_UNDERSTOOD: Final = frozenset(
    {
        oids.AUTHORITY_KEY_IDENTIFIER,
        oids.SUBJECT_KEY_IDENTIFIER,
        oids.KEY_USAGE,
        oids.BASIC_CONSTRAINTS,
        oids.CERTIFICATE_POLICIES,
        oids.SUBJECT_ALT_NAME,
        oids.EXTENDED_KEY_USAGE,
        oids.CRL_DISTRIBUTION_POINTS,
        oids.AUTHORITY_INFO_ACCESS,
        oids.OCSP_NO_CHECK,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What a verifier believes in and has at hand. Certificates, CRLs and OCSP responses are DER."""

    roots: tuple[bytes, ...]
    intermediates: tuple[bytes, ...] = ()
    policies: frozenset[str] | None = None  #: acceptable policy OIDs; None = any
    crls: tuple[bytes, ...] = ()
    responses: tuple[bytes, ...] = ()
    status: Literal["all", "leaf", "none"] = "all"  #: whose revocation status must be known


@dataclass(frozen=True, slots=True)
class VerifiedPath:
    """A path that verified, leaf first; the policies it holds under; algorithms below the floor."""

    certificates: tuple[bytes, ...]
    policies: frozenset[str] | None  #: None = any
    weak: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Revoked:
    at: datetime
    reason: str


def verify_path(leaf: bytes, *, trust: Trust, at: datetime) -> VerifiedPath:
    """Verify a certificate at a moment. `VerificationError`, `IndeterminateError` or `MalformedError`."""
    # 1. Find the issuers, up to a trusted root (§6.1.1: the path is an input; here it is built).
    path = _find_path(read_certificate(leaf), trust)
    # 2. From the root's child down to the leaf, the basic checks of each certificate (§6.1.3).
    policies: frozenset[str] | None = None
    for depth in range(len(path) - 2, -1, -1):
        certificate, issuer = path[depth], path[depth + 1]
        # 2a. The issuer may issue: authority, key usage, path length (§6.1.4 (k)-(n)).
        _check_authority(issuer, below=depth)
        # 2b. Names chain (§6.1.3 (a)(4)).
        if certificate.facts.issuer != issuer.facts.subject:
            raise VerificationError("the issuer's name does not match")
        # 2c. The signature verifies (§6.1.3 (a)(1)).
        _check_signature(certificate.der, issuer.der)
        # 2d. The moment lies in the life, end points included (§6.1.3 (a)(2), §4.1.2.5).
        _check_life(certificate, at)
        # 2e. No critical extension is unknown (§6.1.4 (o), §6.1.5 (f)).
        _check_critical(certificate)
        # 2f. Policies that hold for the whole path so far (§6.1.3 (d), (e)).
        policies = _narrow(policies, certificate)
    _check_life(path[-1], at)
    _check_critical(path[-1])
    # 3. A policy the verifier accepts is left (§6.1.5 (g)).
    if trust.policies is not None and policies is not None and not policies & trust.policies:
        raise VerificationError("no acceptable policy", policies=sorted(policies))
    # 4. Revocation, issuers before the certificates they issued (§6.1.3 (a)(3), §6.3, RFC 6960 §3.2).
    _check_statuses(path, trust, at)
    return VerifiedPath(tuple(c.der for c in path), policies, tuple(sorted(set(_weaknesses(path)))))


# --- 1. building the path ------------------------------------------------------------------------------


def _find_path(leaf: ParsedCertificate, trust: Trust) -> tuple[ParsedCertificate, ...]:
    """Issuer by issuer, by name and key identifier; a root is taken by identity, never by its own word."""
    roots = tuple(map(read_issuer, trust.roots))
    between = tuple(map(read_issuer, trust.intermediates))
    path = [leaf]
    while len(path) < MAX_PATH:
        here = path[-1]
        if any(here.der == root.der for root in roots):
            if len(path) == 1:
                raise VerificationError("a root is not a certificate to verify")
            return tuple(path)
        above = next(_issuers(here, roots), None) or next(_issuers(here, between), None)
        if above is None or above in path:
            raise VerificationError("no path to a trusted root")
        path.append(above)
        if above in roots:
            return tuple(path)
    raise VerificationError("the path is too long")


def _issuers(
    child: ParsedCertificate, candidates: tuple[ParsedCertificate, ...]
) -> Iterator[ParsedCertificate]:
    wanted = _authority_key(child)
    for candidate in candidates:
        found = candidate.facts.extensions.get(oids.SUBJECT_KEY_IDENTIFIER)
        own = None if found is None else der.Reader(found.value).octets()
        if candidate.facts.subject == child.facts.issuer and (None in (wanted, own) or wanted == own):
            yield candidate


def _authority_key(certificate: ParsedCertificate) -> bytes | None:
    found = certificate.facts.extensions.get(oids.AUTHORITY_KEY_IDENTIFIER)
    if found is None:
        return None
    body = der.whole(found.value)
    return body.value(0x80) if body.tag == 0x80 else None  # noqa: PLR2004 - keyIdentifier [0]


# --- 2. one certificate --------------------------------------------------------------------------------


def _check_authority(issuer: ParsedCertificate, *, below: int) -> None:
    """`below`: how many authorities stand between this one and the leaf."""
    constraints = issuer.facts.extensions.get(oids.BASIC_CONSTRAINTS)
    if issuer.facts.version != 2 or constraints is None:  # noqa: PLR2004 - v3
        raise VerificationError("the issuer is not an authority")
    body = der.whole(constraints.value)
    if body.tag != der.BOOLEAN or not body.boolean():
        raise VerificationError("the issuer is not an authority")
    if body.more and body.small() < below:
        raise VerificationError("the path is longer than an authority allows")
    if not may_use(issuer, "keyCertSign"):
        raise VerificationError("the issuer's key may not sign certificates")


def may_use(certificate: ParsedCertificate, use: str) -> bool:
    """Whether the key usage, if there is one, allows a use (§4.2.1.3)."""
    extension = certificate.facts.extensions.get(oids.KEY_USAGE)
    return extension is None or KEY_USAGE_BITS[use] in der.Reader(extension.value).named_bits()


@lru_cache(maxsize=64)
def _signed_by_known(authority: bytes, issuer: bytes) -> None:
    certificate = read_issuer(authority)
    _verify(certificate.tbs, certificate.algorithm, certificate.signature, read_issuer(issuer))


def _check_signature(certificate: bytes, issuer: bytes) -> None:
    """Verify one link. The few links between authorities are remembered once they verified."""
    child = read_certificate(certificate)
    if child.algorithm != child.facts.algorithm:
        raise VerificationError("the two algorithm fields differ")
    if oids.BASIC_CONSTRAINTS in child.facts.extensions:
        _signed_by_known(certificate, issuer)
    else:
        _verify(child.tbs, child.algorithm, child.signature, read_issuer(issuer))


def _verify(tbs: bytes, algorithm: bytes, signature: bytes, by: ParsedCertificate) -> None:
    try:
        name = algorithm_from_der(algorithm).name
    except MalformedError:
        raise VerificationError("an unknown signature algorithm") from None
    verify_signature(by.facts.spki, name, tbs, signature)


def _check_life(certificate: ParsedCertificate, at: datetime) -> None:
    # A moment within the last second belongs to the life: notAfter is inclusive.
    if at < certificate.facts.not_before:
        raise VerificationError("not yet valid", not_before=certificate.facts.not_before)
    if at.replace(microsecond=0) > certificate.facts.not_after:
        raise VerificationError("expired", not_after=certificate.facts.not_after)


def _check_critical(certificate: ParsedCertificate) -> None:
    for dotted, extension in certificate.facts.extensions.items():
        if extension.critical and dotted not in _UNDERSTOOD:
            raise VerificationError("a critical extension nobody here understands", extension=dotted)


def _narrow(policies: frozenset[str] | None, certificate: ParsedCertificate) -> frozenset[str] | None:
    """Policies left after one more certificate; None stands for every policy."""
    extension = certificate.facts.extensions.get(oids.CERTIFICATE_POLICIES)
    if extension is None:
        return frozenset()
    own: set[str] = set()
    listed = der.whole(extension.value)
    while listed.more:
        own.add(listed.enter().oid())
    if oids.ANY_POLICY in own:
        return policies
    return frozenset(own) if policies is None else policies & own


def _weaknesses(path: tuple[ParsedCertificate, ...]) -> Iterator[str]:
    for certificate in path[:-1]:  # a root's own signature protects nothing
        if algorithm_from_der(certificate.algorithm).weak:
            yield "sha1"
    for certificate in path:
        key = certificate.facts.key
        if key.modulus and key.modulus.bit_length() < MIN_RSA_BITS:
            yield key.algorithm


# --- 4. revocation -------------------------------------------------------------------------------------


def _check_statuses(path: tuple[ParsedCertificate, ...], trust: Trust, at: datetime) -> None:
    undecided: list[int] = []
    depth_limit = {"all": len(path) - 1, "leaf": 1, "none": 0}[trust.status]
    for depth in range(depth_limit - 1, -1, -1):
        certificate, issuer = path[depth], path[depth + 1]
        if oids.OCSP_NO_CHECK in certificate.facts.extensions:
            continue
        answer = _ocsp_status(certificate, issuer, trust, at)
        if answer is None:
            answer = _crl_status(certificate, issuer, trust, at)
        if answer is None:
            undecided.append(depth)
        elif answer is not _GOOD and answer.at <= at:
            raise VerificationError("revoked", at=answer.at, reason=answer.reason, depth=depth)
    if undecided:
        raise IndeterminateError("no fresh revocation status", depths=undecided)


#: A marker compared by identity: known, and not revoked.
_GOOD: Final = _Revoked(datetime.min.replace(tzinfo=UTC), "")


def _ocsp_status(
    certificate: ParsedCertificate, issuer: ParsedCertificate, trust: Trust, at: datetime
) -> _Revoked | None:
    """Answer of a trustworthy, fresh OCSP response; None when there is none (RFC 6960 §3.2)."""
    latest: tuple[datetime, _Revoked] | None = None
    for data in trust.responses:
        try:
            response = parse_response(data)
            single = next(
                s for s in response.data.singles if _is_about(s.cert_id, certificate.facts.serial, issuer)
            )
            # 3.2 (2)-(4): signed by the issuer or by a responder the issuer authorised for this.
            _check_responder(response, issuer, at)
        except (StopIteration, MalformedError, IndeterminateError, VerificationError, ProfileError):
            continue
        # 3.2 (5), (6): recent enough, and not from the future.
        until = single.next_update or single.this_update
        if single.this_update > at + _SKEW or until < at - _SKEW or single.status == "unknown":
            continue
        answer = _GOOD
        if single.revoked_at is not None:
            answer = _Revoked(single.revoked_at, single.reason or "unspecified")
        if latest is None or single.this_update >= latest[0]:
            latest = (single.this_update, answer)
    return None if latest is None else latest[1]


def _is_about(asked: CertId, serial: int, issuer: ParsedCertificate) -> bool:
    if asked.serial != serial or asked.hash_alg not in HASH_OIDS:
        return False
    return (asked.name_hash, asked.key_hash) == issuer_hashes(issuer.der, asked.hash_alg)


def _check_responder(response: OcspResponse, issuer: ParsedCertificate, at: datetime) -> None:
    """RFC 6960 §4.2.2.2: the issuer itself, or a certificate it signed with the purpose OCSPSigning."""
    wanted = response.data.responder_key_hash
    for candidate in (issuer, *map(read_issuer, response.certificates)):
        facts = candidate.facts
        if wanted is None:
            if facts.subject != response.data.responder_name:
                continue
        elif facts.key.identifier != wanted:
            continue
        if candidate.der != issuer.der:
            _check_delegate(candidate, issuer, at)
        _verify(response.tbs, response.algorithm, response.signature, candidate)
        return
    raise VerificationError("the responder is not known")


def _check_delegate(responder: ParsedCertificate, issuer: ParsedCertificate, at: datetime) -> None:
    if responder.facts.issuer != issuer.facts.subject:
        raise VerificationError("the responder is another authority's")
    _signed_by_known(responder.der, issuer.der)
    _check_life(responder, at)
    _check_critical(responder)
    purposes = responder.facts.extensions.get(oids.EXTENDED_KEY_USAGE)
    listed = der.Reader(b"") if purposes is None else der.whole(purposes.value)
    found = set()
    while listed.more:
        found.add(listed.oid())
    if oids.EKU_OCSP_SIGNING not in found or not may_use(responder, "digitalSignature"):
        raise VerificationError("the responder's key has another purpose")


def _crl_status(
    certificate: ParsedCertificate, issuer: ParsedCertificate, trust: Trust, at: datetime
) -> _Revoked | None:
    """Answer of a trustworthy, fresh CRL of the right shard; None when there is none (RFC 5280 §6.3.3)."""
    for data in trust.crls:
        try:
            found = _usable_crl(data, certificate, issuer, at)
            if found is None:
                continue
            # The serial's octets are looked for first: walking the entries is only for a hit.
            if der.integer(certificate.facts.serial) not in found.tbs:
                return _GOOD
            for entry in read_entries(found.facts):
                if entry.serial == certificate.facts.serial:
                    return _Revoked(entry.at, entry.reason)
        except (MalformedError, VerificationError, ProfileError):
            continue
        return _GOOD
    return None


def _usable_crl(
    data: bytes, certificate: ParsedCertificate, issuer: ParsedCertificate, at: datetime
) -> RevocationList | None:
    """Read a list, or None when it is another issuer's, another shard's, stale, or not understood."""
    found = _read_verified(data, issuer.der)
    facts = found.facts
    if facts.this_update > at + _SKEW or facts.next_update < at - _SKEW:
        return None
    if not may_use(issuer, "cRLSign"):
        return None
    # 6.3.3 (b)(2)(i): the list's own name is one of those in the certificate.
    if facts.idp_url is not None and facts.idp_url not in distribution_urls(certificate):
        return None
    known = {oids.AUTHORITY_KEY_IDENTIFIER, oids.CRL_NUMBER, oids.ISSUING_DISTRIBUTION_POINT}
    if any(e.critical and dotted not in known for dotted, e in facts.extensions.items()):
        return None
    return found


def distribution_urls(certificate: ParsedCertificate) -> tuple[str, ...]:
    """Addresses of the CRLs that cover a certificate (RFC 5280 §4.2.1.13); only URIs are looked at."""
    extension = certificate.facts.extensions.get(oids.CRL_DISTRIBUTION_POINTS)
    found: list[str] = []
    points = der.Reader(b"") if extension is None else der.whole(extension.value)
    while points.more:
        name = points.enter().optional(0xA0)
        full = None if name is None else name.optional(0xA0)
        while full is not None and full.more:
            if full.tag == 0x86:  # noqa: PLR2004 - uniformResourceIdentifier [6]
                found.append(der.read_text(der.IA5, full.value()))
            else:
                full.raw()
    return tuple(found)


@lru_cache(maxsize=32)
def _read_verified(data: bytes, issuer: bytes) -> RevocationList:
    """Read a list and verify its signature once; lists are read many times."""
    found = read_crl(data)
    by = read_issuer(issuer)
    if found.facts.issuer != by.facts.subject or found.algorithm != found.facts.algorithm:
        raise VerificationError("the list is another authority's")
    _verify(found.tbs, found.algorithm, found.signature, by)
    return found
