"""My certificates: list, detail, files."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_GET, require_http_methods

from dojang.web.cookies import forget_runs
from dojang.web.deeds import Deed, own_deeds
from dojang.web.shell import show
from dojang.web.wording import reader_locale

if TYPE_CHECKING:
    from django.http import HttpRequest

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
    return show(request, "web/mine.html", {"place": "mine", "deeds": own_deeds(request, reader_locale())})


@require_GET
def certificate(request: HttpRequest, serial: str) -> HttpResponse:
    """Show one certificate in plain words."""
    return show(request, "web/mine_one.html", {"place": "mine", "deed": _own(request, serial)})


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
