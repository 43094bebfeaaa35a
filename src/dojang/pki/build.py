"""Building certificates: one DER template for each issuer, profile and set of addresses, then splicing.

Everything that is the same in all certificates of one kind is encoded once. For each certificate only the
serial, times, subject, key, key identifier and subjectAltName are encoded, and the lengths around them.
A test compares the bytes with those of an independent builder.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from dojang.pki import der, oids
from dojang.pki.certificate import read_issuer
from dojang.pki.day import day_ends, day_of
from dojang.pki.errors import ProfileError
from dojang.pki.npki.vid import IdentifyData, encode_identify_data
from dojang.pki.rules import KEY_USAGE_BITS, MAX_SERIAL_BITS, MIN_SERIAL_BITS, Profile, Urls
from dojang.pki.signing import describe_key, name_and_identify, signature_algorithm

if TYPE_CHECKING:
    from dojang.pki.certificate import Extension
    from dojang.pki.names import Name

__all__ = [
    "IdentifyData",
    "Urls",
    "assemble_certificate",
    "build_tbs",
    "end_of_day",
    "key_identifier",
    "new_serial",
]

_VERSION_3: Final = der.explicit(0, der.integer(2))
_SECOND: Final = timedelta(seconds=1)
_RANDOM_BITS: Final = 126


def new_serial() -> int:
    """Draw a serial number: always 16 octets, positive, with 126 random bits (RFC 5280 §4.1.2.2)."""
    return 1 << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)


def end_of_day(moment: datetime, days: int) -> datetime:
    """23:59:59 Korean time on the day `days` after `moment`, in UTC: how NPKI certificates end (…145959Z)."""
    return (day_ends(day_of(moment + timedelta(days=days))) - _SECOND).astimezone(UTC)


def key_identifier(spki: bytes) -> bytes:
    """Key identifier of a SubjectPublicKeyInfo: 20 octets (RFC 5280 §4.2.1.2 method 1)."""
    return describe_key(spki).identifier


@dataclass(frozen=True, slots=True)
class _Template:
    """Encoded parts that never change, in the order they are joined."""

    algorithm: bytes  #: AlgorithmIdentifier
    issuer: bytes | None  #: None: self-issued, the subject is the issuer
    before_key: bytes  #: extensions up to the subject key identifier
    middle: bytes  #: from there to the subjectAltName
    after: bytes  #: the rest
    not_after: datetime | None  #: of the issuer


def build_tbs(
    profile: Profile,
    *,
    issuer_certificate: bytes | None,
    issuer_algorithm: str,
    subject: Name,
    public_key: bytes,
    serial: int,
    not_before: datetime,
    not_after: datetime,
    urls: Urls,
    identify: IdentifyData | None,
    policy_arc: str,
) -> bytes:
    """TBSCertificate (DER) ready to be signed with `issuer_algorithm` (a key or signature name).

    `issuer_certificate` is None for the root. `public_key` is a SubjectPublicKeyInfo. Times are aware and
    whole seconds; both end points belong to the life. Raises `ProfileError` when something does not fit.
    """
    template = _compile(profile, issuer_certificate, issuer_algorithm, urls, policy_arc)
    _check_life(profile, not_before, not_after, template.not_after)
    if not MIN_SERIAL_BITS <= serial.bit_length() <= MAX_SERIAL_BITS or serial < 0:
        raise ProfileError("a serial number of the wrong size")
    key, identifier = name_and_identify(public_key)
    if key not in profile.keys:
        raise ProfileError("a key of a kind or size the profile does not allow", algorithm=key)
    if profile.identify != (identify is not None):
        raise ProfileError("identifyData missing, or present where it has no place")
    name = subject.der
    extensions = (
        template.before_key
        + _SKI_HEAD
        + identifier
        + template.middle
        + (_san(identify) if identify is not None else b"")
        + template.after
    )
    listed = der.header(der.SEQUENCE, len(extensions))
    content = b"".join(
        (
            _VERSION_3,
            der.integer(serial),
            template.algorithm,
            name if template.issuer is None else template.issuer,
            _validity(not_before, not_after),
            name,
            public_key,
            der.header(0xA3, len(listed) + len(extensions)),
            listed,
            extensions,
        )
    )
    return der.header(der.SEQUENCE, len(content)) + content


@lru_cache(maxsize=256)  # orders of one second share both ends
def _validity(first: datetime, last: datetime) -> bytes:
    return der.sequence(der.time(first), der.time(last))


def assemble_certificate(tbs: bytes, signature: bytes, algorithm: str) -> bytes:
    """Certificate (DER) from its signed body; `algorithm` as given to `build_tbs`."""
    content = tbs + signature_algorithm(algorithm).der + der.bit_string(signature)
    return der.header(der.SEQUENCE, len(content)) + content


def _check_life(profile: Profile, first: datetime, last: datetime, issuer_last: datetime | None) -> None:
    if first.tzinfo is None or last.tzinfo is None or first.microsecond or last.microsecond:
        raise ProfileError("times are aware and whole seconds")
    if not first <= last or last - first + _SECOND > profile.max_life:
        raise ProfileError("a life the profile does not allow", profile=profile.id)
    if issuer_last is not None and last > issuer_last:
        raise ProfileError("a life beyond the issuer's", profile=profile.id)


# --- the parts that never change ----------------------------------------------------------------------


def _extension(dotted: str, value: bytes, *, critical: bool = False) -> bytes:
    return der.sequence(der.oid(dotted), der.TRUE if critical else b"", der.octet_string(value))


_SKI_HEAD: Final = _extension(oids.SUBJECT_KEY_IDENTIFIER, der.octet_string(bytes(20)))[:-20]
_SAN_OID: Final = der.oid(oids.SUBJECT_ALT_NAME)


def _san(identify: IdentifyData) -> bytes:
    return der.sequence(_SAN_OID, der.octet_string(encode_identify_data(identify)))


@lru_cache(maxsize=256)
def _compile(
    profile: Profile, issuer_certificate: bytes | None, issuer_algorithm: str, urls: Urls, policy_arc: str
) -> _Template:
    """Encode all that one kind of certificate from one issuer has in common."""
    issuer = None if issuer_certificate is None else read_issuer(issuer_certificate).facts
    if (issuer is None) != (profile.role == "root"):
        raise ProfileError("only a root is without an issuer", profile=profile.id)
    before, middle, after = bytearray(), bytearray(), bytearray()
    part = before
    for dotted, critical in profile.extensions:
        if dotted == oids.SUBJECT_KEY_IDENTIFIER:
            part = middle
        elif dotted == oids.SUBJECT_ALT_NAME:
            part = after
        else:
            identifier = b"" if issuer is None else _issuer_identifier(issuer.extensions)
            value = _fixed_value(profile, dotted, identifier, urls, policy_arc)
            part += _extension(dotted, value, critical=critical)
    return _Template(
        signature_algorithm(issuer_algorithm).der,
        None if issuer is None else issuer.subject,
        bytes(before),
        bytes(middle),
        bytes(after),
        None if issuer is None else issuer.not_after,
    )


def _fixed_value(profile: Profile, dotted: str, issuer_key: bytes, urls: Urls, policy_arc: str) -> bytes:
    """Value of an extension that does not depend on the subject."""
    match dotted:
        case oids.AUTHORITY_KEY_IDENTIFIER:
            value = der.sequence(der.context(0, issuer_key))
        case oids.BASIC_CONSTRAINTS:
            limit = b"" if profile.path_length is None else der.integer(profile.path_length)
            value = der.sequence(der.TRUE, limit)
        case oids.KEY_USAGE:
            value = der.named_bits(*(KEY_USAGE_BITS[use] for use in profile.key_usage))
        case oids.EXTENDED_KEY_USAGE:
            value = der.sequence(*map(der.oid, profile.extended_key_usage))
        case oids.CERTIFICATE_POLICIES:
            value = _policies(profile, urls, policy_arc)
        case oids.CRL_DISTRIBUTION_POINTS:
            full_name = der.explicit(0, der.context(6, _url(urls.crl, "crl")))
            value = der.sequence(der.sequence(der.explicit(0, full_name)))
        case oids.AUTHORITY_INFO_ACCESS:
            value = _information_access(profile, urls)
        case _:
            value = der.NULL_VALUE  # id-pkix-ocsp-nocheck
    return value


def _information_access(profile: Profile, urls: Urls) -> bytes:
    ways = []
    if profile.ocsp:
        ways.append(der.sequence(der.oid(oids.AD_OCSP), der.context(6, _url(urls.ocsp, "ocsp"))))
    if profile.ca_issuers:
        ways.append(der.sequence(der.oid(oids.AD_CA_ISSUERS), der.context(6, _url(urls.aia, "aia"))))
    return der.sequence(*ways)


def _policies(profile: Profile, urls: Urls, policy_arc: str) -> bytes:
    """One policy with a notice and the address of the practice statement (RFC 5280 §4.2.1.4)."""
    if profile.policy is None or profile.policy == "any":
        return der.sequence(der.sequence(der.oid(oids.ANY_POLICY)))
    qualifiers = []
    if profile.notice is not None:
        # UTF8String: BMPString, seen in older NPKI certificates, is discouraged by RFC 5280.
        notice = der.sequence(der.utf8(profile.notice))
        qualifiers.append(der.sequence(der.oid(oids.USER_NOTICE_QUALIFIER), notice))
    if urls.cps is not None:
        address = der.tlv(der.IA5, _url(urls.cps, "cps"))
        qualifiers.append(der.sequence(der.oid(oids.CPS_QUALIFIER), address))
    listed = der.sequence(*qualifiers) if qualifiers else b""
    return der.sequence(der.sequence(der.oid(oids.policy_oid(policy_arc, profile.policy)), listed))


def _url(url: str | None, what: str) -> bytes:
    """Encode an address as IA5 octets; `ProfileError` if it is missing or not plain http(s)."""
    if url is None:
        raise ProfileError("an address is missing", address=what)
    schemes = ("http://", "https://") if what == "cps" else ("http://",)
    if not url.startswith(schemes) or not url.isascii() or any(c <= " " or c == "\x7f" for c in url):
        raise ProfileError("an address is not usable", address=what)
    return url.encode("ascii")


def _issuer_identifier(extensions: dict[str, Extension]) -> bytes:
    """Subject key identifier of the issuer's certificate, which becomes our authority key identifier."""
    found = extensions.get(oids.SUBJECT_KEY_IDENTIFIER)
    if found is None:
        raise ProfileError("the issuer's certificate has no key identifier")
    reader = der.Reader(found.value)
    identifier = reader.octets()
    reader.done()
    return identifier
