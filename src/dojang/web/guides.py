"""Guides made from the journey definitions that run: what to prepare, the steps and why, how long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dojang.journeys.model import always
from dojang.products import JOURNEYS
from dojang.web.wording import knows, phrase, say

if TYPE_CHECKING:
    from dojang.journeys.model import Journey

PURPOSES = ("issue", "reissue")
CHANNEL = "web"
_ICONS = ("phone", "account", "card", "id", "mail", "otp", "pin")


@dataclass(frozen=True, slots=True)
class Need:
    """Something to have at hand."""

    title: str
    text: str
    icon: str


@dataclass(frozen=True, slots=True)
class GuideStep:
    """One step of a guide; `numbers` are those of the bank's own guide, such as ``7–9``."""

    numbers: str
    title: str
    why: str
    sometimes: bool  #: only some people are asked


@dataclass(frozen=True, slots=True)
class Guide:
    """The guide of one journey."""

    journey: str
    product: str
    product_name: str
    purpose: str
    purpose_name: str
    title: str
    lead: str
    minutes: int
    needs: tuple[Need, ...]
    steps: tuple[GuideStep, ...]


def _icon_of(need: str) -> str:
    word = need.rpartition(".")[2]
    return next(
        (icon for icon in _ICONS if icon in word and icon != "otp"), "card" if "otp" in word else "check"
    )


def _need(need: str, locale: str) -> Need:
    title_id = need if knows(need, locale) else f"{need}.title"
    text_id = f"{need}.text"
    return Need(
        title=phrase(title_id, locale),
        text=phrase(text_id, locale) if knows(text_id, locale) else "",
        icon=_icon_of(need),
    )


def _numbers(guide: tuple[int, ...]) -> str:
    if not guide:
        return "·"
    return str(guide[0]) if len(guide) == 1 else f"{guide[0]}–{guide[-1]}"


def _make(journey: Journey, purpose: str, locale: str) -> Guide:
    product_name = phrase(f"web.product.{journey.product}", locale)
    purpose_name = phrase(f"web.purpose.{purpose}", locale)
    return Guide(
        journey=journey.id,
        product=journey.product,
        product_name=product_name,
        purpose=purpose,
        purpose_name=purpose_name,
        title=phrase(f"journey.{journey.id}", locale),
        lead=phrase(f"web.begin.lead.{purpose}", locale),
        minutes=journey.minutes,
        needs=tuple(_need(need, locale) for need in journey.needs),
        steps=tuple(
            GuideStep(
                numbers=_numbers(step.guide),
                title=say(step.title, locale),
                why=say(step.why, locale),
                sometimes=step.when is not always,
            )
            for step in journey.steps
        ),
    )


def guide_of(product: str, purpose: str, locale: str, *, channel: str = CHANNEL) -> Guide | None:
    """Return the guide of a product's journey on a channel; ``None`` when it is not offered."""
    journey = JOURNEYS.get(f"{product}-{channel}-{purpose}") if purpose in PURPOSES else None
    return _make(journey, purpose, locale) if journey else None


def all_guides(locale: str) -> list[Guide]:
    """Return every guide there is."""
    products = dict.fromkeys(journey.product for journey in JOURNEYS.values())
    found = (guide_of(product, purpose, locale) for product in products for purpose in PURPOSES)
    return [guide for guide in found if guide]
