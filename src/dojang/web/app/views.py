"""The app's places: home, menu, products, certificates on this device, and what makes it installable."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from django.http import Http404, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from dojang.account.sessions.access import login_on
from dojang.edge.visitor import acting_of, device_of, world_of
from dojang.edge.wording import phrase, reader_locale
from dojang.products import JOURNEYS, PRODUCTS
from dojang.ra import actions
from dojang.web import guides
from dojang.web.app.device import is_outdated, version_of
from dojang.web.app.offers import CHANNEL, all_offers, offer_of
from dojang.web.assets import DIST, asset_url, manifest
from dojang.web.cookies import remember_run
from dojang.web.deeds import newest_of_each, own_deeds
from dojang.web.me import SESSION, read_cookie
from dojang.web.raster import seal_png
from dojang.web.runs import live_run, run_url
from dojang.web.shell import page_context, show, theme_id
from dojang.web.theme import load_theme

if TYPE_CHECKING:
    from django.http import HttpRequest

    from dojang.journeys.page import Page

ICON_SIZES = (192, 512)
#: Where the app goes when there is no network: the shell, kept by the service worker.
_KEPT_PAGES = ("web:app-offline",)
_SAID = frozenset({"pin", "pattern"})
_COLOURS = {"paper": "#faf7f1", "accent": "#c5301c"}


def place(request: HttpRequest, template: str, here: str, **more: Any) -> HttpResponse:
    """Render a page of the app."""
    least = world_of(request).policy.devices.min_app_version
    context = {"place": here, "outdated": is_outdated(request, least), "least": least, **more}
    response = show(request, f"app/{template}.html", context)
    response["Cache-Control"] = "no-store"
    return response


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """Show my seals, what waits for me, and the way to a certificate."""
    locale = reader_locale()
    deeds = [deed for deed in own_deeds(request, locale) if not deed.product.on_device]
    return place(request, "home", "home", deeds=deeds, offers=all_offers(locale), live=live_run(request))


@require_GET
def menu(request: HttpRequest) -> HttpResponse:
    """Show everything the app can do."""
    return place(request, "menu", "menu")


@require_GET
def security(request: HttpRequest) -> HttpResponse:
    """Show 인증/보안: each product with issue, management and guide."""
    return place(request, "security", "menu", offers=all_offers(reader_locale()))


@require_GET
def product(request: HttpRequest, product: str) -> HttpResponse:
    """Show one product, what to have at hand, and the buttons that begin."""
    offer, policy = offer_of(product, reader_locale()), world_of(request).policy
    if offer is None:
        raise Http404
    guide = guides.guide_of(product, offer.first, reader_locale(), channel=CHANNEL, policy=policy)
    spans = ((purpose, offer.product.hours_under(policy, purpose)) for purpose in offer.purposes)
    hours = [(purpose, *span) for purpose, span in spans if span is not None]
    return place(request, "product", "menu", offer=offer, guide=guide, hours=hours, live=live_run(request))


@require_http_methods(["GET", "HEAD", "POST"])
def begin(request: HttpRequest, product: str, purpose: str) -> HttpResponse:
    """Say what to have at hand; POST starts the journey."""
    guide = guides.guide_of(
        product, purpose, reader_locale(), channel=CHANNEL, policy=world_of(request).policy
    )
    if guide is None:
        raise Http404
    if request.method != "POST":
        hours = PRODUCTS[product].hours_under(world_of(request).policy, purpose)
        return place(request, "begin", "menu", guide=guide, live=live_run(request), hours=hours)
    world, device = world_of(request), device_of(request)
    started = actions.start_run(
        guide.journey,
        locale=reader_locale(),
        login=login_on(read_cookie(request, SESSION), device_id=device, world=world),
        acting=acting_of(request),
        world=world,
    )
    response = HttpResponseRedirect(run_url(_past_device(request, started)), status=303)
    remember_run(request, response, started.page.run, started.token)
    response["Cache-Control"] = "no-store"
    return response


def _past_device(request: HttpRequest, started: actions.Started) -> Page:
    """Answer for the app what it says of itself, where no key is made on the device: nobody need look.

    The page stays when it is not to be passed: the app is old, the device is blocked or never said its name.
    """
    page, version = started.page, version_of(request)
    if page.step != "device" or not device_of(request) or not version:
        return page
    if JOURNEYS[page.journey].product.on_device:
        return page
    said = {"device_id": device_of(request), "app_version": version}
    return actions.act(
        page.run, page.step, page.revision, "submit", said,
        acting=acting_of(request, token=started.token), world=world_of(request),
    )  # fmt: skip


@require_GET
def guide(request: HttpRequest, product: str, purpose: str) -> HttpResponse:
    """Show the guide of a journey of the app."""
    found = guides.guide_of(
        product, purpose, reader_locale(), channel=CHANNEL, policy=world_of(request).policy
    )
    if found is None:
        raise Http404
    return place(request, "guide", "menu", guide=found)


@require_GET
def certificates(request: HttpRequest) -> HttpResponse:
    """Show the certificates on this device (the page's own element lists them) and those in the wallet."""
    locale = reader_locale()
    deeds = [deed for deed in own_deeds(request, locale) if not deed.product.on_device]
    said = request.GET.get("said", "")
    world = world_of(request)
    return place(
        request,
        "certificates",
        "certificates",
        deeds=newest_of_each(deeds),
        offers=all_offers(locale),
        on_device=[(one.id, one.window_under(world.policy)) for one in PRODUCTS.values() if one.on_device],
        wallet=[one for one in PRODUCTS.values() if not one.on_device],
        now=world.clock.now().isoformat(),
        said=said if said in _SAID else "",
    )


@require_GET
def about(request: HttpRequest) -> HttpResponse:
    """Show the version of the app, installing, messages to this device."""
    return place(request, "about", "menu")


@require_GET
def offline(request: HttpRequest) -> HttpResponse:
    """Show what there is without a network: the certificates on this device."""
    return show(request, "app/offline.html", {"place": "", "offline": True})


# --- what makes it installable -------------------------------------------------------------------------


@require_GET
def web_manifest(request: HttpRequest) -> HttpResponse:
    """Describe the app to the launcher (W3C Web Application Manifest)."""
    context = page_context(request)
    locale = context["locale"]
    icons = [
        {
            "src": reverse("web:app-icon", args=[size]),
            "sizes": f"{size}x{size}",
            "type": "image/png",
            "purpose": purpose,
        }
        for size in ICON_SIZES
        for purpose in ("any", "maskable")
    ]
    body = {
        "id": "/app/",
        "name": phrase("app.manifest.name", locale, {"bank": context["bank"]}),
        "short_name": context["bank"],
        "description": phrase("app.manifest.text", locale),
        "lang": locale,
        "dir": "ltr",
        "start_url": "/app/",
        "scope": "/app/",
        "display": "standalone",
        "orientation": "portrait",
        "background_color": _COLOURS["paper"],
        "theme_color": _COLOURS["paper"],
        "categories": ["finance", "security"],
        "icons": icons,
        "shortcuts": [
            {"name": phrase(f"app.shortcut.{name}", locale), "url": reverse(f"web:app-{name}")}
            for name in ("certificates",)
        ],
    }
    response = JsonResponse(body, json_dumps_params={"ensure_ascii": False})
    response["Content-Type"] = "application/manifest+json; charset=utf-8"
    response["Cache-Control"] = "no-cache"
    return response


@require_GET
def icon(request: HttpRequest, size: int) -> HttpResponse:
    """Give the bank's seal as a picture for the launcher."""
    if size not in ICON_SIZES:
        raise Http404
    response = HttpResponse(seal_png(load_theme(theme_id(request)).seal, size), content_type="image/png")
    response["Cache-Control"] = "public, max-age=86400"
    return response


def push_key(request: HttpRequest) -> str:
    """Return the key browsers subscribe to messages with (base64url); empty where none can be pushed to."""
    service = world_of(request).push_service
    return "" if service is None else base64.urlsafe_b64encode(service.public_key).rstrip(b"=").decode()


@require_GET
def service_worker(request: HttpRequest) -> HttpResponse:
    """Give the service worker, from an address that lets it serve the whole app.

    It carries the list of files to keep, so that a new build is a new worker.
    """
    name = manifest().get("service-worker.js", "")
    if not name:
        raise Http404
    theme = load_theme(theme_id(request))
    kept = [asset_url(asset) for asset in ("app.css", "phone.css", "app.js", "phone.js", "font.css")]
    kept += [f"{reverse('web:theme')}?v={theme.version}"] if theme.css else []
    shell = {
        "files": [url for url in kept if url],
        "offline": reverse(_KEPT_PAGES[0]),
        "version": name,
        "push": {"key": push_key(request), "renew": reverse("web:app-push-renew")},
    }
    body = f"self.SHELL={json.dumps(shell)};\n" + (DIST / name).read_text("utf-8")
    response = HttpResponse(body, content_type="text/javascript; charset=utf-8")
    response["Cache-Control"] = "no-cache"
    response["Service-Worker-Allowed"] = "/app/"
    return response
