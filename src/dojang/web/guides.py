"""Guides made from the journey definitions that run: what to prepare, the steps and why, questions."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.templatetags.static import static

from dojang.edge.wording import knows, phrase, product_name, say
from dojang.journeys.model import always
from dojang.products import JOURNEYS
from dojang.products.guides import questions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dojang.journeys.model import Journey, Step
    from dojang.ports.policy import Policy

PURPOSES = ("issue", "reissue")
CHANNEL = "web"
#: Where `make pictures` puts what it takes; `index.json` there names each file with its size.
PICTURES = Path(__file__).resolve().parent / "static" / "guides"
_ICONS = ("phone", "account", "card", "id", "mail", "otp", "pin")
_STEP_ICONS = {
    "terms": "check", "identify": "id", "reissue": "key", "reissue_request": "key", "ars": "phone",
    "phone_check": "phone", "sms_reply": "phone", "identity_way": "phone", "device": "phone",
    "request": "phone", "account": "account", "account_number": "account", "account_password": "account",
    "one_won": "account", "factor": "shield", "security_card": "card", "otp": "clock", "id_card": "id",
    "bank_certificate": "dots", "certificate_password": "paper", "mail_code": "mail", "contact": "mail",
    "person": "id", "details": "id", "pin": "pin", "certificate_key": "key", "device_key": "key",
    "pattern": "dots", "confirm": "stamp",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Need:
    """Something to have at hand."""

    title: str
    text: str
    icon: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a step as the browser showed it; `width` and `height` in CSS pixels of the page."""

    url: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class GuideStep:
    """One step of a guide; `numbers` are those of the bank's own guide, such as ``7–9``."""

    id: str
    numbers: str
    title: str
    why: str
    icon: str
    sometimes: bool  #: only some people are asked
    picture: Picture | None


@dataclass(frozen=True, slots=True)
class ShownQuestion:
    """A question people ask, and its answer."""

    id: str
    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Guide:
    """The guide of one journey."""

    journey: str
    product: str
    product_name: str
    channel: str
    purpose: str
    purpose_name: str
    title: str
    lead: str
    minutes: int
    needs: tuple[Need, ...]
    steps: tuple[GuideStep, ...]
    questions: tuple[ShownQuestion, ...]

    @property
    def pictured(self) -> bool:
        """Whether any step has a picture."""
        return any(step.picture for step in self.steps)


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


@cache
def _taken() -> Mapping[str, Mapping[str, Any]]:
    """Return what `make pictures` took: ``<product>-<channel>/<step>.<locale>`` to file, width and height."""
    try:
        found: dict[str, dict[str, Any]] = json.loads((PICTURES / "index.json").read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return found


def picture_key(journey: str, step: str, locale: str) -> str:
    """Name a picture. Issue and re-issue of a product share theirs: the pages are the same."""
    return f"{journey.rpartition('-')[0]}/{step}.{locale}"


def _picture(journey: str, step: str, locale: str) -> Picture | None:
    found = _taken().get(picture_key(journey, step, locale))
    if found is None:
        return None
    return Picture(static(f"guides/{found['file']}"), int(found["width"]), int(found["height"]))


def _title(journey: Journey, step: Step, locale: str) -> str:
    """Return a step's title; outside the app the bank certificate is asked on the telephone, not here."""
    approval = f"{step.title.id.rpartition('.')[0]}.approval"
    elsewhere = journey.channel == CHANNEL and knows(approval, locale)
    return phrase(approval, locale) if elsewhere else say(step.title, locale)


def _steps(journey: Journey, locale: str, policy: Policy) -> tuple[GuideStep, ...]:
    return tuple(
        GuideStep(
            id=step.id,
            numbers=_numbers(step.guide),
            title=_title(journey, step, locale),
            why=say(step.why, locale),
            icon=_STEP_ICONS.get(step.id, "check"),
            sometimes=step.when is not always or bool(step.choice),
            picture=_picture(journey.id, step.id, locale),
        )
        for step in journey.walk(policy)
        if step.is_asked(journey.product, policy)
    )


def _questions(journey: Journey, locale: str, policy: Policy) -> tuple[ShownQuestion, ...]:
    return tuple(
        ShownQuestion(id=asked.id, question=say(asked.question, locale), answer=say(asked.answer, locale))
        for asked in questions(journey.id, policy)
    )


def _make(journey: Journey, purpose: str, locale: str, policy: Policy) -> Guide:
    return Guide(
        journey=journey.id,
        product=journey.product.id,
        product_name=product_name(journey.product.id, locale),
        channel=journey.channel,
        purpose=purpose,
        purpose_name=phrase(f"web.purpose.{purpose}", locale),
        title=phrase(f"journey.{journey.id}", locale),
        lead=phrase(f"web.begin.lead.{purpose}", locale),
        minutes=journey.minutes,
        needs=tuple(_need(need, locale) for need in journey.needs),
        steps=_steps(journey, locale, policy),
        questions=_questions(journey, locale, policy),
    )


def guide_by_id(journey_id: str, locale: str, *, policy: Policy) -> Guide | None:
    """Return the guide of a journey by its id; ``None`` when there is no such journey."""
    journey, purpose = JOURNEYS.get(journey_id), journey_id.rpartition("-")[2]
    return _make(journey, purpose, locale, policy) if journey and purpose in PURPOSES else None


def guide_of(
    product: str, purpose: str, locale: str, *, channel: str = CHANNEL, policy: Policy
) -> Guide | None:
    """Return the guide of a product's journey on a channel; ``None`` when it is not offered."""
    return guide_by_id(f"{product}-{channel}-{purpose}", locale, policy=policy)


def all_guides(locale: str, *, policy: Policy) -> list[Guide]:
    """Return every guide there is, product by product."""
    found = (guide_by_id(journey_id, locale, policy=policy) for journey_id in JOURNEYS)
    return [guide for guide in found if guide]
