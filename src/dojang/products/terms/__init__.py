"""The texts customers agree to: which there are, in which version, with the digest of each file.

A text lies in ``{ko,en}/<id>-<version>.txt``. A changed text gets a new version and a new file; old files
stay, so that what somebody agreed to years ago can still be shown.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources

from dojang.journeys.kinds.terms import Term

LANGUAGES = ("ko", "en")


@dataclass(frozen=True, slots=True)
class Listed:
    """One text on the list of a product."""

    id: str
    version: str
    required: bool = True


@cache
def in_force() -> tuple[Listed, ...]:
    """Return every text in the version in force: the newest that lies here."""
    newest: dict[str, tuple[int, ...]] = {}
    for file in (resources.files(__name__) / LANGUAGES[0]).iterdir():
        term_id, _, version = file.name.removesuffix(".txt").rpartition("-")
        if term_id:
            numbers = tuple(int(part) for part in version.split("."))
            newest[term_id] = max(newest.get(term_id, ()), numbers)
    return tuple(Listed(name, ".".join(map(str, newest[name]))) for name in sorted(newest))


def _file(term_id: str, version: str, locale: str) -> bytes:
    chosen = locale if locale in LANGUAGES else LANGUAGES[0]
    return (resources.files(__name__) / chosen / f"{term_id}-{version}.txt").read_bytes()


@cache
def text_of(term_id: str, version: str, locale: str) -> str:
    """Return a text in any version that was ever in force; `KeyError` when there is none."""
    known = {item.id for item in in_force()}
    if term_id not in known or not version.replace(".", "").isdigit():
        raise KeyError(term_id)
    try:
        return _file(term_id, version, locale).decode()
    except FileNotFoundError:
        raise KeyError(f"{term_id}-{version}") from None


def digest_of(term_id: str, version: str, locale: str) -> str:
    """Return the SHA-256 of a text's file, hex."""
    return hashlib.sha256(_file(term_id, version, locale)).hexdigest()


def terms_of(listed: tuple[Listed, ...]) -> tuple[Term, ...]:
    """Return a list of texts with their digests, for the kind of step that asks for consent."""
    return tuple(
        Term(
            id=item.id,
            version=item.version,
            required=item.required,
            sha256={locale: digest_of(item.id, item.version, locale) for locale in LANGUAGES},
        )
        for item in listed
    )
