"""The joint certificate (공동인증서), made on the telephone: seven steps, and six to have it made anew.

The key pair, the random number of the virtual id and the password are made on the device; see
`dojang.journeys.kinds.device_key`. What makes it more than a telephone's certificate (invariant 16): the
account's password, counted over all channels, or a bank that sets ``needs_factor`` a second factor too.
"""

from __future__ import annotations

from types import MappingProxyType

from dojang.journeys.kinds.account import Account
from dojang.journeys.kinds.choice import IssueRequest, ReissueReason, ReissueRequest
from dojang.journeys.kinds.confirm import Confirm
from dojang.journeys.kinds.device import DeviceCheck
from dojang.journeys.kinds.device_key import KeyOnDevice
from dojang.journeys.kinds.identify import Identify
from dojang.journeys.kinds.phone_check import PhoneCheck
from dojang.journeys.kinds.terms import Terms
from dojang.journeys.model import Journey, Step
from dojang.journeys.ordering import StepOrder
from dojang.journeys.product import Product
from dojang.products.parts import find_id, holds_one, mail_code, second_factor
from dojang.products.terms import Listed, terms_of

PRODUCT = Product(
    id="joint",
    profile="joint",
    place=20,
    custody="device",
    unlock="password",
    key_algorithm="rsa-2048",  # what WebCrypto, the NPKI file formats and relying parties' software all read
    units=("personal4IB",),
    icon="paper",
    life_days=366,  # one year
    renew_window_days=30,
    faq=("joint_start", "lost_phone", "joint_password", "forgot_id", "life", "joint_where"),
    hours=MappingProxyType({"reissue": "01:00-23:00"}),
    choices=MappingProxyType(
        {
            "reissue_order": ("printed", "consent_first"),  # printed: consent after the RRN
            "needs_factor": (False, True),  # a card, token or bank certificate besides the account's password
        }
    ),
)
TERMS = (
    Listed("efinance", "1.0"),
    Listed("ebanking", "1.0"),
    Listed("joint_certificate", "1.0"),
    Listed("device_storage", "1.0"),
    Listed("privacy", "1.0"),
    Listed("unique_id", "1.0"),
    Listed("third_party", "1.0"),
    Listed("phone_check", "1.0"),
    Listed("marketing", "1.0", required=False),
)
STAGES = ("terms", "identity", "factor", "issue")
NEEDS = ("guide.need.app", "guide.need.user_id", "guide.need.own_phone", "guide.need.account")
EVIDENCE = (frozenset({"account"}), frozenset({"phone_check"}), frozenset({"identified"}))


def _device() -> Step:
    return Step(id="device", kind=DeviceCheck(), stage="terms", gives="device", guide=(1,))


def _terms(guide: tuple[int, ...]) -> Step:
    return Step(id="terms", kind=Terms(terms_of(TERMS)), stage="terms", gives="terms", guide=guide)


def _identify() -> Step:
    return Step(
        id="identify",
        kind=Identify(),
        stage="identity",
        gives="identified",
        guide=(4,),
        sides=("find-id",),
    )


def _phone(guide: tuple[int, ...]) -> Step:
    return Step(id="phone_check", kind=PhoneCheck(), stage="identity", gives="phone_check", guide=guide)


def _account(guide: tuple[int, ...]) -> Step:
    return Step(id="account", kind=Account(), stage="factor", gives="account", guide=guide)


def _key(guide: tuple[int, ...]) -> Step:
    return Step(
        id="certificate_key",
        kind=KeyOnDevice(),
        stage="issue",
        gives="device_key",
        guide=guide,
    )


def _confirm(guide: tuple[int, ...]) -> Step:
    return Step(id="confirm", kind=Confirm(), stage="issue", gives="confirmed", guide=guide)


_FACTOR = second_factor(choice=(), media=(), bank=(), wanted="needs_factor")
_ISSUE = (
    _device(),
    Step(id="request", kind=IssueRequest(), stage="terms", gives="request", guide=(2,)),
    _terms((3,)),
    _identify(),
    Step(id="reissue", kind=ReissueReason(), stage="identity", gives="reissue", when=holds_one),
    _phone((5,)),
    _account((5,)),
    mail_code(),
    *_FACTOR,
    _key((6,)),
    _confirm((7,)),
)
_REISSUE = (
    _device(),
    Step(id="reissue_request", kind=ReissueRequest(), stage="terms", gives="reissue", guide=(2,)),
    _phone((3,)),
    _identify(),
    _account((4,)),
    mail_code(),
    *_FACTOR,
    _terms((5,)),
    _key((6,)),
    _confirm((6,)),
)


def _reissue_order() -> StepOrder:
    """Return both orders: as printed, and with consent before any personal number is asked for."""
    printed = tuple(step.id for step in _REISSUE)
    consent_first = [step_id for step_id in printed if step_id != "terms"]
    consent_first.insert(consent_first.index("phone_check"), "terms")
    return StepOrder(choice="reissue_order", ways={"consent_first": tuple(consent_first), "printed": printed})


ISSUE = Journey(
    id="joint-app-issue",
    product=PRODUCT,
    channel="app",
    stages=STAGES,
    steps=_ISSUE,
    sides=(find_id(PRODUCT, "app", (4,)),),
    evidence=EVIDENCE,
    needs=NEEDS,
    minutes=5,
)
REISSUE = Journey(
    id="joint-app-reissue",
    product=PRODUCT,
    channel="app",
    stages=STAGES,
    steps=_REISSUE,
    sides=(find_id(PRODUCT, "app", (4,)),),
    evidence=EVIDENCE,
    needs=NEEDS,
    minutes=5,
    order=_reissue_order(),
)
JOURNEYS = (ISSUE, REISSUE)
