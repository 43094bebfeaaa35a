"""Certificates: who gets one and for what, how they end, and how their status is told."""

from __future__ import annotations

from dataclasses import dataclass

from dojang.ports.limits import DAY, Limit
from dojang.ports.policy.units import days, of, seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuePolicy:
    """`[policy.issue]`: first certificates and new ones."""

    min_age: int = of(14, "years", least=0)
    fee: int = of(0, "won", least=0)  #: what a certificate of this bank costs a person
    deliver_within: int = seconds(300)  #: a device must have stored its new certificate by then
    confirm_within: int = seconds(600)  #: an issued, unconfirmed certificate is revoked after this


@dataclass(frozen=True, slots=True, kw_only=True)
class ReissuePolicy:
    """`[policy.reissue]`: certificates that take the place of valid ones."""

    #: The new one ends when the old one would have (outside the renewal window); else it has a whole life
    keep_not_after: bool = True
    per_day: Limit = Limit(1, DAY)  #: of one product, of one customer


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspensionPolicy:
    """`[policy.suspension]`: certificates on hold."""

    hold_days: int = days(183)  #: a suspended certificate is revoked after so long (six months)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusPolicy:
    """`[policy.status]`: revocation lists and OCSP answers."""

    crl_shards: int = of(4, "lists")  #: of each authority that issues to customers
    crl_life: int = seconds(86_400)
    ocsp_life: int = seconds(3_600)
