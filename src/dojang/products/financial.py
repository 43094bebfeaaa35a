"""The financial certificate (금융인증서): its journeys on the web, step by step as in the bank's own guide.

Guide steps 1 and 2 (open the certificate centre, choose the certificate) happen before a run begins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dojang.journeys.kinds.account import Account
from dojang.journeys.kinds.ars_call import ArsCall
from dojang.journeys.kinds.choice import FactorChoice, ReissueReason
from dojang.journeys.kinds.confirm import Confirm
from dojang.journeys.kinds.contact import Contact, Person
from dojang.journeys.kinds.find_id import FindId
from dojang.journeys.kinds.identify import Identify
from dojang.journeys.kinds.new_phone import NewPhone
from dojang.journeys.kinds.otp import Otp
from dojang.journeys.kinds.secret import Secret
from dojang.journeys.kinds.security_card import SecurityCard
from dojang.journeys.kinds.sent_code import MailCode, PhoneCode
from dojang.journeys.kinds.sms_reply import SmsReply
from dojang.journeys.kinds.terms import Terms
from dojang.journeys.model import Journey, RunView, Step, always
from dojang.products.terms import FINANCIAL, terms_of

if TYPE_CHECKING:
    from collections.abc import Callable

STAGES = ("terms", "identity", "factor", "details", "issue")
FACTORS = ("security_card", "otp")
NEEDS = ("guide.need.user_id", "guide.need.phone", "guide.need.account", "guide.need.factor")


def chose(factor: str) -> Callable[[RunView], bool]:
    """Take a step only when this factor was chosen."""

    def when(run: RunView) -> bool:
        choice = run.fact("factor_choice")
        return choice is not None and choice.values["factor"] == factor

    return when


def phone_is_recent(run: RunView) -> bool:
    """Take a step only when a registered number is new: the telephone alone must not carry the day."""
    call = run.fact("ars_call")
    return call is not None and bool(call.values["recent"])


def holds_one(run: RunView) -> bool:
    """Take a step only when a certificate is in use, or was when the step was passed."""
    return run.active_holding() is not None or run.fact("reissue") is not None


FIND_ID = Journey(
    id="find-id",
    version="1",
    product="financial",
    channel="web",
    stages=("identity",),
    steps=(Step(id="find_id", kind=FindId(), stage="identity", gives="found_id", guide=(5,)),),
    finish="return",
    minutes=1,
)

CHANGE_PHONE = Journey(
    id="change-phone",
    version="1",
    product="financial",
    channel="web",
    stages=("identity",),
    steps=(
        Step(id="account", kind=Account(), stage="identity", gives="account", guide=(8,)),
        Step(id="factor", kind=FactorChoice(FACTORS), stage="identity", gives="factor_choice", guide=(8,)),
        Step(
            id="security_card",
            kind=SecurityCard(),
            stage="identity",
            gives="security_card",
            guide=(8,),
            when=chose("security_card"),
        ),
        Step(id="otp", kind=Otp(), stage="identity", gives="otp", guide=(8,), when=chose("otp")),
        Step(id="new_phone", kind=NewPhone(), stage="identity", gives="new_phone", guide=(8,)),
        Step(id="phone_code", kind=PhoneCode(), stage="identity", gives="phone_changed", guide=(8,)),
    ),
    finish="return",
    minutes=3,
)


def _steps(*, reissue: Callable[[RunView], bool]) -> tuple[Step, ...]:
    card, otp = chose("security_card"), chose("otp")
    return (
        Step(id="terms", kind=Terms(terms_of(FINANCIAL)), stage="terms", gives="terms", guide=(3, 4)),
        Step(
            id="identify",
            kind=Identify(),
            stage="identity",
            gives="identified",
            guide=(5, 6),
            sides=("find-id",),
        ),
        Step(id="reissue", kind=ReissueReason(), stage="identity", gives="reissue", when=reissue),
        Step(
            id="ars",
            kind=ArsCall(),
            stage="identity",
            gives="ars_call",
            guide=(7, 8, 9),
            sides=("change-phone",),
        ),
        Step(id="account", kind=Account(), stage="factor", gives="account", guide=(10,)),
        Step(id="factor", kind=FactorChoice(FACTORS), stage="factor", gives="factor_choice", guide=(10,)),
        Step(
            id="security_card",
            kind=SecurityCard(),
            stage="factor",
            gives="security_card",
            guide=(11, 12),
            when=card,
        ),
        Step(id="otp", kind=Otp(), stage="factor", gives="otp", guide=(11, 12), when=otp),
        Step(id="mail_code", kind=MailCode(), stage="factor", gives="mail_code", when=phone_is_recent),
        Step(id="contact", kind=Contact(), stage="details", gives="contact", guide=(13,)),
        Step(id="person", kind=Person(), stage="details", gives="person", guide=(14, 15)),
        Step(id="sms_reply", kind=SmsReply(), stage="details", gives="sms_reply", guide=(16,)),
        Step(id="pin", kind=Secret(), stage="issue", gives="pin", guide=(17,)),
        Step(id="confirm", kind=Confirm(), stage="issue", gives="confirmed", guide=(18,)),
    )


def _journey(journey_id: str, *, reissue: Callable[[RunView], bool]) -> Journey:
    return Journey(
        id=journey_id,
        version="1",
        product="financial",
        channel="web",
        stages=STAGES,
        steps=_steps(reissue=reissue),
        sides=(FIND_ID, CHANGE_PHONE),
        # Whatever the path: one factor that is not the telephone (invariant 16).
        evidence=(frozenset(FACTORS),),
        needs=NEEDS,
        minutes=7,
    )


ISSUE = _journey("financial-web-issue", reissue=holds_one)
REISSUE = _journey("financial-web-reissue", reissue=always)
