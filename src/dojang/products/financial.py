"""The financial certificate (금융인증서): its journeys, step by step as in the bank's own guides.

The guide's first steps happen before a run begins: on the web 1 and 2 (the certificate centre, the
certificate), in the app 1 to 4 (menu, security, the certificate, its button). In the app the guide has no
page that says who the customer is, because its app is logged in. Whoever is logged in with the bank
certificate of this telephone walks exactly the printed steps; whoever is not is asked for user id and RRN.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from dojang.journeys.kinds.account import Account, AccountNumber, AccountPassword
from dojang.journeys.kinds.ars_call import ArsCall
from dojang.journeys.kinds.certificate_password import CertificatePassword
from dojang.journeys.kinds.choice import IdentityWay, ReissueReason
from dojang.journeys.kinds.confirm import Confirm
from dojang.journeys.kinds.contact import Contact, PersonDetails
from dojang.journeys.kinds.details import Details
from dojang.journeys.kinds.device import DeviceCheck
from dojang.journeys.kinds.identify import Identify
from dojang.journeys.kinds.phone_check import PhoneCheck
from dojang.journeys.kinds.secret import Secret
from dojang.journeys.kinds.sms_reply import SmsReply
from dojang.journeys.kinds.terms import Terms
from dojang.journeys.model import Journey, RunView, Step, always
from dojang.journeys.ordering import StepOrder
from dojang.journeys.product import Product
from dojang.products.parts import (
    FACTORS,
    asks_factor,
    asks_who,
    change_phone,
    find_id,
    holds_one,
    mail_code,
    second_factor,
    took,
    took_pattern,
)
from dojang.products.terms import Listed, terms_of

if TYPE_CHECKING:
    from collections.abc import Callable

PRODUCT = Product(
    id="financial",
    profile="financial",
    place=10,
    custody="wallet",
    unlock="pin",
    units=("personalF",),
    icon="house",
    life_days=731,  # two years
    renew_window_days=90,
    faq=("what_for", "life", "forgot_id", "new_number", "which_number", "no_card", "forgot_pin"),
    choices=MappingProxyType(
        {
            "app_account_order": ("printed", "account_first"),  # printed: the password before the number
            "app_certificate_password": (True, False),  # prove a joint certificate that is on the telephone
        }
    ),
)
TERMS = (
    Listed("efinance", "1.0"),
    Listed("ebanking", "1.0"),
    Listed("certificate", "1.0"),
    Listed("wallet", "1.0"),
    Listed("privacy", "1.0"),
    Listed("unique_id", "1.0"),
    Listed("third_party", "1.0"),
    Listed("phone_check", "1.0"),
    Listed("marketing", "1.0", required=False),
)
STAGES = ("terms", "identity", "factor", "details", "issue")
NEEDS = ("guide.need.user_id", "guide.need.phone", "guide.need.account", "guide.need.factor")
#: Whatever the path: one factor that is not the telephone (invariant 16).
EVIDENCE = (frozenset(FACTORS),)


def _identify(guide: tuple[int, ...], when: Callable[[RunView], bool] = always) -> Step:
    return Step(
        id="identify",
        kind=Identify(),
        stage="identity",
        gives="identified",
        guide=guide,
        when=when,
        sides=("find-id",),
    )


def _web_steps(*, reissue: Callable[[RunView], bool]) -> tuple[Step, ...]:
    return (
        Step(id="terms", kind=Terms(terms_of(TERMS)), stage="terms", gives="terms", guide=(3, 4)),
        _identify((5, 6)),
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
        *second_factor(choice=(10,), media=(11, 12), bank=(11, 12)),
        mail_code(),
        Step(id="contact", kind=Contact(), stage="details", gives="contact", guide=(13,)),
        Step(id="person", kind=PersonDetails(), stage="details", gives="person", guide=(14, 15)),
        Step(id="sms_reply", kind=SmsReply(), stage="details", gives="sms_reply", guide=(16,)),
        Step(id="pin", kind=Secret(), stage="issue", gives="pin", guide=(17,)),
        Step(id="confirm", kind=Confirm(), stage="issue", gives="confirmed", guide=(18,)),
    )


def asks_certificate_password(run: RunView) -> bool:
    """Take the step only when the key of a certificate with a password is on this telephone."""
    proven = run.fact("certificate_password")
    is_proven = proven is not None and run.is_in_use(str(proven.values["serial"]))
    return is_proven or run.usable("password", here=True) is not None


def _app_steps(*, reissue: Callable[[RunView], bool]) -> tuple[Step, ...]:
    return (
        Step(id="device", kind=DeviceCheck(), stage="terms", gives="device"),
        Step(id="terms", kind=Terms(terms_of(TERMS)), stage="terms", gives="terms", guide=(5, 6)),
        _identify((), asks_who),
        Step(id="reissue", kind=ReissueReason(), stage="identity", gives="reissue", when=reissue),
        Step(id="identity_way", kind=IdentityWay(), stage="identity", gives="identity_way", guide=(7, 8)),
        Step(
            id="phone_check",
            kind=PhoneCheck(),
            stage="identity",
            gives="phone_check",
            guide=(8,),
            when=took("phone_check"),
        ),
        Step(
            id="ars",
            kind=ArsCall(),
            stage="identity",
            gives="ars_call",
            guide=(8,),
            when=took("ars"),
            sides=("change-phone",),
        ),
        Step(id="account_password", kind=AccountPassword(), stage="factor", gives="account", guide=(9,)),
        Step(
            id="certificate_password",
            kind=CertificatePassword(),
            stage="factor",
            gives="certificate_password",
            guide=(10,),
            when=asks_certificate_password,
            choice="app_certificate_password",
        ),
        Step(
            id="account_number", kind=AccountNumber(), stage="factor", gives="account_number", guide=(11, 12)
        ),
        *second_factor(choice=(13,), media=(13,), bank=(13,), asked=asks_factor, pattern=took_pattern),
        mail_code(),
        Step(id="details", kind=Details(), stage="details", gives="contact", guide=(14,)),
        Step(id="pin", kind=Secret(), stage="issue", gives="pin", guide=(15,)),
        Step(id="confirm", kind=Confirm(), stage="issue", gives="confirmed", guide=(16,)),
    )


def _app_order() -> StepOrder:
    """Return both orders of the account's two pages: as printed, and with the number before its password."""
    printed = tuple(step.id for step in _app_steps(reissue=always))
    number_first = [step_id for step_id in printed if step_id != "account_number"]
    number_first.insert(number_first.index("account_password"), "account_number")
    return StepOrder(
        choice="app_account_order",
        ways={"account_first": tuple(number_first), "printed": printed},
    )


def _web(journey_id: str, *, reissue: Callable[[RunView], bool]) -> Journey:
    return Journey(
        id=journey_id,
        product=PRODUCT,
        channel="web",
        stages=STAGES,
        steps=_web_steps(reissue=reissue),
        sides=(find_id(PRODUCT, "web", (5,)), change_phone(PRODUCT, "web", (8,))),
        evidence=EVIDENCE,
        needs=NEEDS,
        minutes=7,
    )


def _app(journey_id: str, *, reissue: Callable[[RunView], bool]) -> Journey:
    return Journey(
        id=journey_id,
        product=PRODUCT,
        channel="app",
        stages=STAGES,
        steps=_app_steps(reissue=reissue),
        sides=(find_id(PRODUCT, "app", ()), change_phone(PRODUCT, "app", (8,))),
        # Who logged in is not on the way to be asked: that somebody was identified is looked for by name.
        evidence=(*EVIDENCE, frozenset({"identified"})),
        needs=(*NEEDS[:3], "guide.need.factor_app"),
        minutes=6,
        order=_app_order(),
        by_login=True,
    )


ISSUE = _web("financial-web-issue", reissue=holds_one)
REISSUE = _web("financial-web-reissue", reissue=always)
APP_ISSUE = _app("financial-app-issue", reissue=holds_one)
APP_REISSUE = _app("financial-app-reissue", reissue=always)
JOURNEYS = (ISSUE, REISSUE, APP_ISSUE, APP_REISSUE)
