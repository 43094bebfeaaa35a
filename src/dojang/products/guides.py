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
    """A question people ask, with its answer."""

    question: Message
    answer: Message


_COMMON = ("old_one", "expiry", "fee", "minor", "more_help")
_FIRST: Mapping[str, tuple[str, ...]] = {
    "financial": ("forgot_id",),
    "joint": ("joint_start", "lost_phone", "forgot_id"),
    "bank": ("bank_use", "lost_phone"),
}
#: Ids of the questions of each journey; the sentences are ``guide.faq.<id>.q`` and ``.a``.
FAQ: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {journey.id: (*_FIRST[journey.product], *_COMMON) for journey in JOURNEYS.values()}
)
_WITH_PHONE = frozenset({"more_help"})


def questions(journey_id: str, policy: Policy) -> tuple[Question, ...]:
    """Return the questions of a journey's guide; `KeyError` for an unknown journey."""
    found = []
    for name in FAQ[journey_id]:
        args = {"phone": policy.bank_phone} if name in _WITH_PHONE else {}
        found.append(Question(Message(f"guide.faq.{name}.q"), Message(f"guide.faq.{name}.a", args)))
    return tuple(found)
