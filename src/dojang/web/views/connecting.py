"""Connecting this browser: name, birth date and number, then the telephone answers with the number shown."""

from __future__ import annotations

import hashlib
import json
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.http import HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from dojang.account.connecting import actions
from dojang.account.connecting.errors import ConnectGoneError
from dojang.account.connecting.values import WAYS, Line
from dojang.edge.holding import hold_refused
from dojang.edge.refusals import refuse_in_form
from dojang.edge.visitor import acting_of, world_of
from dojang.edge.wording import phrase, reader_locale
from dojang.journeys.kinds.base import birth_before, read_mobile, read_name
from dojang.journeys.page import FieldError, Wait
from dojang.pki.errors import DojangError
from dojang.ports.writing import NAME_LONGEST
from dojang.web.asking import control, form_status, summary_of
from dojang.web.me import CONNECT, SEEN, read_cookie, safe_next, see_other, set_cookie
from dojang.web.presenting import present_wait
from dojang.web.shell import show

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest

    from dojang.account.connecting.values import ConnectingView
    from dojang.web.presenting import Control

_LONGEST = {"name": NAME_LONGEST, "birth": 20, "phone": 24}


def _form(
    request: HttpRequest,
    *,
    errors: Mapping[str, tuple[str, ...]] | None = None,
    error: DojangError | None = None,
) -> HttpResponse:
    locale, errors, typed = reader_locale(), errors or {}, request.POST
    ways = [(way, f"me.connect.way.{way}") for way in WAYS]
    fields: list[Control] = [
        control(
            name, name, f"field.{name}", locale, value=typed.get(name, ""), longest=longest,
            errors=errors.get(name, ()), help_id="field.phone_help" if name == "phone" else "",
        )
        for name, longest in _LONGEST.items()
    ]  # fmt: skip
    fields.append(
        control(
            "way", "choice", "me.connect.how", locale, value=typed.get("way", WAYS[0]), choices=ways,
            errors=errors.get("way", ()),
        )
    )  # fmt: skip
    refusal = refuse_in_form(error) if error else None
    context: dict[str, Any] = {
        "place": "mine", "fields": fields, "next": safe_next(request),
        "view": {"summary": summary_of(fields, [refusal.sentence] if refusal else [])},
    }  # fmt: skip
    response = show(request, "web/connect.html", context, status=form_status(refusal, *errors.values()))
    response["Cache-Control"] = "no-store"
    return response


@require_http_methods(["GET", "HEAD", "POST"])
def begin(request: HttpRequest) -> HttpResponse:
    """Ask for name, birth date and number, and how the telephone answers. What is typed asks nobody yet."""
    if request.method != "POST":
        return _form(request)
    locale, typed, way = reader_locale(), request.POST.dict(), request.POST.get("way", WAYS[0])
    name, birth = read_name(typed), birth_before(world_of(request).clock.now(), typed)
    phone = read_mobile(typed)
    errors: dict[str, tuple[str, ...]] = {}
    if isinstance(name, FieldError):
        errors["name"] = (phrase(name.message.id, locale, name.message.args),)
    for field, value in (("birth", birth), ("phone", phone), ("way", way if way in WAYS else None)):
        if value is None:
            errors[field] = (phrase(f"error.{field}_format", locale),)
    if errors or isinstance(name, FieldError) or birth is None or phone is None:
        return _form(request, errors=errors)
    try:
        token = actions.begin_connecting(
            Line(name, birth, phone), way, acting=acting_of(request), world=world_of(request)
        )
    except DojangError as error:
        return _form(request, error=error)
    response = see_other(f"{reverse('web:connect-wait')}?{urlencode({'next': safe_next(request)})}")
    set_cookie(request, response, CONNECT, token)
    return response


@require_http_methods(["GET", "HEAD", "POST"])
def wait(request: HttpRequest) -> HttpResponse:
    """Show the number the telephone answers with; POST looks whether it has, and connects this browser."""
    began, world, token = time.monotonic(), world_of(request), read_cookie(request, CONNECT)
    try:
        if request.method == "POST":
            seen = read_cookie(request, SEEN)
            fresh = actions.finish_connecting(token, seen, acting=acting_of(request), world=world)
            if fresh:
                return _connected(request, fresh)
        hold_refused(request, began)
        return _waiting(request, actions.connecting_of(token, world=world), asked=request.method == "POST")
    except ConnectGoneError:
        return see_other(f"{reverse('web:connect')}?{urlencode({'next': safe_next(request)})}")
    except DojangError as error:
        hold_refused(request, began)
        return _form(request, error=error)


def _connected(request: HttpRequest, fresh: str) -> HttpResponse:
    response = see_other(f"/login/?{urlencode({'connected': '', 'next': safe_next(request)})}")
    set_cookie(request, response, SEEN, fresh, lasting=True)
    set_cookie(request, response, CONNECT, "")
    return response


def _waiting(request: HttpRequest, view: ConnectingView, *, asked: bool) -> HttpResponse:
    world, locale = world_of(request), reader_locale()
    panel = present_wait(Wait("connect", view.state, view.until.isoformat()), locale)
    args = {
        "phone": view.phone, "short_code": world.policy.bank.text_number,
        "bank": world.policy.bank.name(locale), "bank_phone": world.policy.bank.phone,
    }  # fmt: skip
    context = {
        "place": "mine", "next": safe_next(request), "wait": panel, "over": panel.over,
        "how": phrase(f"me.connect.{view.way}", locale, args), "digits": view.digits,
        "page": {"state": "open", "step": "connect", "revision": 0,
                 "server_time": world.clock.now().isoformat()},
        "state_path": reverse("web:connect-wait"),
        "not_yet": asked and view.state == "waiting",
    }  # fmt: skip
    response = show(request, "web/connect_wait.html", context)
    response["Cache-Control"] = "no-store"
    return response


@require_GET
def state(request: HttpRequest) -> HttpResponse:
    """Tell how far the telephone is, for the page that waits: the same for a customer and for nobody."""
    began, world = time.monotonic(), world_of(request)
    view = actions.connecting_of(read_cookie(request, CONNECT), world=world)
    hold_refused(request, began)
    panel = present_wait(Wait("connect", view.state, view.until.isoformat()), reader_locale())
    told = {
        "step": "connect", "revision": 0, "state": "open", "expires": None, "expiresText": "",
        "wait": {"state": panel.state, "text": panel.text, "until": panel.until, "over": panel.over,
                 "good": panel.good, "stations": []},
    }  # fmt: skip
    tag = '"' + hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:24] + '"'
    if request.headers.get("If-None-Match") == tag:
        response = HttpResponse(status=HTTPStatus.NOT_MODIFIED)
    else:
        response = JsonResponse({**told, "serverTime": world.clock.now().isoformat()})
    response["ETag"], response["Cache-Control"] = tag, "no-store"
    return response
