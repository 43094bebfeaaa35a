"""Every sentence people read, by id, in Korean and English.

Files lie in ``{ko,en}/<area>.toml``; nested tables flatten to dotted ids
(``[step.pin] title`` → ``step.pin.title``). The texts customers agree to are in it as ``terms.<id>.text``, in
the version in force. Placeholders are `str.format` names. The tests keep both languages equal in ids and
placeholders.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from dojang.products import terms

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LOCALES = ("ko", "en")
FALLBACK = "ko"


def _flatten(prefix: str, table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        dotted = f"{prefix}.{key}" if prefix else key
        if isinstance(value, dict):
            yield from _flatten(dotted, value)
        else:
            yield dotted, str(value)


@cache
def catalog(locale: str) -> Mapping[str, str]:
    """Return all sentences of a language (Korean for an unknown one); `ValueError` on an id given twice."""
    chosen = locale if locale in LOCALES else FALLBACK
    found: dict[str, str] = {}
    folder = resources.files(__name__) / chosen
    for file in sorted(folder.iterdir(), key=lambda f: f.name):
        if not file.name.endswith(".toml"):
            continue
        for message_id, text in _flatten("", tomllib.loads(file.read_text(encoding="utf-8"))):
            if message_id in found:
                raise ValueError(f"message {message_id} occurs twice in {chosen} (again in {file.name})")
            found[message_id] = text
    for item in terms.IN_FORCE:
        found[f"terms.{item.id}.text"] = terms.text_of(item.id, item.version, chosen)
    return MappingProxyType(found)


def render(message_id: str, locale: str, /, **args: Any) -> str:
    """Return a sentence with its arguments filled in; `KeyError` on an unknown id or a missing argument."""
    return catalog(locale)[message_id].format(**args)
