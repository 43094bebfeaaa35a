"""The reader's language, sentences by id, and dates as people in Korea write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import get_language

from dojang.pki.day import local as local_time
from dojang.products.messages import catalog, render

if TYPE_CHECKING:
    from datetime import datetime

LOCALES = ("ko", "en")
_WEEKDAYS = {"ko": "월화수목금토일", "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def reader_locale() -> str:
    """Return the language of the present request: ``ko`` or ``en``."""
    return "en" if (get_language() or "ko").startswith("en") else "ko"


def say(message_id: str, locale: str, /, **args: object) -> str:
    """Return a sentence of the sandbox's own area."""
    return render(f"sandbox.{message_id}", locale, **args)


def about(handle: str, locale: str) -> str:
    """Return what is special about a person; people of the crowd are ordinary."""
    known = catalog(locale)
    return known.get(f"sandbox.about.{handle}", known["sandbox.about.crowd"])


def write_clock(moment: datetime) -> str:
    """Write the time of day in Korea: ``16:05``."""
    return f"{local_time(moment):%H:%M}"


def write_day(moment: datetime, locale: str) -> str:
    """Write the date in Korea: ``2026년 11월 22일 (일)``, ``Sun 22 Nov 2026``."""
    local = local_time(moment)
    weekday = _WEEKDAYS[locale][local.weekday()]
    if locale == "en":
        return f"{weekday} {local.day} {_MONTHS[local.month - 1]} {local.year}"
    return f"{local.year}년 {local.month}월 {local.day}일 ({weekday})"


def write_moment(moment: datetime, locale: str) -> str:
    """Write date and time in Korea."""
    return f"{write_day(moment, locale)} {write_clock(moment)}"


def write_number(number: str) -> str:
    """Write a telephone number in groups: ``010-0000-0101``."""
    return f"{number[:3]}-{number[3:-4]}-{number[-4:]}"


def write_account(number: str) -> str:
    """Write an account number in groups: ``110-000-000001``."""
    return f"{number[:3]}-{number[3:6]}-{number[6:]}"


def write_rrn(number: str) -> str:
    """Write an identification number in its two groups."""
    return f"{number[:6]}-{number[6:]}"
