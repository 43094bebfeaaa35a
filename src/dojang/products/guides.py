"""What a guide page says about a journey besides its steps: the questions people ask.

What to have at hand (`Journey.needs`) and how long it takes (`Journey.minutes`) are part of the journey.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from dojang.journeys.page import Message
from dojang.products.journeys import JOURNEYS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dojang.ports.policy import Policy


@dataclass(frozen=True, slots=True)
class Question:
    """A question people ask, with its answer. `id` is its name in the messages and in addresses."""

    id: str
    question: Message
    answer: Message


#: What everybody asks, whichever certificate.
COMMON = ("old_one", "expiry", "interrupted", "not_me", "fee", "minor", "more_help")
_FIRST: Mapping[str, tuple[str, ...]] = {
    "financial": ("what_for", "life", "forgot_id", "new_number", "which_number", "no_card", "forgot_pin"),
    "joint": ("joint_start", "lost_phone", "joint_password", "forgot_id", "life", "joint_where"),
    "bank": ("bank_use", "life", "bank_pattern", "bank_biometric", "lost_phone", "bank_one_won"),
}
#: Ids of the questions of each journey; the sentences are ``guide.faq.<id>.q`` and ``.a``.
FAQ: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {journey.id: (*_FIRST[journey.product], *COMMON) for journey in JOURNEYS.values()}
)


def questions(journey_id: str, policy: Policy) -> tuple[Question, ...]:
    """Return the questions of a journey's guide, with the bank's figures; `KeyError` if there is none."""
    product = JOURNEYS[journey_id].product
    figures = {
        "phone": policy.bank_phone,
        "years": policy.validity_days(product) // 365,
        "window": policy.renew_window_days(product),
        "pattern_errors": policy.pattern_errors,
        "biometric_errors": policy.biometric_errors,
        "minutes": policy.session_idle // 60,
    }
    return tuple(
        Question(name, Message(f"guide.faq.{name}.q", figures), Message(f"guide.faq.{name}.a", figures))
        for name in FAQ[journey_id]
    )
