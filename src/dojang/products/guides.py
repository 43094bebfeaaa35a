"""What a guide page says about a journey besides its steps: the questions people ask.

What to have at hand (`Journey.needs`) and how long it takes (`Journey.minutes`) are part of the journey.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dojang.journeys.page import Message
from dojang.products.offer import JOURNEYS

if TYPE_CHECKING:
    from dojang.ports.policy import Policy


@dataclass(frozen=True, slots=True)
class GuideQuestion:
    """A question people ask, with its answer. `id` is its name in the messages and in addresses."""

    id: str
    question: Message
    answer: Message


#: What everybody asks, whichever certificate.
COMMON = ("old_one", "expiry", "interrupted", "not_me", "fee", "minor", "more_help")


def questions(journey_id: str, policy: Policy) -> tuple[GuideQuestion, ...]:
    """Return the questions of a journey's guide, with the bank's figures; `KeyError` if there is none.

    The sentences are ``guide.faq.<id>.q`` and ``.a``: the product's own questions, then everybody's.
    """
    product = JOURNEYS[journey_id].product
    figures = {
        "phone": policy.bank.phone,
        "years": product.life_under(policy) // 365,
        "window": product.window_under(policy),
        "pattern_errors": policy.wrong_entries.pattern.count,
        "biometric_errors": policy.wrong_entries.biometric.count,
        "minutes": policy.sessions.idle // 60,
    }
    return tuple(
        GuideQuestion(name, Message(f"guide.faq.{name}.q", figures), Message(f"guide.faq.{name}.a", figures))
        for name in (*product.faq, *COMMON)
    )
