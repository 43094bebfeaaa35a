"""A fourth product, as a bank would add it: a certificate of a company's clerk, in the wallet, under a PIN.

This file, the profile beside it and the two files of sentences are all there is; nothing else knows of it.
"""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from dojang.journeys.kinds.account import Account
from dojang.journeys.kinds.choice import ReissueReason
from dojang.journeys.kinds.confirm import Confirm
from dojang.journeys.kinds.identify import Identify
from dojang.journeys.kinds.secret import Secret
from dojang.journeys.kinds.terms import Terms
from dojang.journeys.model import Journey, RunView, Step, always
from dojang.journeys.product import Product
from dojang.products.parts import FACTORS, find_id, holds_one, second_factor
from dojang.products.terms import Listed, terms_of

if TYPE_CHECKING:
    from collections.abc import Callable

PRODUCT = Product(
    id="corporate",
    profile="corporate",
    place=40,
    custody="wallet",
    unlock="pin",
    units=("corporate",),
    icon="shield",
    life_days=731,
    renew_window_days=60,
    faq=("corporate_who", "life", "forgot_pin"),
    choices=MappingProxyType({"asks_account": (True, False)}),
    messages=Path(__file__).parent,
)
STAGES = ("terms", "identity", "factor", "issue")


def _steps(*, reissue: Callable[[RunView], bool]) -> tuple[Step, ...]:
    texts = (Listed("certificate", "1.0"), Listed("wallet", "1.0"), Listed("privacy", "1.0"))
    return (
        Step(id="terms", kind=Terms(terms_of(texts)), stage="terms", gives="terms"),
        Step(id="identify", kind=Identify(), stage="identity", gives="identified", sides=("find-id",)),
        Step(id="reissue", kind=ReissueReason(), stage="identity", gives="reissue", when=reissue),
        Step(id="account", kind=Account(), stage="factor", gives="account", choice="asks_account"),
        *second_factor(choice=(), media=(), bank=()),
        Step(id="pin", kind=Secret(), stage="issue", gives="pin"),
        Step(id="confirm", kind=Confirm(), stage="issue", gives="confirmed"),
    )


def _journey(purpose: str, *, reissue: Callable[[RunView], bool]) -> Journey:
    return Journey(
        id=f"corporate-web-{purpose}",
        product=PRODUCT,
        channel="web",
        stages=STAGES,
        steps=_steps(reissue=reissue),
        sides=(find_id(PRODUCT, "web", ()),),
        evidence=(frozenset(FACTORS),),
        needs=("guide.need.user_id", "guide.need.account", "guide.need.factor"),
        minutes=4,
    )


JOURNEYS = (_journey("issue", reissue=holds_one), _journey("reissue", reissue=always))
