"""The bank certificate (은행인증서): a key that cannot leave the telephone, and a pattern.

It is itself a factor for other certificates, so it asks for the most: a telephone in one's own name, an
identity card, the account's password and one won at another bank. Whoever has only the telephone, the RRN,
the birth date and account numbers has neither the card nor the password nor the other bank's bankbook.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dojang.journeys.kinds.account import Account
from dojang.journeys.kinds.choice import ReissueReason
from dojang.journeys.kinds.confirm import Confirm
from dojang.journeys.kinds.device import DeviceCheck
from dojang.journeys.kinds.device_key import KeyOnDevice
from dojang.journeys.kinds.id_card import IdCard
from dojang.journeys.kinds.one_won import OneWon
from dojang.journeys.kinds.pattern import Pattern
from dojang.journeys.kinds.phone_check import PhoneCheck
from dojang.journeys.kinds.terms import Terms
from dojang.journeys.model import Journey, RunView, Step, always
from dojang.journeys.product import Product
from dojang.products.parts import holds_one, mail_code
from dojang.products.terms import Listed, terms_of

if TYPE_CHECKING:
    from collections.abc import Callable

PRODUCT = Product(
    id="bank",
    profile="bank",
    place=30,
    custody="device",
    unlock="pattern",
    key_algorithm="ec-p256",
    units=("personalB",),
    icon="dots",
    life_days=1096,
    renew_window_days=90,
    faq=("bank_use", "life", "bank_pattern", "bank_biometric", "lost_phone", "bank_one_won"),
)
TERMS = (
    Listed("efinance", "1.0"),
    Listed("ebanking", "1.0"),
    Listed("bank_certificate", "1.0"),
    Listed("device_storage", "1.0"),
    Listed("privacy", "1.0"),
    Listed("unique_id", "1.0"),
    Listed("third_party", "1.0"),
    Listed("phone_check", "1.0"),
    Listed("marketing", "1.0", required=False),
)
STAGES = ("terms", "identity", "factor", "issue")
NEEDS = (
    "guide.need.app",
    "guide.need.own_phone",
    "guide.need.id_card",
    "guide.need.account",
    "guide.need.other_account",
)
EVIDENCE = tuple(frozenset({name}) for name in ("identified", "id_card", "account", "one_won"))


def _steps(*, reissue: Callable[[RunView], bool]) -> tuple[Step, ...]:
    return (
        Step(id="device", kind=DeviceCheck(), stage="terms", gives="device", guide=(1,)),
        Step(id="terms", kind=Terms(terms_of(TERMS)), stage="terms", gives="terms", guide=(2,)),
        Step(id="phone_check", kind=PhoneCheck(), stage="identity", gives="phone_check", guide=(3,)),
        Step(id="id_card", kind=IdCard(), stage="identity", gives="id_card", guide=(4,)),
        Step(id="reissue", kind=ReissueReason(), stage="identity", gives="reissue", when=reissue),
        Step(id="account", kind=Account(), stage="factor", gives="account", guide=(5,)),
        Step(id="one_won", kind=OneWon(), stage="factor", gives="one_won", guide=(5,)),
        mail_code(),
        Step(id="pattern", kind=Pattern(), stage="issue", gives="pattern", guide=(6,)),
        Step(id="device_key", kind=KeyOnDevice(), stage="issue", gives="device_key", guide=(6,)),
        Step(id="confirm", kind=Confirm(), stage="issue", gives="confirmed", guide=(7,)),
    )


def _journey(journey_id: str, *, reissue: Callable[[RunView], bool]) -> Journey:
    return Journey(
        id=journey_id,
        product=PRODUCT,
        channel="app",
        stages=STAGES,
        steps=_steps(reissue=reissue),
        evidence=EVIDENCE,
        needs=NEEDS,
        minutes=6,
    )


ISSUE = _journey("bank-app-issue", reissue=holds_one)
REISSUE = _journey("bank-app-reissue", reissue=always)
JOURNEYS = (ISSUE, REISSUE)
