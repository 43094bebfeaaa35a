"""Messages to this device: the page that explains and asks, and what its script and the worker send."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.http import JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from dojang.edge.problems import problem
from dojang.edge.visitor import acting_of, device_of, world_of
from dojang.edge.wording import reader_locale
from dojang.ports.errors import SubscriptionRefusedError
from dojang.wallet.devices.actions.pushing import renew_push, subscribe_push, takes_push
from dojang.wallet.devices.errors import DeviceUnknownError
from dojang.web.app.views import place, push_key

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

_LONGEST = 4_096


@require_GET
def settings(request: HttpRequest) -> HttpResponse:
    """Say what would be told, and let messages to this device be turned on and off."""
    device = device_of(request)
    kept = takes_push(device) if device else None
    state = {None: "unregistered", True: "on", False: "off"}[kept]
    return place(request, "push", "menu", push_state=state, push_key=push_key(request))


@require_POST
def put(request: HttpRequest) -> HttpResponse:
    """Keep the subscription of this device (`subscription`, JSON), or forget it (`off`)."""
    off = bool(request.POST.get("off"))
    found = None if off else _read(request.POST.get("subscription", ""))
    acting, world = acting_of(request), world_of(request)
    try:
        known = subscribe_push(device_of(request), found, locale=reader_locale(), acting=acting, world=world)
    except SubscriptionRefusedError as error:
        return problem(request, error)
    if not known and not off:
        return problem(request, DeviceUnknownError())
    return _answer({"on": known and not off})


@csrf_exempt
@require_POST
def renew(request: HttpRequest) -> HttpResponse:
    """Take a subscription in the place of the one named, from the worker, which has no form token.

    Whoever sends this must know the ended subscription's address, which only that browser does.
    """
    try:
        known = renew_push(
            device_of(request),
            request.POST.get("previous", ""),
            _read(request.POST.get("subscription", "")),
            acting=acting_of(request),
            world=world_of(request),
        )
    except SubscriptionRefusedError as error:
        return problem(request, error)
    return _answer({"on": known}, HTTPStatus.OK if known else HTTPStatus.CONFLICT)


def _read(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text) if len(text) <= _LONGEST else None
    except (ValueError, RecursionError):
        found = None
    return found if isinstance(found, dict) else {}


def _answer(body: dict[str, Any], status: HTTPStatus = HTTPStatus.OK) -> HttpResponse:
    response = JsonResponse(body, status=status)
    response["Cache-Control"] = "no-store"
    return response
