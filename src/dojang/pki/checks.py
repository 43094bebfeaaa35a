"""Does a certificate body keep to its profile? One set of rules, used twice.

`inspect_tbs` lists everything that is wrong (the lint). `check_tbs` adds what only the signer knows — its
issuer and its clock — and raises: the last gate before a key is used, it trusts nothing the builder did.
"""

from __future__ import annotations

from datetime import UTC, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import urlsplit

from dojang.pki import der, oids
from dojang.pki.certificate import Tbs, read_issuer, read_tbs
from dojang.pki.errors import DojangError, MalformedError, ProfileError
from dojang.pki.names import Name
from dojang.pki.npki.vid import decode_identify_data, encode_identify_data
from dojang.pki.rules import (
    BACKDATING,
    KEY_USAGE_BITS,
    MAX_SERIAL_BITS,
    MIN_SERIAL_BITS,
    POSTDATING,
    LintFinding,
    Profile,
)
from dojang.pki.signing import (
    algorithm_from_der,
    canonical_key,
    check_public_key,
    describe_key,
    signature_algorithm,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

_T = TypeVar("_T")
_MALFORMED: Final = "dojang.certificate.malformed"
_SECOND: Final = timedelta(seconds=1)
_VERSION_3: Final = 2
_LAST_UTC_YEAR: Final = 2049
_MAX_NOTICE: Final = 200  # characters of explicitText (RFC 5280 §4.2.1.4)
_MAX_URL: Final = 512


def inspect_tbs(profile: Profile, tbs: bytes) -> tuple[LintFinding, ...]:
    """List what in a TBSCertificate breaks its profile; empty when nothing does. Never raises on content."""
    try:
        facts = read_tbs(tbs)
    except MalformedError as error:
        return (LintFinding("fatal", _MALFORMED, "tbsCertificate", error.detail),)
    return inspect_facts(profile, facts)


def inspect_facts(profile: Profile, facts: Tbs) -> tuple[LintFinding, ...]:
    """As `inspect_tbs`, for a body already read."""
    return tuple(_inspect(profile, facts))


def check_tbs(
    profile: Profile,
    tbs: bytes,
    *,
    issuer_certificate: bytes | None,
    now: datetime,
    policy_arc: str | None = None,
) -> None:
    """Raise `ProfileError` unless `tbs` may be signed under `profile` by the issuer at the moment `now`.

    `issuer_certificate` is None only when a root signs itself. With `policy_arc` the policy OID must lie
    under it.
    ``data["findings"]`` of the error lists the codes of the broken rules.
    """
    try:
        facts = read_tbs(tbs)
    except MalformedError as error:
        raise ProfileError(f"the certificate is malformed: {error.detail}", findings=[_MALFORMED]) from error
    findings = list(inspect_facts(profile, facts))
    if not findings:
        findings += _inspect_issuer(profile, facts, issuer_certificate)
        findings += _inspect_moment(facts, now)
        if policy_arc is not None and profile.policy not in (None, "any"):
            findings += _inspect_arc(profile, facts, policy_arc)
        try:
            check_public_key(facts.spki, profile.keys)
            if canonical_key(facts.spki) != facts.spki:
                findings.append(_error("key_encoding", "subjectPublicKeyInfo"))
        except DojangError as error:
            findings.append(_error("key", "subjectPublicKeyInfo", error.detail))
    if findings:
        codes = [finding.code for finding in findings]
        raise ProfileError(f"the certificate breaks its profile: {', '.join(codes)}", findings=codes)


def _error(rule: str, where: str, note: str = "") -> LintFinding:
    return LintFinding("error", f"dojang.certificate.{rule}", where, note)


# --- rules that need only the certificate -------------------------------------------------------------


def _inspect(profile: Profile, facts: Tbs) -> Iterator[LintFinding]:
    if facts.version != _VERSION_3:
        yield _error("version", "version")
    if facts.serial <= 0 or not MIN_SERIAL_BITS <= facts.serial.bit_length() <= MAX_SERIAL_BITS:
        yield _error("serial", "serialNumber", "120 to 159 bits, positive")
    if facts.unique_ids:
        yield _error("unique_id", "issuerUniqueID")
    yield from _inspect_algorithms(profile, facts)
    yield from _inspect_validity(profile, facts)
    yield from _inspect_issuer_name(facts.issuer)
    yield from _inspect_name(facts.subject, "subject", profile.subject)
    yield from _inspect_extensions(profile, facts)


def _inspect_algorithms(profile: Profile, facts: Tbs) -> Iterator[LintFinding]:
    try:
        if algorithm_from_der(facts.algorithm).weak:
            yield _error("weak_signature", "signature")
    except MalformedError:
        yield _error("signature_algorithm", "signature")
    try:
        if facts.key.algorithm not in profile.keys:
            yield _error("key", "subjectPublicKeyInfo", facts.key.algorithm)
    except MalformedError as error:
        yield _error("key", "subjectPublicKeyInfo", error.detail)


def _inspect_validity(profile: Profile, facts: Tbs) -> Iterator[LintFinding]:
    if not facts.not_before <= facts.not_after:
        yield _error("life", "validity", "ends before it begins")
    elif facts.not_after - facts.not_before + _SECOND > profile.max_life:
        yield _error("life", "validity", "longer than the profile allows")
    for tag, moment in zip(facts.time_tags, (facts.not_before, facts.not_after), strict=True):
        if tag != (der.UTC_TIME if moment.year <= _LAST_UTC_YEAR else der.GENERALIZED_TIME):
            yield _error("time_type", "validity", "RFC 5280 §4.1.2.5")


@lru_cache(maxsize=64)
def _inspect_issuer_name(data: bytes) -> tuple[LintFinding, ...]:
    return tuple(_inspect_name(data, "issuer", ("C", "O", "OU+", "CN")))


def _inspect_name(data: bytes, where: str, shape: tuple[str, ...]) -> Iterator[LintFinding]:
    try:
        name = Name.from_der(data)
        if not _fits(tuple(kind for kind, _ in name.attributes), shape):
            yield _error("name_shape", where)
        elif name.der != data:  # string types and one attribute in each RDN, exactly as we write them
            yield _error("name_encoding", where)
    except DojangError as error:  # among them values too long, padded or unprintable
        yield _error("name", where, error.detail)


def _fits(kinds: tuple[str, ...], shape: tuple[str, ...]) -> bool:
    """Whether attribute kinds follow a shape in which ``"OU+"`` stands for one or more."""
    at = 0
    for wanted in shape:
        kind = wanted.rstrip("+")
        if at >= len(kinds) or kinds[at] != kind:
            return False
        at += 1
        while wanted.endswith("+") and at < len(kinds) and kinds[at] == kind:
            at += 1
    return at == len(kinds)


def _inspect_extensions(profile: Profile, facts: Tbs) -> Iterator[LintFinding]:
    wanted = profile.extensions
    found = tuple((dotted, extension.critical) for dotted, extension in facts.extensions.items())
    if found != wanted:
        yield _error("extensions", "extensions", "not exactly those of the profile, in its order")
        return
    for dotted, extension in facts.extensions.items():
        if dotted == oids.SUBJECT_KEY_IDENTIFIER:
            fault = _fault(_subject_key, facts, extension.value)
        elif dotted == oids.SUBJECT_ALT_NAME:
            fault = _fault(_identify, profile, extension.value)
        else:
            fault = _shared_fault(profile, dotted, extension.value)
        if fault:
            yield _error("extension_value", f"extensions.{_NAMES[dotted]}", fault)


def _fault(rule: Callable[[_T, bytes], str | None], context: _T, value: bytes) -> str | None:
    try:
        return rule(context, value)
    except DojangError as error:
        return error.detail


@lru_cache(maxsize=1024)
def _shared_fault(profile: Profile, dotted: str, value: bytes) -> str | None:
    """Judge an extension that many certificates have in common, once."""
    return _fault(_VALUE_RULES[dotted], profile, value)


# Each rule returns what is wrong, or nothing; a MalformedError on the way counts as wrong.


def _authority_key(_profile: Profile, value: bytes) -> str | None:
    body = der.whole(value)
    identifier = body.value(0x80)
    body.done()  # authorityCertIssuer and serial number are left out on purpose (see profiles)
    return None if len(identifier) == 20 else "a key identifier has 20 octets"  # noqa: PLR2004 - SHA-1


def _subject_key(facts: Tbs, value: bytes) -> str | None:
    reader = der.Reader(value)
    identifier = reader.octets()
    reader.done()
    return None if identifier == facts.key.identifier else "not the SHA-1 of the key"


def _key_usage(profile: Profile, value: bytes) -> str | None:
    reader = der.Reader(value)
    bits = reader.named_bits()
    reader.done()
    wanted = {KEY_USAGE_BITS[use] for use in profile.key_usage}
    return None if bits == wanted else "not the profile's usages"


def _basic_constraints(profile: Profile, value: bytes) -> str | None:
    body = der.whole(value)
    authority = body.boolean() if body.tag == der.BOOLEAN else False
    limit = body.small() if body.more else None
    body.done()
    return None if authority and limit == profile.path_length else "not the profile's constraints"


def _extended_usage(profile: Profile, value: bytes) -> str | None:
    body = der.whole(value)
    found = []
    while body.more:
        found.append(body.oid())
    return None if tuple(found) == profile.extended_key_usage else "not the profile's purposes"


def _identify(_profile: Profile, value: bytes) -> str | None:
    data = decode_identify_data(value)
    if data.hash == "sha1":
        return "SHA-1 is not for new certificates"
    same = encode_identify_data(data) == value
    return None if same else "not identifyData alone, octet for octet as we write it"


def _policies(profile: Profile, value: bytes) -> str | None:
    body = der.whole(value)
    information = body.enter()
    body.done()  # exactly one policy
    dotted = information.oid()
    if profile.policy == "any":
        information.done()
        return None if dotted == oids.ANY_POLICY else "not the profile's policy"
    if not dotted.endswith(f".{profile.policy}"):
        return "not the profile's policy"
    if information.more:
        qualifiers = information.enter()
        information.done()
        while qualifiers.more:
            if fault := _qualifier(qualifiers.enter()):
                return fault
    return None


def _qualifier(body: der.Reader) -> str | None:
    dotted = body.oid()
    if dotted == oids.CPS_QUALIFIER:
        address = body.value(der.IA5)
        body.done()
        return _url_fault(address, ("http", "https"))
    if dotted != oids.USER_NOTICE_QUALIFIER:
        return "a qualifier RFC 5280 does not know"
    notice = body.enter()
    body.done()
    kind, text = notice.tag, notice.text()
    notice.done()
    if kind != der.UTF8 or not 1 <= len(text) <= _MAX_NOTICE:
        return "explicitText is UTF8String of 1 to 200 characters"
    return None


def _distribution_points(_profile: Profile, value: bytes) -> str | None:
    body = der.whole(value)
    point = body.enter()
    body.done()  # one point, one address: the shard the certificate belongs to
    name = point.enter(0xA0)
    point.done()
    full = name.enter(0xA0)
    name.done()
    address = full.value(0x86)
    full.done()
    return _url_fault(address)


def _information_access(profile: Profile, value: bytes) -> str | None:
    body = der.whole(value)
    found = []
    while body.more:
        way = body.enter()
        found.append(way.oid())
        if fault := _url_fault(way.value(0x86)):
            return fault
        way.done()
    wanted = [oids.AD_OCSP] * profile.ocsp + [oids.AD_CA_ISSUERS] * profile.ca_issuers
    return None if found == wanted else "not the profile's access methods"


def _no_check(_profile: Profile, value: bytes) -> str | None:
    return None if value == der.NULL_VALUE else "not NULL"


def _url_fault(address: bytes, schemes: tuple[str, ...] = ("http",)) -> str | None:
    if len(address) > _MAX_URL or not address.isascii() or any(c <= 0x20 or c == 0x7F for c in address):  # noqa: PLR2004
        return "an address with characters it must not have"
    try:
        parts = urlsplit(address.decode("ascii"))
        usable = parts.scheme in schemes and bool(parts.hostname)
    except ValueError:
        usable = False
    return None if usable else "not an address of the allowed scheme"


_VALUE_RULES: Final[dict[str, Callable[[Profile, bytes], str | None]]] = {
    oids.AUTHORITY_KEY_IDENTIFIER: _authority_key,
    oids.BASIC_CONSTRAINTS: _basic_constraints,
    oids.KEY_USAGE: _key_usage,
    oids.CERTIFICATE_POLICIES: _policies,
    oids.SUBJECT_ALT_NAME: _identify,
    oids.EXTENDED_KEY_USAGE: _extended_usage,
    oids.CRL_DISTRIBUTION_POINTS: _distribution_points,
    oids.AUTHORITY_INFO_ACCESS: _information_access,
    oids.OCSP_NO_CHECK: _no_check,
}
_NAMES: Final = {
    oids.AUTHORITY_KEY_IDENTIFIER: "authorityKeyIdentifier",
    oids.SUBJECT_KEY_IDENTIFIER: "subjectKeyIdentifier",
    oids.BASIC_CONSTRAINTS: "basicConstraints",
    oids.KEY_USAGE: "keyUsage",
    oids.CERTIFICATE_POLICIES: "certificatePolicies",
    oids.SUBJECT_ALT_NAME: "subjectAltName",
    oids.EXTENDED_KEY_USAGE: "extKeyUsage",
    oids.CRL_DISTRIBUTION_POINTS: "cRLDistributionPoints",
    oids.AUTHORITY_INFO_ACCESS: "authorityInfoAccess",
    oids.OCSP_NO_CHECK: "ocspNoCheck",
}


# --- rules that need the issuer and the clock ---------------------------------------------------------


def _inspect_issuer(profile: Profile, facts: Tbs, issuer_certificate: bytes | None) -> Iterator[LintFinding]:
    if (profile.role == "root") != (issuer_certificate is None):
        yield _error("issuer", "issuer", "a root, and only a root, is without an issuer")
    elif issuer_certificate is None:
        if facts.issuer != facts.subject:
            yield _error("issuer", "issuer", "a root's issuer is its own name")
        if not _agrees(facts.algorithm, facts.spki):
            yield _error("signature_algorithm", "signature", "not one of the issuer's key")
    else:
        yield from _inspect_link(profile, facts, read_issuer(issuer_certificate).facts)


def _inspect_link(profile: Profile, facts: Tbs, issuer: Tbs) -> Iterator[LintFinding]:
    if facts.issuer != issuer.subject:
        yield _error("issuer", "issuer", "not the subject of the issuer's certificate, octet for octet")
    if not _agrees(facts.algorithm, issuer.spki):
        yield _error("signature_algorithm", "signature", "not one of the issuer's key")
    if facts.not_before < issuer.not_before or facts.not_after > issuer.not_after:
        yield _error("life", "validity", "not within the issuer's")
    if not _may_issue(issuer):
        yield _error("issuer", "issuer", "not an authority")
    elif profile.authority and _path_length(issuer) == 0:
        yield _error("issuer", "issuer", "may not have authorities below it")
    own = facts.extensions.get(oids.AUTHORITY_KEY_IDENTIFIER)
    above = issuer.extensions.get(oids.SUBJECT_KEY_IDENTIFIER)
    # Both hold 20 octets; the heads before them are four and two octets long.
    if own is None or above is None or own.value[4:] != above.value[2:]:
        yield _error("authority_key", "extensions.authorityKeyIdentifier", "not the issuer's key")


def _agrees(algorithm: bytes, issuer_key: bytes) -> bool:
    """Whether it is the very signature the issuer's key makes here: the signer makes no other."""
    return algorithm == signature_algorithm(describe_key(issuer_key).algorithm).der


def _may_issue(issuer: Tbs) -> bool:
    constraints = issuer.extensions.get(oids.BASIC_CONSTRAINTS)
    usage = issuer.extensions.get(oids.KEY_USAGE)
    if constraints is None or usage is None:
        return False
    body = der.whole(constraints.value)
    authority = body.tag == der.BOOLEAN and body.boolean()
    return authority and KEY_USAGE_BITS["keyCertSign"] in der.Reader(usage.value).named_bits()


def _path_length(issuer: Tbs) -> int | None:
    body = der.whole(issuer.extensions[oids.BASIC_CONSTRAINTS].value)
    body.raw()
    return body.small() if body.more else None


def _inspect_moment(facts: Tbs, now: datetime) -> Iterator[LintFinding]:
    moment = now.astimezone(UTC)
    if facts.not_before < moment - BACKDATING:
        yield _error("back_dated", "validity.notBefore")
    if facts.not_before > moment + POSTDATING:
        yield _error("post_dated", "validity.notBefore")
    if facts.not_after < moment:
        yield _error("life", "validity.notAfter", "already over")


def _inspect_arc(profile: Profile, facts: Tbs, policy_arc: str) -> Iterator[LintFinding]:
    information = der.whole(facts.extensions[oids.CERTIFICATE_POLICIES].value).enter()
    if information.oid() != oids.policy_oid(policy_arc, profile.policy or ""):
        yield _error("policy_arc", "extensions.certificatePolicies", "not under the bank's arc")
