"""Template tags: sentences by id, built files, the seal, an icon, an address in the other language."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django import template
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from dojang.edge.wording import phrase, say, write_day
from dojang.pki.day import day_of
from dojang.products import PRODUCTS, advised_product
from dojang.products.messages import catalog
from dojang.web.assets import asset_url
from dojang.web.icons import icon_svg
from dojang.web.presenting import certificate_rows
from dojang.web.seal import draw_seal

if TYPE_CHECKING:
    from datetime import datetime

    from django.template.context import Context

    from dojang.journeys.page import Message
    from dojang.journeys.product import Product

register = template.Library()
_TELEPHONE = re.compile(r"\d{2,4}(?:-[\d*]{3,4}){1,2}")


@register.simple_tag(takes_context=True)
def t(context: Context, message_id: str, **args: Any) -> str:
    """Write a sentence in the reader's language; `bank` is always known."""
    return phrase(message_id, context["locale"], {"bank": context["bank"], **args})


@register.simple_tag(takes_context=True)
def msg(context: Context, message: Message | None) -> str:
    """Write a Page's message."""
    return say(message, context["locale"]) if message else ""


@register.simple_tag
def asset(name: str) -> str:
    """Address of a built file."""
    return asset_url(name)


@register.simple_tag
def seal(name: str, label: str = "", letters: str = "") -> SafeString:
    """Draw the seal of a name."""
    return mark_safe(draw_seal(name, label=label, letters=letters))  # noqa: S308 - made by us; the label is escaped there


@register.simple_tag
def icon(name: str) -> SafeString:
    """Draw a decorative icon."""
    return mark_safe(icon_svg(name))  # noqa: S308 - constant drawings


@register.simple_tag(takes_context=True)
def app_words(context: Context) -> list[tuple[str, str]]:
    """Sentences the scripts of the app say: key and text with its places left open."""
    found = catalog(context["locale"])
    prefix = "app.words."
    names = [(f"product_{name}", found[f"product.{name}.name"]) for name in PRODUCTS]
    return names + [(key.removeprefix(prefix), text) for key, text in found.items() if key.startswith(prefix)]


@register.filter
def product_of(product_id: str) -> Product | None:
    """Return the product of an id, to be asked where its key lives and what opens it."""
    return PRODUCTS.get(product_id)


@register.simple_tag
def advised() -> Product:
    """Return the product the centre advises: the first of its menus that is issued on the web."""
    return advised_product("web")


@register.filter
def words(text: str) -> list[str]:
    """Split at spaces."""
    return text.split()


@register.filter
def whole(text: str) -> SafeString:
    """Keep telephone numbers in one piece."""
    marked = _TELEPHONE.sub(r'<span class="num">\g<0></span>', escape(text))
    return mark_safe(marked)  # noqa: S308 - escaped just above


@register.filter
def nl(text: str) -> SafeString:
    """Break lines where the sentence does."""
    parts = text.split("\n")
    out = format_html("{}", parts[0])
    for part in parts[1:]:
        out = format_html("{}<br>{}", out, part)
    return out


@register.simple_tag(takes_context=True)
def error_words(context: Context, name: str) -> dict[str, str]:
    """Heading and way out of an error page."""
    return {part: t(context, f"web.error.{name}.{part}") for part in ("title", "way")}


@register.simple_tag(takes_context=True)
def ending_text(context: Context, kind: str) -> str:
    """Say what happened, on the last page of a run that ended without a certificate."""
    return t(context, f"web.ending.{kind}.text")


@register.simple_tag(takes_context=True)
def ending_way(context: Context, kind: str) -> str:
    """Say what can be done now."""
    return t(context, f"web.ending.{kind}.way", phone=context["bank_phone"])


@register.filter
def day(moment: datetime, locale: str) -> str:
    """Write the day of a moment, as it was in Korea."""
    return write_day(day_of(moment), locale)


@register.filter
def cert_rows(data: dict[str, Any], locale: str) -> list[dict[str, Any]]:
    """Facts of a certificate as rows of label and value."""
    return certificate_rows(data, locale)
