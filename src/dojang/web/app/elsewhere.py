"""Between two devices: products that live on the telephone, and runs that move from one screen to another."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import TYPE_CHECKING

from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from dojang.edge.holding import hold_refused
from dojang.edge.refusals import refuse
from dojang.edge.slowing import asked_by, tell_wait
from dojang.edge.visitor import acting_of, world_of
from dojang.edge.wording import phrase, reader_locale, write_time
from dojang.ra.actions import handoff, start_run
from dojang.ra.errors import HandoffBlockedError, HandoffNotFoundError, HandoffRefusedError, RunNotFoundError
from dojang.web.app.offers import journey_id, offer_of
from dojang.web.app.views import place
from dojang.web.cookies import known_runs, remember_run
from dojang.web.qr import qr_svg
from dojang.web.runs import live_run, run_url
from dojang.web.shell import show

if TYPE_CHECKING:
    from django.http import HttpRequest


def _code(request: HttpRequest, path: str) -> str:
    """Draw an address of this site as a QR code."""
    drawn = qr_svg(request.build_absolute_uri(path), phrase("app.elsewhere.qr", reader_locale()))
    return mark_safe(drawn)  # noqa: S308 - made by us from an address of our own


def on_the_phone(request: HttpRequest, product: str) -> HttpResponse | None:
    """Show a product whose keys live on the telephone: what it is, and the way there."""
    offer = offer_of(product, reader_locale())
    if offer is None:
        return None
    # Whoever comes from a certificate's own page has chosen already: ``?issue`` or ``?reissue``.
    purpose = next((name for name in offer.purposes if name in request.GET), "")
    path = (
        reverse("web:app-begin", args=[product, purpose])
        if purpose
        else reverse("web:app-product", args=[product])
    )
    code = _code(request, path)
    context = {"place": "certs", "offer": offer, "live": live_run(request), "code": code, "go": path}
    context["chosen"] = purpose
    return show(request, "web/on_the_phone.html", context)


def begin_on_the_phone(request: HttpRequest, product: str, purpose: str) -> HttpResponse:
    """Begin a journey of the app at a desk: it goes on at the telephone, by a QR code or twelve digits."""
    offer = offer_of(product, reader_locale())
    if offer is None or purpose not in offer.purposes:
        raise Http404
    if request.method != "POST":
        return HttpResponseRedirect(f"{reverse('web:product', args=[product])}?{purpose}")
    world = world_of(request)
    started = start_run(
        journey_id(product, purpose), locale=reader_locale(), acting=acting_of(request), world=world
    )
    made = handoff.offer_handoff(started.run, acting=acting_of(request, token=started.token), world=world)
    response = _offered(request, started.run, made, accept="web:app-handoff-accept", begun=offer.name)
    remember_run(request, response, started.run, started.token)
    return response


@require_POST
def offer(request: HttpRequest, run: str) -> HttpResponse:
    """Offer a run to another device: a QR code and twelve digits, shown once."""
    token = known_runs(request).get(run)
    if token is None:
        raise RunNotFoundError
    world = world_of(request)
    try:
        made = handoff.offer_handoff(run, acting=acting_of(request, token=token), world=world)
    except HandoffRefusedError as error:
        why, product = str(error.data.get("reason", "over")), str(error.data.get("product", ""))
        return _page(
            request, "handoff_refused", status=refuse(error).status, run=run, why=why, product=product
        )
    return _offered(request, run, made, accept="web:handoff-accept")


def _offered(
    request: HttpRequest, run: str, made: handoff.HandoffOffer, *, accept: str, begun: str = ""
) -> HttpResponse:
    """Show number and code, once. `accept` is where they are brought; `begun` what was begun for there."""
    # Behind the hash nothing is sent to a server, so the link stands in no log on the way.
    path = f"{reverse(accept)}#{made.link}"
    return _page(
        request,
        "handoff",
        run=run,
        begun=begun,
        code=_code(request, path),
        number=" ".join(made.number[start : start + 4] for start in range(0, len(made.number), 4)),
        until=write_time(made.until, reader_locale()),
        accept=request.build_absolute_uri(reverse(accept)),
    )


@sensitive_post_parameters("number")
@require_http_methods(["GET", "HEAD", "POST"])
def accept(request: HttpRequest) -> HttpResponse:
    """Go on here with a run begun elsewhere: by its number, or by the link of a QR code."""
    if request.method != "POST":
        return _page(request, "handoff_accept", problem="")
    began = time.monotonic()
    try:
        started = handoff.accept_handoff(
            request.POST.get("number", ""), acting=acting_of(request), world=world_of(request)
        )
    except (HandoffNotFoundError, HandoffBlockedError) as error:
        hold_refused(request, began)
        asked, refusal = asked_by(request, error), refuse(error)
        response = _page(
            request, "handoff_accept", problem=refusal.sentence, work=asked,
            status=refusal.status,
        )  # fmt: skip
        tell_wait(response, asked)
        return response
    response = HttpResponseRedirect(run_url(started.page), status=HTTPStatus.SEE_OTHER)
    remember_run(request, response, started.page.run, started.token)
    response["Cache-Control"] = "no-store"
    return response


def _page(
    request: HttpRequest, template: str, *, status: int = HTTPStatus.OK, **more: object
) -> HttpResponse:
    in_app = request.path.startswith("/app/")
    frame = "app/base.html" if in_app else "web/base.html"
    context = {**more, "frame": frame, "in_app": in_app}
    if in_app:
        response = place(request, template, "menu", **context)
    else:
        response = show(request, f"app/{template}.html", {"place": "certs", **context})
    response.status_code = status
    response["Cache-Control"] = "no-store"
    return response
