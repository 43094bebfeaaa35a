"""What a verifier believes, asks for and is told: frozen values, and the reasons a path can fail for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from dojang.pki.errors import IndeterminateError, VerificationError

if TYPE_CHECKING:
    from datetime import datetime

    from dojang.pki.paths.peers import PeerName

#: Stable reasons and the rule each comes from. The sentence for people is the message ``verify.<reason>``.
RULES: Final = {
    "malformed": "RFC 5280 §4.1",
    "anchor": "RFC 5280 §6.1",
    "no_path": "RFC 5280 §6.1",
    "effort": "RFC 4158 §2.4.2",
    "depth": "RFC 5280 §6.1.4 (l)",
    "signature": "RFC 5280 §6.1.3 (a)(1)",
    "algorithm": "RFC 5280 §4.1.1.2",
    "weak": "RFC 5280 §6.1.3 (a)(1)",
    "not_yet_valid": "RFC 5280 §6.1.3 (a)(2)",
    "expired": "RFC 5280 §6.1.3 (a)(2)",
    "revoked": "RFC 5280 §6.1.3 (a)(3)",
    "status_unknown": "RFC 5280 §6.3",
    "issuer_name": "RFC 5280 §6.1.3 (a)(4)",
    "name_constraints": "RFC 5280 §6.1.3 (b), (c)",
    "policy": "RFC 5280 §6.1.3 (f), §6.1.5 (g)",
    "policy_mapping": "RFC 5280 §6.1.4 (a)",
    "not_an_authority": "RFC 5280 §6.1.4 (k)",
    "path_length": "RFC 5280 §6.1.4 (m)",
    "key_usage": "RFC 5280 §6.1.4 (n)",
    "critical_extension": "RFC 5280 §6.1.4 (o), §6.1.5 (f)",
    "purpose": "RFC 5280 §4.2.1.12",
    "peer_name": "RFC 9525 §6",
    "profile": "RFC 5280 §4.2",
}


def wrong(reason: str, detail: str, /, **data: Any) -> VerificationError:
    """Return the error of a path that is wrong, for a reason of `RULES`."""
    return VerificationError(detail, why=reason, rule=data.pop("rule", RULES[reason]), **data)


def undecided(reason: str, detail: str, /, **data: Any) -> IndeterminateError:
    """Return the error of a path that cannot be decided, for a reason of `RULES`."""
    return IndeterminateError(detail, why=reason, rule=RULES[reason], **data)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What a verifier believes in and has at hand. Certificates, CRLs and OCSP responses are DER."""

    roots: tuple[bytes, ...]
    intermediates: tuple[bytes, ...] = ()
    policies: frozenset[str] | None = None  #: one of these must hold; None = any, or none
    crls: tuple[bytes, ...] = ()
    responses: tuple[bytes, ...] = ()
    status: Literal["all", "leaf", "none"] = "all"  #: whose revocation status must be known
    status_at: datetime | None = None  #: when lists and answers must be fresh, if not at the moment itself


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyDemands:
    """The inputs (c), (e), (f) and (g) of RFC 5280 §6.1.1."""

    initial: frozenset[str] | None = None  #: user-initial-policy-set; None = any-policy
    explicit: bool = False
    inhibit_mapping: bool = False
    inhibit_any: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Demands:
    """What a path must satisfy beside being right."""

    #: Purpose as the OID of an extended key usage. With one the certificates must also keep what the profile
    #: of RFC 5280 §4 asks of those who issue, and the floor of algorithms: as for software among strangers.
    purpose: str | None = None
    profile: bool = True  #: whether those rules are looked at when there is a purpose
    peers: tuple[PeerName, ...] = ()  #: all of these must be named by the leaf
    policies: PolicyDemands = PolicyDemands()
    max_intermediates: int | None = None  #: between leaf and anchor, self-issued ones not counted

    @property
    def strict(self) -> bool:
        """Whether the profile's own rules are looked at too."""
        return self.purpose is not None and self.profile


@dataclass(frozen=True, slots=True)
class VerifiedPath:
    """A path that verified, leaf first; the policies it holds under; algorithms below the floor."""

    certificates: tuple[bytes, ...]
    policies: frozenset[str] | None  #: None = any
    weak: tuple[str, ...]
