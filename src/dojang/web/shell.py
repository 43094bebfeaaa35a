"""What every page carries: language, bank, display choice, address in the other language."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.shortcuts import render

from dojang.edge.wording import reader_locale, write_years
from dojang.ports.policy import Policy
from dojang.products import PRODUCTS
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
    return policy_for(request).bank.theme


def policy_for(request: HttpRequest) -> Policy:
    """Return the bank's figures; before the outside is attached (an early error page), the defaults."""
    world = getattr(request, "world", None)
    return Policy() if world is None else world.policy


def page_context(request: HttpRequest) -> dict[str, Any]:
    """Context common to all pages."""
    locale, theme, policy = reader_locale(), load_theme(theme_id(request)), policy_for(request)
    other = "ko" if locale == "en" else "en"
    query = request.GET.copy() if request.method == "GET" else request.GET.__class__(mutable=True)
    query["lang"] = other
    return {
        "locale": locale,
        "other_locale": other,
        "other_url": f"/{request.path.lstrip('/')}?{query.urlencode()}",
        "theme": theme,
        "bank": policy.bank.name(locale),
        "bank_phone": policy.bank.phone,
        "bank_hours": theme.hours[locale],
        "lives": {
            f"{product.id}_life": write_years(product.life_under(policy) // 365, locale)
            for product in PRODUCTS.values()
        },
        "display": display_of(request),
    }


def show(
    request: HttpRequest, template: str, context: Mapping[str, Any] | None = None, *, status: int = 200
) -> HttpResponse:
    """Render a page."""
    return render(request, template, {**page_context(request), **(context or {})}, status=status)
