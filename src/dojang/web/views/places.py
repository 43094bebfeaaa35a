"""The bank's home, the certificate centre, language and display."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_http_methods

from dojang.edge.visitor import world_of
from dojang.edge.wording import LOCALES, reader_locale
from dojang.products import PRODUCTS, advised_product, journeys_of
from dojang.web import guides
from dojang.web.app.elsewhere import on_the_phone
from dojang.web.middleware import YEAR, set_language
from dojang.web.runs import live_run
from dojang.web.seal import draw_seal
from dojang.web.shell import DISPLAY_COOKIE, DISPLAYS, show, theme_id
from dojang.web.theme import load_theme

if TYPE_CHECKING:
    from django.http import HttpRequest


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """Show the bank's home, certificate centre top left."""
    return show(request, "web/home.html", {"place": "home"})


@require_GET
def centre(request: HttpRequest) -> HttpResponse:
    """Show the certificate centre: a card for each product, for persons or for companies."""
    who = "business" if request.GET.get("who") == "business" else "person"
    first = advised_product(guides.CHANNEL)
    others = [
        (one, journeys_of(one)[0].id) for one in PRODUCTS.values() if one is not first and journeys_of(one)
    ]
    context = {"place": "certs", "who": who, "live": live_run(request), "others": others}
    return show(request, "web/centre.html", context)


@require_GET
def product(request: HttpRequest, product: str) -> HttpResponse:
    """Show what a product is, and what can be done with it."""
    guide = guides.guide_of(product, "issue", reader_locale(), policy=world_of(request).policy)
    if guide is None:
        elsewhere = on_the_phone(request, product)
        if elsewhere is None:
            raise Http404
        return elsewhere
    return show(request, "web/product.html", {"place": "certs", "guide": guide, "live": live_run(request)})


@require_http_methods(["GET", "HEAD", "POST"])
def language(request: HttpRequest) -> HttpResponse:
    """Choose the language and the display (light, dark, high contrast); works without JavaScript."""
    back = request.POST.get("next", "") or request.GET.get("next", "") or "/"
    if not url_has_allowed_host_and_scheme(
        back, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        back = "/"
    if request.method != "POST":
        return show(request, "web/language.html", {"back": back})
    response = HttpResponseRedirect(back)
    if request.POST.get("language") in LOCALES:
        set_language(request, response, request.POST["language"])
    display = request.POST.get("display", "")
    if display in DISPLAYS:
        response.set_cookie(
            DISPLAY_COOKIE,
            display,
            max_age=YEAR,
            path="/",
            samesite="Lax",
            httponly=True,
            secure=request.is_secure(),
        )
    elif "display" in request.POST:
        response.delete_cookie(DISPLAY_COOKIE, path="/", samesite="Lax")
    return response


@require_GET
def theme_css(request: HttpRequest) -> HttpResponse:
    """Give the bank's colours as custom properties."""
    response = HttpResponse(load_theme(theme_id(request)).css, content_type="text/css; charset=utf-8")
    response["Cache-Control"] = (
        "public, max-age=31536000, immutable" if "v" in request.GET else "public, max-age=300"
    )
    return response


@require_GET
def icon(request: HttpRequest) -> HttpResponse:
    """Give the bank's seal as the site's icon."""
    mark = load_theme(theme_id(request)).seal
    drawn = draw_seal(mark, letters=mark, ink="#c5301c", ground="#fffdf9")
    response = HttpResponse(drawn, content_type="image/svg+xml; charset=utf-8")
    response["Cache-Control"] = "public, max-age=86400"
    return response
