"""Names of the built style sheets and scripts: plain name in, hashed address out."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from django.templatetags.static import static

if TYPE_CHECKING:
    from collections.abc import Mapping

DIST = Path(__file__).resolve().parent / "static" / "dist"


@cache
def manifest() -> Mapping[str, str]:
    """Return what the build wrote; empty before the first build."""
    try:
        found: dict[str, str] = json.loads((DIST / "manifest.json").read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return found


def asset_url(name: str) -> str:
    """Return the address of a built file such as ``app.css``; empty when the build does not offer it."""
    file = manifest().get(name, "")
    return static(f"dist/{file}") if file else ""
