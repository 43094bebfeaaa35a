"""From a Page to JSON: the same document, each sentence beside its id in the reader's language."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

from dojang.journeys.page import Message, Page
from dojang.products.messages import render

if TYPE_CHECKING:
    from django.http import HttpRequest

LANGUAGES = ("ko", "en")
_QUALITY = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")


def reader_language(request: HttpRequest) -> str:
    """Language asked for in ``Accept-Language``; Korean when nothing we speak is named."""
    best, best_quality = "ko", 0.0
    for part in request.headers.get("Accept-Language", "").split(","):
        tag, *parameters = (piece.strip() for piece in part.split(";"))
        language = tag.split("-")[0].lower()
        quality = 1.0
        for parameter in parameters:  # white space may stand around each (RFC 9110 section 12.4.2)
            name, _, value = parameter.partition("=")
            if name.lower() == "q":
                quality = float(value) if _QUALITY.fullmatch(value) else 0.0
        if language in LANGUAGES and quality > best_quality:
            best, best_quality = language, quality
    return best


def say(message: Message, locale: str) -> dict[str, Any]:
    """Give a message its sentence. Arguments that are messages themselves are rendered first."""
    args = {
        name: render(value.id, locale, **value.args) if isinstance(value, Message) else value
        for name, value in message.args.items()
    }
    return {"id": message.id, "args": args, "text": render(message.id, locale, **args)}


def plain(value: Any, locale: str) -> Any:
    """Turn frozen values into JSON values, sentences included."""
    if isinstance(value, Message):
        return say(value, locale)
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name), locale) for item in fields(value)}
    if isinstance(value, dict):
        return {str(name): plain(item, locale) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item, locale) for item in value]
    return value


def page_json(page: Page, locale: str) -> dict[str, Any]:
    """Return the Page as the JSON interface gives it."""
    document: dict[str, Any] = plain(page, locale)
    return document
