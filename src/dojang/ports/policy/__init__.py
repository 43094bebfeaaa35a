"""What a bank sets for itself: one small value for each concern, a table of ``dojang.toml`` each.

A figure is a text, a switch, a number with its unit, or a `Limit`, which says what it is counted over. What
nothing reads does not stand here (``tests/arch/test_policy.py``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dojang.ports.policy.bank import AddressPolicy, BankPolicy, ServiceHoursPolicy
from dojang.ports.policy.certificates import IssuePolicy, ReissuePolicy, StatusPolicy, SuspensionPolicy
from dojang.ports.policy.entries import WrongEntryPolicy
from dojang.ports.policy.factors import (
    ArsPolicy,
    CertificatePasswordPolicy,
    MailCodePolicy,
    OneWonPolicy,
    PatternPolicy,
    PhoneCheckPolicy,
    PhoneCodePolicy,
    PhonePolicy,
    SmsReplyPolicy,
)
from dojang.ports.policy.reading import PolicyError, changed
from dojang.ports.policy.runs import (
    ApprovalPolicy,
    DevicePolicy,
    HandoffPolicy,
    RunPolicy,
    SessionPolicy,
)
from dojang.ports.policy.units import table

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Policy", "PolicyError"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A bank's figures by concern: ``policy.ars.ttl`` is ``ttl`` in ``[policy.ars]``."""

    bank: BankPolicy = field(default_factory=BankPolicy)
    addresses: AddressPolicy = field(default_factory=AddressPolicy)
    service_hours: ServiceHoursPolicy = field(default_factory=ServiceHoursPolicy)
    sessions: SessionPolicy = field(default_factory=SessionPolicy)
    runs: RunPolicy = field(default_factory=RunPolicy)
    handoff: HandoffPolicy = field(default_factory=HandoffPolicy)
    wrong_entries: WrongEntryPolicy = field(default_factory=WrongEntryPolicy)
    ars: ArsPolicy = field(default_factory=ArsPolicy)
    sms_reply: SmsReplyPolicy = field(default_factory=SmsReplyPolicy)
    mail_code: MailCodePolicy = field(default_factory=MailCodePolicy)
    phone_code: PhoneCodePolicy = field(default_factory=PhoneCodePolicy)
    phone_check: PhoneCheckPolicy = field(default_factory=PhoneCheckPolicy)
    phones: PhonePolicy = field(default_factory=PhonePolicy)
    one_won: OneWonPolicy = field(default_factory=OneWonPolicy)
    pattern: PatternPolicy = field(default_factory=PatternPolicy)
    certificate_password: CertificatePasswordPolicy = field(default_factory=CertificatePasswordPolicy)
    devices: DevicePolicy = field(default_factory=DevicePolicy)
    approvals: ApprovalPolicy = field(default_factory=ApprovalPolicy)
    issue: IssuePolicy = field(default_factory=IssuePolicy)
    reissue: ReissuePolicy = field(default_factory=ReissuePolicy)
    suspension: SuspensionPolicy = field(default_factory=SuspensionPolicy)
    status: StatusPolicy = field(default_factory=StatusPolicy)
    #: What this bank wants otherwise than the product's own file, by product: ``life_days``,
    #: ``renew_window_days`` and the product's choices. Asked through `Product`, which knows the rest.
    products: Mapping[str, Mapping[str, Any]] = table(dict)

    def of_product(self, product: str) -> Mapping[str, Any]:
        """Return what this bank has set for a product by id; empty where the product's own file holds."""
        return self.products.get(product, {})

    def changed(self, figures: Mapping[str, Any]) -> Policy:
        """Return a policy with other figures, written as in ``dojang.toml``: ``{"ars": {"ttl": 90}}``.

        Everything else stays. Raises `PolicyError`, which names the figure that cannot be.
        """
        return changed(self, figures)
