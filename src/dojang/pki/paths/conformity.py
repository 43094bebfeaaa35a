"""What RFC 5280 §4 asks of those who issue, looked at when a certificate is to serve a stated purpose.

Path validation (§6) does not need these rules. Software that speaks to strangers is safer with them: a
certificate that breaks one was not made by an authority that knows what it does.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from dojang.pki import der, oids
from dojang.pki.certificate import ParsedCertificate, read_certificate
from dojang.pki.errors import MalformedError, VerificationError
from dojang.pki.paths.constraints import read_name_constraints
from dojang.pki.paths.facts import authority_key, basic_constraints, key_usage, purposes, subject_key
from dojang.pki.paths.lists import read_distribution_points
from dojang.pki.paths.model import wrong
from dojang.pki.paths.names import (
    EMPTY_NAME,
    alternative_names,
    comparable,
    is_dns_pattern,
    is_self_issued,
    read_general_name,
    split_mailbox,
)
from dojang.pki.paths.policies import read_policies
from dojang.pki.rules import KEY_USAGE_BITS, MAX_SERIAL_BITS
from dojang.pki.signatures import weakness_of_algorithm, weakness_of_key
from dojang.pki.signing import load_public_key

if TYPE_CHECKING:
    from datetime import datetime

    from dojang.pki.certificate import Tbs

_V3: Final = 2
_UTC_LAST: Final = 2049  # RFC 5280 section 4.1.2.5: UTCTime through that year
_CERT_SIGN: Final = KEY_USAGE_BITS["keyCertSign"]
_LIST_SIGN: Final = KEY_USAGE_BITS["cRLSign"]
#: Must be critical, and must not be (RFC 5280 §4.2.1.1, .2, .10, .11, .14, §4.2.2.1).
_ALWAYS_CRITICAL: Final = (oids.NAME_CONSTRAINTS, oids.POLICY_CONSTRAINTS, oids.INHIBIT_ANY_POLICY)
_NEVER_CRITICAL: Final = (
    oids.AUTHORITY_KEY_IDENTIFIER,
    oids.SUBJECT_KEY_IDENTIFIER,
    oids.AUTHORITY_INFO_ACCESS,
)
#: Purposes a server's certificate does not have beside its own (CA/Browser Forum BR §7.1.2.7.10).
_NOT_A_SERVERS: Final = frozenset(
    {
        oids.EKU_ANY,
        oids.EKU_CODE_SIGNING,
        oids.EKU_EMAIL_PROTECTION,
        oids.EKU_TIME_STAMPING,
        oids.EKU_OCSP_SIGNING,
        oids.EKU_PRECERTIFICATE,
    }
)
#: The same for a mailbox's certificate and its authorities (S/MIME BR §7.1.2.2, §7.1.2.3).
_NOT_A_MAILBOXS: Final = frozenset(
    {oids.EKU_ANY, oids.EKU_SERVER_AUTH, oids.EKU_CODE_SIGNING, oids.EKU_TIME_STAMPING}
)


def _broken(section: str, detail: str) -> VerificationError:
    return wrong("profile", detail, rule=f"RFC 5280 §{section}")


def check_profile(path: tuple[ParsedCertificate, ...], purpose: str) -> None:
    """Refuse a path in which a certificate breaks the profile; leaf first."""
    for depth, certificate in enumerate(path):
        if depth > 0:
            _check_authority_profile(certificate.der, anchor=depth == len(path) - 1, purpose=purpose)
        else:
            _check(certificate, anchor=False, authority=False)
    if purpose == oids.EKU_SERVER_AUTH:
        _check_server(path[0].facts)
    elif purpose == oids.EKU_EMAIL_PROTECTION:
        _check_mail(path[0].facts)


@lru_cache(maxsize=128)
def _check_authority_profile(data: bytes, *, anchor: bool, purpose: str) -> None:
    certificate = read_certificate(data)
    _check(certificate, anchor=anchor, authority=True)
    if anchor and purpose == oids.EKU_SERVER_AUTH:
        _check_server_root(certificate.facts)
    if purpose == oids.EKU_EMAIL_PROTECTION:
        _check_mail_authority(certificate.facts, anchor=anchor)


def _check(certificate: ParsedCertificate, *, anchor: bool, authority: bool) -> None:
    facts = certificate.facts
    if facts.version != _V3:
        raise _broken("4.1.2.1", "a certificate without extensions' version")
    if not anchor and not 0 < facts.serial < 1 << (MAX_SERIAL_BITS):
        raise _broken("4.1.2.2", "a serial number that is not positive, or of more than 20 octets")
    _check_times(facts)
    _check_names(facts, authority=authority)
    _check_marks(facts)
    _check_keys(facts, anchor=anchor, authority=authority)
    _check_usage(facts, authority=authority)
    _check_readable(facts)
    check_floor(certificate, anchor=anchor)


def check_floor(certificate: ParsedCertificate, *, anchor: bool) -> None:
    """Refuse a key or a signature below the floor; an anchor's own signature protects nothing."""
    try:
        found = weakness_of_key(certificate.facts.spki)
        if not found and not anchor:
            found = weakness_of_algorithm(certificate.algorithm)
        if not found and der.whole(certificate.facts.spki).enter().oid() in (oids.RSA, oids.EC_KEY):
            load_public_key(certificate.facts.spki)
    except MalformedError as error:
        raise wrong("weak", "a key or an algorithm of a kind not in use") from error
    if found:
        raise wrong("weak", "a key or an algorithm below the floor", weak=found)


def _check_times(facts: Tbs) -> None:
    for tag, moment in zip(facts.time_tags, (facts.not_before, facts.not_after), strict=True):
        if tag != _time_tag(moment):
            raise _broken("4.1.2.5", "a time in the form of another century")
    if facts.not_after < facts.not_before:
        raise _broken("4.1.2.5", "a life that ends before it begins")


def _time_tag(moment: datetime) -> int:
    return der.UTC_TIME if moment.year <= _UTC_LAST else der.GENERALIZED_TIME


def _check_names(facts: Tbs, *, authority: bool) -> None:
    if facts.issuer == EMPTY_NAME:
        raise _broken("4.1.2.4", "an issuer without a name")
    comparable(facts.subject)
    extension = facts.extensions.get(oids.SUBJECT_ALT_NAME)
    if facts.subject == EMPTY_NAME and (authority or extension is None or not extension.critical):
        raise _broken("4.2.1.6", "no subject, and no critical alternative name in its place")
    for name in alternative_names(facts):
        if (
            (name.kind == "dns" and not is_dns_pattern(name.text))
            or (name.kind == "email" and split_mailbox(name.text) is None)
            or (name.kind == "ip" and len(name.value) not in (4, 16))
        ):
            raise _broken("4.2.1.6", "an alternative name that is none of its kind")


def _check_marks(facts: Tbs) -> None:
    for dotted, extension in facts.extensions.items():
        if dotted in _ALWAYS_CRITICAL and not extension.critical:
            raise _broken("4.2", "an extension that must be critical and is not")
        if dotted in _NEVER_CRITICAL and extension.critical:
            raise _broken("4.2", "an extension that must not be critical and is")


def _check_keys(facts: Tbs, *, anchor: bool, authority: bool) -> None:
    told = authority_key(facts)
    if told is None and not (anchor and is_self_issued(facts)):
        raise _broken("4.2.1.1", "no key identifier of the issuer")
    own = subject_key(facts)
    if authority and own is None:
        raise _broken("4.2.1.2", "an authority without a key identifier")


def _check_usage(facts: Tbs, *, authority: bool) -> None:
    bits = key_usage(facts)
    constraints = basic_constraints(facts)
    extension = facts.extensions.get(oids.BASIC_CONSTRAINTS)
    if bits is not None and not bits:
        raise _broken("4.2.1.3", "a key usage that allows nothing")
    if authority and extension is not None and not extension.critical:
        raise _broken("4.2.1.9", "basic constraints of an authority that are not critical")
    if not constraints.authority:
        if bits is not None and _CERT_SIGN in bits:
            raise _broken("4.2.1.9", "a key that may sign certificates and is no authority's")
        if constraints.path_length is not None:
            raise _broken("4.2.1.9", "a path length without an authority")
        if oids.NAME_CONSTRAINTS in facts.extensions:
            raise _broken("4.2.1.10", "name constraints without an authority")
    elif bits is not None and _CERT_SIGN not in bits:
        raise _broken("4.2.1.9", "an authority whose key may not sign certificates")


def _check_readable(facts: Tbs) -> None:
    """Take apart what the validation itself did not need to."""
    found = facts.extensions
    if (points := found.get(oids.CRL_DISTRIBUTION_POINTS)) is not None:
        read_distribution_points(points.value, facts.issuer)
    if (access := found.get(oids.AUTHORITY_INFO_ACCESS)) is not None:
        _read_access(access.value)
    if (policies := found.get(oids.CERTIFICATE_POLICIES)) is not None:
        read_policies(policies.value)
    if (constraints := found.get(oids.NAME_CONSTRAINTS)) is not None:
        read_name_constraints(constraints.value)
    purposes(facts)


def _read_access(value: bytes) -> None:
    listed = der.whole(value)
    if not listed.more:
        raise MalformedError("access to nothing")
    while listed.more:
        one = listed.enter()
        one.oid()
        read_general_name(one)
        one.done()


def _check_server(facts: Tbs) -> None:
    """Refuse what a server's certificate does not have on the open network (CA/Browser Forum BR §7.1.2.7)."""
    rule = "CA/B BR §7.1.2.7"
    extension = facts.extensions.get(oids.EXTENDED_KEY_USAGE)
    if extension is not None and (extension.critical or _NOT_A_SERVERS & (purposes(facts) or frozenset())):
        raise wrong("purpose", "purposes a server's certificate does not have", rule=rule)
    alternative = facts.extensions.get(oids.SUBJECT_ALT_NAME)
    if alternative is not None and alternative.critical and facts.subject != EMPTY_NAME:
        raise wrong("profile", "a critical alternative name beside a subject", rule=rule)


def _check_mail(facts: Tbs) -> None:
    """Refuse what a mailbox's certificate does not have (S/MIME BR §7.1.2.3)."""
    rule = "S/MIME BR §7.1.2.3"
    if key_usage(facts) is None:
        raise wrong("profile", "no key usage in a mailbox's certificate", rule=rule)
    if _NOT_A_MAILBOXS & (purposes(facts) or frozenset()):
        raise wrong("purpose", "purposes a mailbox's certificate does not have", rule=rule)
    alternative = facts.extensions.get(oids.SUBJECT_ALT_NAME)
    if not any(name.kind == "email" for name in alternative_names(facts)):
        raise wrong("profile", "no mailbox in a mailbox's certificate", rule=rule)
    if alternative is not None and alternative.critical and facts.subject != EMPTY_NAME:
        raise wrong("profile", "a critical alternative name beside a subject", rule=rule)


def _check_mail_authority(facts: Tbs, *, anchor: bool) -> None:
    """Refuse what an authority for mailboxes does not have (S/MIME BR §7.1.2.1, §7.1.2.2)."""
    if anchor:
        if oids.EXTENDED_KEY_USAGE in facts.extensions:
            raise wrong("profile", "a root that names purposes", rule="S/MIME BR §7.1.2.1")
        return
    rule = "S/MIME BR §7.1.2.2"
    bits = key_usage(facts)
    if bits is not None and _LIST_SIGN not in bits:
        raise wrong("profile", "an authority for mailboxes that may not sign lists", rule=rule)
    if _NOT_A_MAILBOXS & (purposes(facts) or frozenset()):
        raise wrong("purpose", "purposes an authority for mailboxes does not have", rule=rule)


def _check_server_root(facts: Tbs) -> None:
    """Refuse what a root does not have on the open network (CA/Browser Forum BR §7.1.2.1)."""
    rule = "CA/B BR §7.1.2.1"
    if oids.EXTENDED_KEY_USAGE in facts.extensions:
        raise wrong("profile", "a root that names purposes", rule=rule)
    extension = facts.extensions.get(oids.AUTHORITY_KEY_IDENTIFIER)
    if extension is None or not is_self_issued(facts):
        return
    key = der.whole(extension.value)
    own = key.value(0x80) if key.tag == 0x80 else None  # noqa: PLR2004 - keyIdentifier [0]
    if own != subject_key(facts) or key.more:
        raise wrong("profile", "a root that names another key as its issuer's", rule=rule)
