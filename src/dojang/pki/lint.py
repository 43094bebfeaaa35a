"""Pre-issuance lint: our own rules on every object, and pkilint on specimens and samples.

The fast rules (`lint_*`, well under 0.3 ms for a certificate) run on everything before it is released. The
slow ones (`pkilint_*`, several milliseconds) are an independent opinion: they run on a specimen of every
profile before it may issue, and on samples afterwards. Findings are values; `require_clean` raises them.
"""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from dojang.pki import der, oids
from dojang.pki.build import assemble_certificate
from dojang.pki.certificate import read_certificate
from dojang.pki.checks import inspect_facts
from dojang.pki.crl import CrlFacts, read_crl
from dojang.pki.errors import IndeterminateError, MalformedError, ProfileError
from dojang.pki.ocsp import parse_response
from dojang.pki.rules import LintFinding, Profile
from dojang.pki.second_opinion import pkilint_certificate, pkilint_crl, pkilint_ocsp
from dojang.pki.signing import PrivateKey, algorithm_from_der, sign, signature_algorithm

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "LintFinding",
    "lint_certificate",
    "lint_crl",
    "lint_ocsp",
    "pkilint_certificate",
    "pkilint_crl",
    "pkilint_ocsp",
    "require_clean",
    "specimen",
]

_ORDER: Final = ("fatal", "error", "warning", "notice", "info", "debug")
_LAST_UTC_YEAR: Final = 2049
_DUPLICATES_UP_TO: Final = 250_000  # entries; beyond, remembering every serial would cost too much memory


def require_clean(findings: Iterable[LintFinding], *, least: str = "error") -> None:
    """Raise `ProfileError` when a finding is at least as severe as `least`; its data lists the codes."""
    reach = _ORDER.index(least)
    bad = [finding for finding in findings if _ORDER.index(finding.severity) <= reach]
    if bad:
        listed = "; ".join(f"{finding.code} at {finding.where}" for finding in bad)
        raise ProfileError(f"lint: {listed}", findings=[finding.code for finding in bad])


def specimen(tbs: bytes, algorithm: str) -> bytes:
    """`tbs` signed by a throw-away key: what is linted before the authority's key is used. Never released.

    A root's specimen does not verify under its own key, so pkilint does not know it for a root and misses an
    authority key identifier: let pkilint see the root itself, after signing.
    """
    return assemble_certificate(tbs, sign(_throw_away(algorithm), algorithm, tbs), algorithm)


@cache
def _throw_away(algorithm: str) -> PrivateKey:
    if signature_algorithm(algorithm).family == "ec":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(65537, 2048)


def _error(area: str, rule: str, where: str, note: str = "") -> LintFinding:
    return LintFinding("error", f"dojang.{area}.{rule}", where, note)


# --- our own rules ------------------------------------------------------------------------------------


def lint_certificate(data: bytes, profile: Profile) -> tuple[LintFinding, ...]:
    """Everything that is wrong with a certificate under its profile. Signature and issuer are not checked."""
    try:
        certificate = read_certificate(data)
    except MalformedError as error:
        return (LintFinding("fatal", "dojang.certificate.malformed", "certificate", error.detail),)
    found = list(inspect_facts(profile, certificate.facts))
    found += _lint_signature(
        "certificate", certificate.algorithm, certificate.facts.algorithm, certificate.signature
    )
    return tuple(found)


def _lint_signature(area: str, outer: bytes, inner: bytes, signature: bytes) -> Iterator[LintFinding]:
    """Check that the algorithm fields agree (RFC 5280 §4.1.1.2), none is weak, and ECDSA values are DER."""
    if outer != inner:
        yield _error(area, "algorithm_mismatch", "signatureAlgorithm")
    try:
        algorithm = algorithm_from_der(outer)
    except MalformedError:
        yield _error(area, "signature_algorithm", "signatureAlgorithm")
        return
    if algorithm.weak:
        yield _error(area, "weak_signature", "signatureAlgorithm")
    if algorithm.scheme == "ecdsa":
        try:
            pair = der.whole(signature)
            positive = pair.integer() > 0 and pair.integer() > 0
            pair.done()
        except MalformedError:
            positive = False
        if not positive:
            yield _error(area, "signature_value", "signatureValue")


def lint_crl(data: bytes) -> tuple[LintFinding, ...]:
    """Everything that is wrong with a CRL of ours (RFC 5280 §5). About one microsecond an entry."""
    try:
        found = read_crl(data)
    except MalformedError as error:
        return (LintFinding("fatal", "dojang.crl.malformed", "crl", error.detail),)
    facts = found.facts
    findings = list(_lint_signature("crl", found.algorithm, facts.algorithm, found.signature))
    for tag, moment in zip(facts.time_tags, (facts.this_update, facts.next_update), strict=True):
        if tag != (der.UTC_TIME if moment.year <= _LAST_UTC_YEAR else der.GENERALIZED_TIME):
            findings.append(_error("crl", "time_type", "thisUpdate", "RFC 5280 §5.1.2.4"))
    if facts.next_update <= facts.this_update:
        findings.append(_error("crl", "life", "nextUpdate"))
    critical = {dotted for dotted, extension in facts.extensions.items() if extension.critical}
    known = {oids.AUTHORITY_KEY_IDENTIFIER, oids.CRL_NUMBER, oids.ISSUING_DISTRIBUTION_POINT}
    if set(facts.extensions) - known or critical - {oids.ISSUING_DISTRIBUTION_POINT}:
        findings.append(_error("crl", "extensions", "crlExtensions"))
    if oids.ISSUING_DISTRIBUTION_POINT in facts.extensions and not critical:
        findings.append(_error("crl", "idp_critical", "crlExtensions.issuingDistributionPoint"))
    findings.extend(_lint_entries(facts))
    return tuple(findings)


_TIME_SIZES: Final = {der.UTC_TIME: 15, der.GENERALIZED_TIME: 17}
#: Reasons as they may be written: 0 is written by absence, 7 does not exist.
_REASON_TAILS: Final = frozenset(
    der.sequence(der.sequence(der.oid(oids.CRL_REASON), der.octet_string(der.enumerated(reason))))
    for reason in (1, 2, 3, 4, 5, 6, 8, 9, 10)
)


def _lint_entries(facts: CrlFacts) -> Iterator[LintFinding]:
    """Walk the entries by the one shape we write: short lengths, positive serial, time, perhaps a reason."""
    data = bytes(facts.entries)
    latest = der.time(facts.this_update)
    seen: set[bytes] | None = set()
    pos, end, count = 0, len(data), 0
    while pos < end:
        stop = pos + 2 + data[pos + 1] if pos + 4 <= end else end + 1
        after_serial = pos + 4 + data[pos + 3] if stop <= end else end
        kind = data[after_serial] if after_serial < end else 0
        after_time = after_serial + _TIME_SIZES.get(kind, 0)
        serial, moment, rest = (
            data[pos + 4 : after_serial],
            data[after_serial:after_time],
            data[after_time:stop],
        )
        shaped = after_time <= stop <= end and data[pos] == der.SEQUENCE and data[pos + 2] == der.INTEGER
        shaped = shaped and (not rest or rest in _REASON_TAILS)
        if not (shaped and _right_serial(serial) and _right_time(moment)):
            yield _error("crl", "entry", f"revokedCertificates.{count}", "not the shape of an entry")
            return
        # Two UTCTimes of this century compare as octets; a revocation may not lie after its list.
        if kind == der.UTC_TIME == latest[0] and moment > latest:
            yield _error("crl", "entry_time", f"revokedCertificates.{count}", "after thisUpdate")
        if seen is not None:
            if serial in seen:
                yield _error("crl", "duplicate", f"revokedCertificates.{count}")
            seen.add(serial)
            if len(seen) > _DUPLICATES_UP_TO:
                seen = None
        pos, count = stop, count + 1


def _right_serial(serial: bytes) -> bool:
    """Positive, minimal, at most 20 octets."""
    if not 1 <= len(serial) <= 20 or serial[0] & 0x80:  # noqa: PLR2004 - RFC 5280 §4.1.2.2
        return False
    return serial[0] != 0 or (len(serial) > 1 and serial[1] & 0x80 != 0)


def _right_time(moment: bytes) -> bool:
    """Digits, then Z, of the length written."""
    return len(moment) > 2 and moment[1] == len(moment) - 2 and moment[2:-1].isdigit() and moment[-1:] == b"Z"  # noqa: PLR2004


_MAX_OCSP_LIFE: Final = timedelta(days=10)


def lint_ocsp(data: bytes) -> tuple[LintFinding, ...]:
    """Everything that is wrong with a successful OCSP response of ours (RFC 6960 §4.2)."""
    try:
        response = parse_response(data)
    except IndeterminateError:
        return ()  # an error status has nothing more to look at
    except MalformedError as error:
        return (LintFinding("fatal", "dojang.ocsp.malformed", "response", error.detail),)
    body = response.data
    findings = list(_lint_signature("ocsp", response.algorithm, response.algorithm, response.signature))
    if body.responder_key_hash is None or len(body.responder_key_hash) != 20:  # noqa: PLR2004 - SHA-1
        findings.append(_error("ocsp", "responder", "responderID", "named by key"))
    if not body.singles:
        findings.append(_error("ocsp", "empty", "responses"))
    for number, single in enumerate(body.singles):
        where = f"responses.{number}"
        until = single.next_update
        if until is None or not single.this_update <= until <= single.this_update + _MAX_OCSP_LIFE:
            findings.append(_error("ocsp", "life", where))
        if single.this_update > body.produced_at:
            findings.append(_error("ocsp", "this_update", where, "after producedAt"))
        if single.revoked_at is not None and single.revoked_at > body.produced_at:
            findings.append(_error("ocsp", "revoked_at", where, "after producedAt"))
    return tuple(findings)
