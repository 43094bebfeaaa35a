"""Sentences by id, groups of digits, and the house's style sheet."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from django import template
from django.conf import settings
from django.templatetags.static import static

from dojang.sandbox import wording

if TYPE_CHECKING:
    from datetime import datetime

    from django.template.context import Context

register = template.Library()


@register.simple_tag(takes_context=True)
def say(context: Context, *parts: str, **args: object) -> str:
    """Write a sentence of the sandbox in the reader's language; its id may come in parts."""
    return wording.say(".".join(parts), context["locale"], **args)


@register.simple_tag
def built(name: str) -> str:
    """Return the address of a file the front-end build made, or nothing before the first build."""
    try:
        manifest: dict[str, str] = json.loads((settings.DOJANG_BUNDLE / "manifest.json").read_text("utf-8"))
    except FileNotFoundError:
        return ""
    file = manifest.get(name)
    return static(f"dist/{file}") if file else ""


@register.simple_tag(takes_context=True)
def about(context: Context, handle: str) -> str:
    """Write what is special about a person."""
    return wording.about(handle, context["locale"])


@register.simple_tag(takes_context=True)
def moment(context: Context, value: datetime) -> str:
    """Write date and time in Korea."""
    return wording.write_moment(value, context["locale"])


@register.filter
def clock(value: datetime) -> str:
    """Write the time of day in Korea."""
    return wording.write_clock(value)


@register.filter
def number(value: str) -> str:
    """Write a telephone number in groups."""
    return wording.write_number(value)


@register.filter
def account(value: str) -> str:
    """Write an account number in groups."""
    return wording.write_account(value)


@register.filter
def rrn(value: str) -> str:
    """Write an identification number in its two groups."""
    return wording.write_rrn(value)


@register.filter
def thousands(value: int) -> str:
    """Write an amount with separators."""
    return f"{value:,}"


@register.filter
def spaced(value: str) -> str:
    """Set digits apart in the middle, as a token's display does."""
    half = len(value) // 2
    return f"{value[:half]} {value[half:]}"
