"""My certificates: list, detail, files."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_GET, require_http_methods

from dojang.account.queries import origin_of
from dojang.edge.wording import knows, phrase, reader_locale, write_moment
from dojang.wallet.queries import where_registered
from dojang.wallet.uses.queries import uses_of
from dojang.web.cookies import forget_runs
from dojang.web.deeds import Deed, own_deeds
from dojang.web.me import session_of
from dojang.web.shell import show
from dojang.web.views.me import device_name, use_rows

if TYPE_CHECKING:
    from django.http import HttpRequest

    from dojang.account.queries import Origin

_TYPES = {"pem": "application/x-pem-file", "der": "application/pkix-cert"}


def _own(request: HttpRequest, serial: str) -> Deed:
    """Return one of the visitor's own certificates; absent and somebody else's look alike."""
    for deed in own_deeds(request, reader_locale()):
        if deed.serial == serial.lower():
            return deed
    raise Http404


@require_http_methods(["GET", "HEAD", "POST"])
def certificates(request: HttpRequest) -> HttpResponse:
    """List the visitor's certificates, each with its seal; POST makes this browser forget them."""
    if request.method == "POST":
        response = HttpResponseRedirect(request.path)
        forget_runs(request, response)
        return response
    context = {
        "place": "mine",
        "tab": "certificates",
        "me": session_of(request),
        "deeds": own_deeds(request, reader_locale()),
    }
    return _private(show(request, "web/mine.html", context))


@require_GET
def certificate(request: HttpRequest, serial: str) -> HttpResponse:
    """Show one certificate in plain words."""
    deed, locale, me = _own(request, serial), reader_locale(), session_of(request)
    origin = origin_of(deed.serial)
    context = {
        "place": "mine",
        "tab": "certificates",
        "deed": deed,
        "me": me,
        "said": request.GET.get("said", ""),
        "origin": _write_origin(origin, locale) if origin else "",
        "kept": _write_place(deed.view.id, locale),
        "uses": use_rows(uses_of(me.customer_id, certificate_id=deed.view.id, limit=20), locale)
        if me
        else [],
    }
    return _private(show(request, "web/mine_one.html", context))


def _write_origin(origin: Origin, locale: str) -> str:
    """Say where a certificate was asked for: way, network address, moment."""
    way = f"me.origin.{origin.channel}"
    name = phrase(way if knows(way, locale) else "me.origin.other", locale)
    return ", ".join(filter(None, (name, origin.source, write_moment(origin.at, locale))))


def _write_place(certificate_id: int, locale: str) -> str:
    """Say where the key of a certificate is kept; empty when nothing is known."""
    place = where_registered(certificate_id)
    if place is None:
        return ""
    return device_name(place.device, locale) if place.device else phrase("me.one.place_wallet", locale)


def _private(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store"
    return response


@require_GET
def download(request: HttpRequest, serial: str, form: str) -> HttpResponse:
    """Give the certificate as a file: ``pem`` (RFC 7468) or ``der``."""
    if form not in _TYPES:
        raise Http404
    der = _own(request, serial).view.der
    body = der
    if form == "pem":
        text = base64.encodebytes(der).replace(b"\n", b"")
        lines = [text[start : start + 64] for start in range(0, len(text), 64)]
        body = b"\n".join([b"-----BEGIN CERTIFICATE-----", *lines, b"-----END CERTIFICATE-----", b""])
    response = HttpResponse(body, content_type=_TYPES[form])
    response["Content-Disposition"] = f'attachment; filename="{serial}.{form}"'
    response["Cache-Control"] = "no-store"
    return response
