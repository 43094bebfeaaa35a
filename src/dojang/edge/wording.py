"""From message ids to the reader's sentences, and from machine dates to the reader's dates."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.utils.translation import get_language

from dojang.edge.statuses import STATUS
from dojang.journeys.page import Message
from dojang.pki.day import day_of
from dojang.pki.day import local as local_time
from dojang.products.messages import catalog

if TYPE_CHECKING:
    from collections.abc import Mapping

LOCALES = ("ko", "en")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)", flags=re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", flags=re.ASCII)
_NOON = 12
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def reader_locale() -> str:
    """Language of the present request: ``ko`` or ``en``."""
    return "en" if (get_language() or "ko").startswith("en") else "ko"


def write_day(day: date, locale: str) -> str:
    """Write a date: ``2029년 11월 22일``, ``22 November 2029``."""
    if locale == "en":
        return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
    return f"{day.year}년 {day.month}월 {day.day}일"


def write_years(years: int, locale: str) -> str:
    """Write a length of time in whole years: ``2년``, ``2 years``, ``1 year``."""
    if locale == "en":
        return f"{years} year" if years == 1 else f"{years} years"
    return f"{years}년"


def write_time(moment: datetime, locale: str) -> str:
    """Write the time of day in Korea: ``오후 4:10``, ``4:10 pm``."""
    local = local_time(moment)
    hour = local.hour % _NOON or _NOON
    if locale == "en":
        return f"{hour}:{local.minute:02d} {'pm' if local.hour >= _NOON else 'am'}"
    return f"{'오후' if local.hour >= _NOON else '오전'} {hour}:{local.minute:02d}"


def write_moment(moment: datetime, locale: str) -> str:
    """Write date and time in Korea."""
    between = ", " if locale == "en" else " "
    return f"{write_day(day_of(moment), locale)}{between}{write_time(moment, locale)}"


def parse_moment(text: str) -> datetime | None:
    """Read an ISO 8601 moment; ``None`` when it is not one."""
    if not _MOMENT.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:  # the form of a moment, and none: 31 February
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def localise(value: Any, locale: str) -> Any:
    """Return an argument as the reader should see it: messages rendered, ISO dates written out."""
    if isinstance(value, Message):
        return say(value, locale)
    if is_message(value):
        return say(Message(value["id"], value.get("args") or {}), locale)
    if isinstance(value, list | tuple):
        return ", ".join(str(localise(item, locale)) for item in value)
    return _localise_text(value, locale) if isinstance(value, str) else value


def is_message(value: Any) -> bool:
    """Tell whether a structure is a message in its JSON form."""
    return (
        isinstance(value, dict) and isinstance(value.get("id"), str) and set(value) <= {"id", "args", "text"}
    )


def _localise_text(value: str, locale: str) -> str:
    moment = parse_moment(value)
    if moment:
        return write_moment(moment, locale)
    try:
        return write_day(date.fromisoformat(value), locale) if _DAY.fullmatch(value) else value
    except ValueError:
        return value


def phrase(message_id: str, locale: str, args: Mapping[str, Any] | None = None) -> str:
    """Return a sentence by id; `KeyError` when it or one of its arguments is unknown.

    The sentence of what is ours to mend is the common one, wherever the error comes by: its own is for
    whoever runs the centre.
    """
    if STATUS.get(message_id.removeprefix("error.")) == HTTPStatus.INTERNAL_SERVER_ERROR:
        return catalog(locale)["error.internal"]
    filled = {name: localise(value, locale) for name, value in (args or {}).items()}
    return catalog(locale)[message_id].format_map(filled)


def product_name(product_id: str, locale: str) -> str:
    """Return the name of a product as it stands in lists and titles."""
    return phrase(f"product.{product_id}.name", locale)


def say(message: Message, locale: str) -> str:
    """Return the sentence of a Page's message."""
    return phrase(message.id, locale, message.args)


def knows(message_id: str, locale: str) -> bool:
    """Tell whether a sentence exists."""
    return message_id in catalog(locale)
