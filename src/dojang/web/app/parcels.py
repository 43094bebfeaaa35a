"""Copying a certificate to another device: what passes here is ciphertext the centre cannot read."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from django.http import HttpResponse, JsonResponse
from django.views.decorators.http import require_GET, require_POST

from dojang.edge.problems import problem
from dojang.edge.visitor import acting_of, world_of
from dojang.pki.errors import DojangError
from dojang.wallet.devices.actions.parcels import fetch_parcel, put_parcel
from dojang.web.app.views import place
from dojang.web.shell import show

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest


@require_GET
def copy(request: HttpRequest) -> HttpResponse:
    """Show both halves of copying: send from here, or receive here."""
    if request.path.startswith("/app/"):
        return place(request, "copy", "certificates", frame="app/base.html", in_app=True)
    response = show(
        request, "app/copy.html", {"place": "certs", "frame": "web/base.html", "device_page": True}
    )
    response["Cache-Control"] = "no-store"
    return response


@require_POST
def put(request: HttpRequest) -> HttpResponse:
    """Take a parcel: `locator` (64 hexadecimal digits), `content` (base64), `serial` of what is inside."""
    try:
        content = base64.b64decode(request.POST.get("content", ""), validate=True)
    except (binascii.Error, ValueError):
        content = b""
    return _answer(
        request,
        lambda: {
            "until": put_parcel(
                request.POST.get("locator", ""),
                content,
                serial=request.POST.get("serial", "")[:64],
                acting=acting_of(request),
                world=world_of(request),
            ).until.isoformat()
        },
    )


@require_POST
def fetch(request: HttpRequest) -> HttpResponse:
    """Hand a parcel out, once."""
    return _answer(
        request,
        lambda: {
            "content": base64.b64encode(
                fetch_parcel(
                    request.POST.get("locator", ""), acting=acting_of(request), world=world_of(request)
                )
            ).decode()
        },
    )


def _answer(request: HttpRequest, act: Callable[[], dict[str, str]]) -> HttpResponse:
    try:
        response = JsonResponse(act())
    except DojangError as error:
        return problem(request, error)
    response["Cache-Control"] = "no-store"
    return response
