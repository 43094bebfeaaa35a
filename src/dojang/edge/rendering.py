"""From a Page to JSON: the same document, each sentence beside its id in the reader's language."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

from dojang.edge.wording import localise, phrase, reader_locale
from dojang.journeys.page import Message

if TYPE_CHECKING:
    from dojang.journeys.page import Page


def _say(message: Message, locale: str) -> dict[str, Any]:
    """Give a message its sentence. Arguments stay as they are; those that are messages become sentences."""
    args = {
        name: localise(value, locale) if isinstance(value, Message) else value
        for name, value in message.args.items()
    }
    return {"id": message.id, "args": args, "text": phrase(message.id, locale, message.args)}


def _plain(value: Any, locale: str) -> Any:
    """Turn frozen values into JSON values, sentences included."""
    if isinstance(value, Message):
        return _say(value, locale)
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: _plain(getattr(value, item.name), locale) for item in fields(value)}
    if isinstance(value, dict):
        return {str(name): _plain(item, locale) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item, locale) for item in value]
    return value


def page_json(page: Page) -> dict[str, Any]:
    """Return the Page as JSON interfaces give it."""
    document: dict[str, Any] = _plain(page, reader_locale())
    return document
