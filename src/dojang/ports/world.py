"""Everything outside, gathered once at start and passed down as an argument."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dojang.ports.clock import Clock
    from dojang.ports.corebank import CoreBank
    from dojang.ports.mail import Mail
    from dojang.ports.policy import Policy
    from dojang.ports.push import Push, PushService
    from dojang.ports.signer import Signer
    from dojang.ports.sms import Sms
    from dojang.ports.telephony import Telephony


@dataclass(frozen=True, slots=True)
class World:
    """The outside, and the bank's own numbers (`policy`)."""

    signer: Signer
    corebank: CoreBank
    telephony: Telephony
    sms: Sms
    mail: Mail
    push: Push
    clock: Clock
    policy: Policy
    push_service: PushService | None = None  #: None: no browser can be pushed to
