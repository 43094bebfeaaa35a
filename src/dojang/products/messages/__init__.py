"""Every sentence people read, by id, in Korean and English.

Files lie in ``{ko,en}/<area>.toml``, those of one product in ``product_<id>.toml``; a product in a package of
its own brings its own (`Product.messages`). Nested tables flatten to dotted ids (``[step.pin] title`` →
``step.pin.title``). The texts customers agree to are in it as ``terms.<id>.text``, in the version in force.
Placeholders are `str.format` names. The tests keep both languages equal in ids and placeholders.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from dojang.products import terms
from dojang.products.offer import PRODUCTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from importlib.resources.abc import Traversable

LOCALES = ("ko", "en")
FALLBACK = "ko"


def _flatten(prefix: str, table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        dotted = f"{prefix}.{key}" if prefix else key
        if isinstance(value, dict):
            yield from _flatten(dotted, value)
        else:
            yield dotted, str(value)


def catalog(locale: str) -> Mapping[str, str]:
    """Return all sentences of a language (Korean for an unknown one); `ValueError` on an id given twice."""
    folders = tuple(product.messages for product in PRODUCTS.values() if product.messages is not None)
    return _catalog(locale if locale in LOCALES else FALLBACK, folders)


@cache
def _catalog(locale: str, folders: tuple[Traversable, ...]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    ours = sorted((resources.files(__name__) / locale).iterdir(), key=lambda file: file.name)
    brought = [folder / f"{locale}.toml" for folder in folders]
    for file in (*(file for file in ours if file.name.endswith(".toml")), *brought):
        for message_id, text in _flatten("", tomllib.loads(file.read_text(encoding="utf-8"))):
            if message_id in found:
                raise ValueError(f"message {message_id} occurs twice in {locale} (again in {file.name})")
            found[message_id] = text
    for item in terms.in_force():
        found[f"terms.{item.id}.text"] = terms.text_of(item.id, item.version, locale)
    return MappingProxyType(found)


def render(message_id: str, locale: str, /, **args: Any) -> str:
    """Return a sentence with its arguments filled in; `KeyError` on an unknown id or a missing argument."""
    return catalog(locale)[message_id].format(**args)
