"""The bank's own colours, seal and opening hours: ``themes/<bank>.toml``. Its name and telephone are policy.

The same site serves any bank; what differs is one file. Colours become custom properties in ``/theme.css``,
because the content security policy allows no style inside a page.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from dojang.pki.errors import DojangError

if TYPE_CHECKING:
    from collections.abc import Mapping

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_NAME = re.compile(r"[a-z][a-z0-9-]*")
SCHEMES = ("light", "dark")


class ThemeError(DojangError):
    """A theme file is missing or says something that is no colour or no token."""

    code = "theme_broken"


@dataclass(frozen=True, slots=True)
class Theme:
    """One bank's face. `tokens` are style tokens by scheme (``light``, ``dark``)."""

    id: str
    hours: Mapping[str, str]
    seal: str  #: the syllables of the bank's own seal
    tokens: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def css(self) -> str:
        """Style sheet that overrides the tokens; empty when the bank keeps the default colours."""
        rules = []
        light, dark = (
            "".join(f"--{name}:{value};" for name, value in sorted(self.tokens.get(scheme, {}).items()))
            for scheme in SCHEMES
        )
        if light:
            rules.append(f":root{{{light}}}")
        if dark:
            rules.append(
                f"@media (prefers-color-scheme:dark){{:root:not([data-display]){{{dark}}}}}"
                f':root[data-display="dark"]{{{dark}}}'
            )
        return "".join(rules)

    @property
    def version(self) -> str:
        """Changes with the style sheet, for its address."""
        return hashlib.sha256(self.css.encode()).hexdigest()[:8]


@cache
def load_theme(theme_id: str = "dojang") -> Theme:
    """Read a theme; `ThemeError` when it is absent or holds anything but six-digit colours."""
    if not _NAME.fullmatch(theme_id):
        raise ThemeError(f"no theme {theme_id!r}")
    file = resources.files("dojang.web") / "themes" / f"{theme_id}.toml"
    if not file.is_file():
        raise ThemeError(f"no theme {theme_id!r}")
    data = tomllib.loads(file.read_text(encoding="utf-8"))
    tokens = {scheme: dict(data.get("tokens", {}).get(scheme, {})) for scheme in SCHEMES}
    for scheme in tokens.values():
        for name, value in scheme.items():
            if not _NAME.fullmatch(name) or not _COLOUR.fullmatch(str(value)):
                raise ThemeError(f"theme {theme_id!r}: {name} = {value!r} is no colour")
    bank = data["bank"]
    return Theme(
        id=theme_id,
        hours=bank["hours"],
        seal=bank["seal"],
        tokens=tokens,
    )
