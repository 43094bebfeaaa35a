"""What a certificate profile is: frozen data from which certificates are built and checked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from dojang.pki import oids
from dojang.pki.signing import KEY_ALGORITHMS

Role = Literal["root", "issuing", "ocsp", "subscriber"]

#: Bits of KeyUsage (RFC 5280 §4.2.1.3).
KEY_USAGE_BITS: Final = {
    "digitalSignature": 0,
    "nonRepudiation": 1,
    "keyEncipherment": 2,
    "dataEncipherment": 3,
    "keyAgreement": 4,
    "keyCertSign": 5,
    "cRLSign": 6,
}

#: notBefore may lie this far behind the signer's clock, for the time an order takes; further is back-dating.
BACKDATING: Final = timedelta(minutes=5)
#: notBefore may lie this far ahead, for clocks that differ a little.
POSTDATING: Final = timedelta(minutes=5)
#: From thisUpdate to nextUpdate at most: one wrong answer or list must not be believed for ever.
MAX_ANSWER_LIFE: Final = timedelta(days=10)
MAX_LIST_LIFE: Final = timedelta(days=35)
#: Serial numbers: at least this many bits long, positive, at most 20 octets (RFC 5280 §4.1.2.2).
MIN_SERIAL_BITS: Final = 120
MAX_SERIAL_BITS: Final = 159


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Everything that is the same in all certificates of one kind."""

    id: str
    role: Role
    max_life: timedelta  #: both end points included: notAfter - notBefore + 1 s (RFC 5280 §4.1.2.5)
    subject: tuple[str, ...]  #: attribute kinds in order; a trailing "+" means one or more
    key_usage: tuple[str, ...]  #: always critical
    extended_key_usage: tuple[str, ...] = ()
    policy: str | None = None  #: branch of the bank's arc that is asserted, such as ``1.2``, or ``any``
    policy_critical: bool = False
    notice: str | None = None  #: explicitText of the userNotice
    path_length: int | None = None  #: authorities only; None = no limit
    identify: bool = False  #: subjectAltName with identifyData required
    no_check: bool = False  #: id-pkix-ocsp-nocheck
    crl: bool = False  #: cRLDistributionPoints
    ocsp: bool = False  #: authorityInfoAccess: ocsp
    ca_issuers: bool = False  #: authorityInfoAccess: caIssuers
    keys: frozenset[str] = KEY_ALGORITHMS

    def __hash__(self) -> int:
        """Cheap: profiles are looked up for every certificate."""
        return hash(self.id)

    @property
    def authority(self) -> bool:
        """Whether the certificate may sign certificates."""
        return self.role in ("root", "issuing")

    @property
    def extensions(self) -> tuple[tuple[str, bool], ...]:
        """The exact extensions in order: (OID, critical)."""
        wanted = (
            (oids.AUTHORITY_KEY_IDENTIFIER, False, self.role != "root"),
            (oids.SUBJECT_KEY_IDENTIFIER, False, True),
            (oids.BASIC_CONSTRAINTS, True, self.authority),
            (oids.KEY_USAGE, True, True),
            (oids.CERTIFICATE_POLICIES, self.policy_critical, self.policy is not None),
            (oids.SUBJECT_ALT_NAME, False, self.identify),
            (oids.EXTENDED_KEY_USAGE, False, bool(self.extended_key_usage)),
            (oids.CRL_DISTRIBUTION_POINTS, False, self.crl),
            (oids.AUTHORITY_INFO_ACCESS, False, self.ocsp or self.ca_issuers),
            (oids.OCSP_NO_CHECK, False, self.no_check),
        )
        return tuple((dotted, critical) for dotted, critical, present in wanted if present)


@dataclass(frozen=True, slots=True, kw_only=True)
class Urls:
    """Addresses written into a certificate. All http: a reader of status must not need status to read it."""

    ocsp: str | None = None
    crl: str | None = None  #: of the very shard the certificate belongs to
    aia: str | None = None  #: the issuer's own certificate, DER
    cps: str | None = None  #: certification practice statement


@dataclass(frozen=True, slots=True)
class LintFinding:
    """One thing a lint found. `severity`: ``fatal`` | ``error`` | ``warning`` | ``notice`` | ``info``."""

    severity: str
    code: str  #: ``dojang.<area>.<rule>`` for our own rules, pkilint's code for pkilint's
    where: str  #: place in the object, e.g. ``extensions.keyUsage``
    note: str = ""  #: never personal data
