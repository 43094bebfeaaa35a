"""What every page carries: language, bank, display choice, address in the other language."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.shortcuts import render

from dojang.edge.wording import reader_locale
from dojang.web.theme import load_theme

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest, HttpResponse

DISPLAY_COOKIE = "dojang_display"
DISPLAYS = ("light", "dark", "contrast")


def display_of(request: HttpRequest) -> str:
    """Return the display the visitor chose; empty follows the device."""
    chosen = request.COOKIES.get(DISPLAY_COOKIE, "")
    return chosen if chosen in DISPLAYS else ""


def theme_id(request: HttpRequest) -> str:
    """Return the id of the bank's theme, from the configuration."""
    world = getattr(request, "world", None)
    themes: Mapping[str, str] = world.policy.themes if world is not None else {}
    return themes.get("default", "dojang")


def page_context(request: HttpRequest) -> dict[str, Any]:
    """Context common to all pages."""
    locale, theme = reader_locale(), load_theme(theme_id(request))
    other = "ko" if locale == "en" else "en"
    query = request.GET.copy() if request.method == "GET" else request.GET.__class__(mutable=True)
    query["lang"] = other
    return {
        "locale": locale,
        "other_locale": other,
        "other_url": f"/{request.path.lstrip('/')}?{query.urlencode()}",
        "theme": theme,
        "bank": theme.names[locale],
        "bank_phone": theme.phone,
        "bank_hours": theme.hours[locale],
        "display": display_of(request),
    }


def show(
    request: HttpRequest, template: str, context: Mapping[str, Any] | None = None, *, status: int = 200
) -> HttpResponse:
    """Render a page."""
    return render(request, template, {**page_context(request), **(context or {})}, status=status)
