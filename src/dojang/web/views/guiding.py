"""Help: guides of the journeys, searchable; works without scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404, HttpResponse
from django.urls import Resolver404, resolve
from django.views.decorators.http import require_GET

from dojang.edge.visitor import world_of
from dojang.edge.wording import product_name, reader_locale
from dojang.products import PRODUCTS
from dojang.products.guides import COMMON
from dojang.web import guides
from dojang.web.guide_search import LONGEST_QUERY, search_guides
from dojang.web.shell import show

if TYPE_CHECKING:
    from django.http import HttpRequest

LOST_PHONE = "/help/lost-phone/"


def lost_phone_url() -> str:
    """Return where everything can be stopped at once; empty when this site has no such page."""
    try:
        found = resolve(LOST_PHONE)
    except Resolver404:
        return ""
    return "" if found.func is guide else LOST_PHONE


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """Show all guides and common questions, or with ``?q=`` what was found."""
    locale, policy = reader_locale(), world_of(request).policy
    query = " ".join(request.GET.get("q", "")[:LONGEST_QUERY].split())
    found = guides.all_guides(locale, policy=policy)
    products = [
        {"name": product_name(product.id, locale), "icon": product.icon, "guides": mine}
        for product in PRODUCTS.values()
        if (mine := [one for one in found if one.product == product.id])
    ]
    context = {
        "place": "help",
        "query": query,
        "longest": LONGEST_QUERY,
        "hits": search_guides(query, locale, policy=policy),
        "products": products,
        "questions": [asked for asked in found[0].questions if asked.id in COMMON] if found else [],
        "lost_phone": lost_phone_url(),
    }
    return show(request, "web/help.html", context)


@require_GET
def guide(request: HttpRequest, journey: str) -> HttpResponse:
    """Show the guide of one journey, made from the definition that runs."""
    locale, policy = reader_locale(), world_of(request).policy
    found = guides.guide_by_id(journey, locale, policy=policy)
    if found is None:
        raise Http404
    others = [
        other
        for other in guides.all_guides(locale, policy=policy)
        if other.product == found.product and other.journey != found.journey
    ]
    context = {"place": "help", "guide": found, "others": others, "lost_phone": lost_phone_url()}
    return show(request, "web/guide.html", context)
