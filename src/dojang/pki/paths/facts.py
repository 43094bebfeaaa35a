"""Single questions to one certificate of a path. What cannot be read raises `MalformedError`."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from dojang.pki import der, oids
from dojang.pki.errors import MalformedError
from dojang.pki.paths.model import wrong
from dojang.pki.rules import KEY_USAGE_BITS

if TYPE_CHECKING:
    from datetime import datetime

    from dojang.pki.certificate import ParsedCertificate, Tbs

_V3: Final = 2
_KEY_IDENTIFIER: Final = 0x80
_UNDERSTOOD: Final = frozenset(
    {
        oids.AUTHORITY_KEY_IDENTIFIER,
        oids.SUBJECT_KEY_IDENTIFIER,
        oids.KEY_USAGE,
        oids.BASIC_CONSTRAINTS,
        oids.CERTIFICATE_POLICIES,
        oids.POLICY_MAPPINGS,
        oids.POLICY_CONSTRAINTS,
        oids.INHIBIT_ANY_POLICY,
        oids.NAME_CONSTRAINTS,
        oids.SUBJECT_ALT_NAME,
        oids.EXTENDED_KEY_USAGE,
        oids.CRL_DISTRIBUTION_POINTS,
        oids.AUTHORITY_INFO_ACCESS,
        oids.OCSP_NO_CHECK,
    }
)


class BasicConstraints(NamedTuple):
    """Whether a certificate is an authority's, and how many authorities may follow (None = any number)."""

    authority: bool
    path_length: int | None


@lru_cache(maxsize=128)
def _read_basic_constraints(value: bytes) -> BasicConstraints:
    body = der.whole(value)
    authority = False
    if body.tag == der.BOOLEAN:
        authority = body.boolean()
        if not authority:
            raise MalformedError("a default value written out")
    length = body.small() if body.more else None
    body.done()
    if length is not None and length < 0:
        raise MalformedError("a path length below zero")
    return BasicConstraints(authority, length)


def basic_constraints(facts: Tbs) -> BasicConstraints:
    """Read basicConstraints (RFC 5280 §4.2.1.9); without the extension a certificate is no authority's."""
    extension = facts.extensions.get(oids.BASIC_CONSTRAINTS)
    return (
        BasicConstraints(authority=False, path_length=None)
        if extension is None
        else (_read_basic_constraints(extension.value))
    )


def check_authority(issuer: ParsedCertificate) -> BasicConstraints:
    """Refuse an issuer that may not sign certificates (§6.1.4 (k), (n))."""
    found = basic_constraints(issuer.facts)
    if issuer.facts.version != _V3 or not found.authority:
        raise wrong("not_an_authority", "the issuer is not an authority")
    if not may_use(issuer, "keyCertSign"):
        raise wrong("key_usage", "the issuer's key may not sign certificates")
    return found


def key_usage(facts: Tbs) -> frozenset[int] | None:
    """Bits of the keyUsage extension, None without one."""
    extension = facts.extensions.get(oids.KEY_USAGE)
    if extension is None:
        return None
    reader = der.Reader(extension.value)
    bits = reader.named_bits()
    reader.done()
    return bits


def may_use(certificate: ParsedCertificate, use: str) -> bool:
    """Whether the key usage, if there is one, allows a use (§4.2.1.3)."""
    bits = key_usage(certificate.facts)
    return bits is None or KEY_USAGE_BITS[use] in bits


@lru_cache(maxsize=128)
def _read_purposes(value: bytes) -> frozenset[str]:
    listed = der.whole(value)
    found = set()
    while listed.more:
        found.add(listed.oid())
    if not found:
        raise MalformedError("an empty list of purposes")
    return frozenset(found)


def purposes(facts: Tbs) -> frozenset[str] | None:
    """OIDs of the extended key usage, None without one."""
    extension = facts.extensions.get(oids.EXTENDED_KEY_USAGE)
    return None if extension is None else _read_purposes(extension.value)


def check_life(facts: Tbs, at: datetime) -> None:
    """Refuse a certificate outside its life, end points included (§6.1.3 (a)(2), §4.1.2.5)."""
    # A moment within the last second belongs to the life: notAfter is inclusive.
    if at < facts.not_before:
        raise wrong("not_yet_valid", "not yet valid", not_before=facts.not_before)
    if at.replace(microsecond=0) > facts.not_after:
        raise wrong("expired", "expired", not_after=facts.not_after)


def check_critical(facts: Tbs) -> None:
    """Refuse a critical extension that is not understood (§6.1.4 (o), §6.1.5 (f))."""
    for dotted, extension in facts.extensions.items():
        if extension.critical and dotted not in _UNDERSTOOD:
            raise wrong(
                "critical_extension", "a critical extension nobody here understands", extension=dotted
            )


def authority_key(facts: Tbs) -> bytes | None:
    """Key identifier of the issuer as the certificate tells it: a hint for finding, never a proof."""
    found = facts.extensions.get(oids.AUTHORITY_KEY_IDENTIFIER)
    if found is None:
        return None
    body = der.whole(found.value)
    return body.value(_KEY_IDENTIFIER) if body.tag == _KEY_IDENTIFIER else None


def subject_key(facts: Tbs) -> bytes | None:
    """Key identifier of the subject as the certificate tells it."""
    found = facts.extensions.get(oids.SUBJECT_KEY_IDENTIFIER)
    if found is None:
        return None
    reader = der.Reader(found.value)
    octets = reader.octets()
    reader.done()
    return octets
