"""What the products' journeys are put together from: conditions, side journeys and runs of steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dojang.journeys.kinds.account import Account
from dojang.journeys.kinds.bank_certificate import BankCertificate
from dojang.journeys.kinds.choice import FactorChoice
from dojang.journeys.kinds.find_id import FindId
from dojang.journeys.kinds.new_phone import NewPhone
from dojang.journeys.kinds.otp import Otp
from dojang.journeys.kinds.security_card import SecurityCard
from dojang.journeys.kinds.sent_code import MailCode, PhoneCode
from dojang.journeys.model import Journey, RunView, Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from dojang.journeys.product import Product

FACTORS = ("security_card", "otp", "bank_certificate")
MEDIA = ("security_card", "otp")  #: what is held in the hand


def chose(factor: str) -> Callable[[RunView], bool]:
    """Take a step only when this factor was chosen."""

    def when(run: RunView) -> bool:
        """Take the step only when this factor was chosen."""
        choice = run.fact("factor_choice")
        return choice is not None and choice.values["factor"] == factor

    return when


def took(way: str) -> Callable[[RunView], bool]:
    """Take a step only when this way of proving the telephone was chosen."""

    def when(run: RunView) -> bool:
        """Take the step only when this way was chosen."""
        choice = run.fact("identity_way")
        return choice is not None and choice.values["way"] == way

    return when


def phone_is_recent(run: RunView) -> bool:
    """Take a step only when the telephone's number is new: the telephone alone must not carry the day."""
    proofs = (run.fact("ars_call"), run.fact("phone_check"))
    return any(proof is not None and bool(proof.values["recent"]) for proof in proofs)


def holds_one(run: RunView) -> bool:
    """Take a step only when a certificate is in use, or was when the step was passed."""
    return run.active_holding() is not None or run.fact("reissue") is not None


def find_id(product: Product, channel: str, guide: tuple[int, ...]) -> Journey:
    """Return the side journey that looks a user id up."""
    return Journey(
        id="find-id",
        product=product,
        channel=channel,
        stages=("identity",),
        steps=(Step(id="find_id", kind=FindId(), stage="identity", gives="found_id", guide=guide),),
        finish="return",
        minutes=1,
    )


def change_phone(product: Product, channel: str, guide: tuple[int, ...]) -> Journey:
    """Return the side journey that replaces a registered number; it needs more than the old telephone."""
    card, otp = chose("security_card"), chose("otp")
    return Journey(
        id="change-phone",
        product=product,
        channel=channel,
        stages=("identity",),
        steps=(
            Step(id="account", kind=Account(), stage="identity", gives="account", guide=guide),
            Step(id="factor", kind=FactorChoice(MEDIA), stage="identity", gives="factor_choice", guide=guide),
            Step(
                id="security_card",
                kind=SecurityCard(),
                stage="identity",
                gives="security_card",
                guide=guide,
                when=card,
            ),
            Step(id="otp", kind=Otp(), stage="identity", gives="otp", guide=guide, when=otp),
            Step(id="new_phone", kind=NewPhone(), stage="identity", gives="new_phone", guide=guide),
            Step(id="phone_code", kind=PhoneCode(), stage="identity", gives="phone_changed", guide=guide),
        ),
        finish="return",
        minutes=3,
    )


def second_factor(
    *,
    choice: tuple[int, ...],
    media: tuple[int, ...],
    bank: tuple[int, ...],
    wanted: str = "",
) -> tuple[Step, ...]:
    """Return the choice of a factor and its steps.

    `choice`, `media` and `bank` are their numbers in the bank's guide; `wanted` names the product's setting
    that asks for one (empty: every bank does).
    """
    kinds = (("security_card", SecurityCard(), media), ("otp", Otp(), media))
    return (
        Step(
            id="factor",
            kind=FactorChoice(FACTORS),
            stage="factor",
            gives="factor_choice",
            guide=choice,
            choice=wanted,
        ),
        *(
            Step(id=name, kind=kind, stage="factor", gives=name, guide=guide, when=chose(name), choice=wanted)
            for name, kind, guide in kinds
        ),
        Step(
            id="bank_certificate",
            kind=BankCertificate(),
            stage="factor",
            gives="bank_certificate",
            guide=bank,
            when=chose("bank_certificate"),
            choice=wanted,
        ),
    )


def mail_code() -> Step:
    """Return the higher path's step: the mail box registered before, when the number is new."""
    return Step(id="mail_code", kind=MailCode(), stage="factor", gives="mail_code", when=phone_is_recent)
