"""A journey on the screen: begin, show, act, and the live state for waiting."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.views.decorators.http import require_GET, require_http_methods

from dojang.account.connecting.actions import connect_by_issue
from dojang.edge.holding import hold_refused
from dojang.edge.refusals import refuse
from dojang.edge.slowing import asked_by, tell_wait
from dojang.edge.visitor import acting_of, world_of
from dojang.edge.wording import parse_moment, phrase, reader_locale, write_time
from dojang.journeys.page import Message
from dojang.pki.errors import DojangError
from dojang.products import PRODUCTS
from dojang.ra import actions
from dojang.ra.errors import RunNotFoundError
from dojang.web import guides
from dojang.web.app.device import describe_this_device
from dojang.web.app.elsewhere import begin_on_the_phone
from dojang.web.cookies import known_runs, remember_run
from dojang.web.forms import read_form
from dojang.web.me import SEEN, read_cookie, set_cookie
from dojang.web.presenting import present, present_result, present_wait, told_of
from dojang.web.runs import live_run, run_path, run_url
from dojang.web.shell import show

if TYPE_CHECKING:
    from django.http import HttpRequest

    from dojang.journeys.page import Page

_ENDINGS = {"done", "failed", "expired", "cancelled", "issuing", "waiting"}
_MOVED = "moved"  #: in the address: the answer was to an earlier page
_LONGEST_REVISION = 7  #: digits


def _no_store(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store"
    return response


def _token(request: HttpRequest, run: str) -> str:
    token = known_runs(request).get(run)
    if token is None:
        raise RunNotFoundError
    return token


@require_http_methods(["GET", "HEAD", "POST"])
def begin(request: HttpRequest, product: str, purpose: str) -> HttpResponse:
    """Before you start: what to have at hand, how long, what becomes of the old certificate. POST starts."""
    guide = guides.guide_of(product, purpose, reader_locale(), policy=world_of(request).policy)
    if guide is None:
        return begin_on_the_phone(request, product, purpose)
    if request.method == "POST":
        started = actions.start_run(
            guide.journey, locale=reader_locale(), acting=acting_of(request), world=world_of(request)
        )
        response = HttpResponseRedirect(run_url(started.page))
        response.status_code = HTTPStatus.SEE_OTHER
        remember_run(request, response, started.page.run, started.token)
        return _no_store(response)
    return show(request, "web/begin.html", {"place": "certs", "guide": guide, "live": live_run(request)})


def _render(request: HttpRequest, page: Page) -> HttpResponse:
    """Show a Page in the reader's language."""
    locale = reader_locale()
    context: dict[str, Any] = {"page": page, "view": present(page, locale), "place": "certs"}
    context |= {"run_path": run_path(page), "in_app": page.channel == "app"}
    context["idle_warning"] = world_of(request).policy.sessions.idle_warning
    context["frame"] = "app/base.html" if page.channel == "app" else "web/base.html"
    seen = ""
    if page.state == "done":
        seen = _connect(request, page)
        context["result"] = present_result(page, locale)
        if page.channel == "app":
            describe_this_device(request, world=world_of(request))
    ended = page.state in _ENDINGS or (page.state == "locked" and not page.fields)
    template = f"web/run_{page.state}.html" if ended else "web/run.html"
    context["work"] = asked_by(request, page)
    response = _no_store(show(request, template, context))
    tell_wait(response, context["work"])
    if seen:
        set_cookie(request, response, SEEN, seen, lasting=True)
    return response


def _connect(request: HttpRequest, page: Page) -> str:
    """Connect the browser an issue ended in, where a PIN will be asked for; return its new token."""
    product, token = PRODUCTS.get(page.product), known_runs(request).get(page.run, "")
    if product is None or product.on_device or request.method == "HEAD":
        return ""
    acting = acting_of(request, token=token)
    return connect_by_issue(page.run, read_cookie(request, SEEN), acting=acting, world=world_of(request))


def _revision(text: str, present: int) -> int:
    """Read a form's revision: none given is the present one; no page has one that is not a small number."""
    if not text:
        return present
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _LONGEST_REVISION else -1


def _act(request: HttpRequest, run: str, token: str) -> HttpResponse:
    acting, world, began = acting_of(request, token=token), world_of(request), time.monotonic()
    present_page = actions.open_page(run, acting=acting, world=world)
    step = request.POST.get("step", present_page.step)
    action = request.POST.get("action") or "submit"
    revision = _revision(request.POST.get("revision", ""), present_page.revision)
    data = read_form(request.POST, present_page.fields) if step == present_page.step else {}
    by_script = request.headers.get("Accept") == "application/json"
    try:
        page = actions.act(run, step, revision, action, data, acting=acting, world=world)
    except DojangError as error:
        # The page answered was not the present one: show the present one, and say so.
        if "page" not in error.data:
            raise
        page, status = error.data["page"], refuse(error).status
        return _no_store(JsonResponse(_state(page), status=status)) if by_script else _show_next(page, _MOVED)
    if page.errors:
        hold_refused(request, began)
    if by_script:
        return _no_store(JsonResponse({**_state(page), "serverTime": page.server_time}))
    return _show_next(page)


def _show_next(page: Page, note: str = "") -> HttpResponse:
    """Lead on to the page of a run, after a refusal as well: no answer is left in the browser's history.

    What was refused, and what was typed without being secret, the run itself keeps until the next answer.
    """
    address = run_url(page)
    if note:
        address = f"{address}{'&' if '?' in address else '?'}{note}"
    response = HttpResponseRedirect(address)
    response.status_code = HTTPStatus.SEE_OTHER
    return _no_store(response)


@require_http_methods(["GET", "HEAD", "POST"])
def run_page(request: HttpRequest, run: str) -> HttpResponse:
    """Show the present page of a run; POST acts on it (post, redirect, get: whatever came of it)."""
    token = _token(request, run)
    if request.method == "POST":
        return _act(request, run, token)
    page = actions.open_page(run, acting=acting_of(request, token=token), world=world_of(request))
    asked = request.GET.get("step", "")
    if _MOVED in request.GET:
        page = replace(page, messages=(*page.messages, Message("web.run.moved")))
    elif asked and asked != page.step and page.state == "open":
        page = replace(page, messages=(*page.messages, Message("web.run.elsewhere")))
    return _render(request, page)


def _state(page: Page) -> dict[str, Any]:
    """Tell what a waiting page needs to know, and no more."""
    state: dict[str, Any] = {
        "step": page.step,
        "revision": page.revision,
        "state": page.state,
        "expires": page.expires,
        "expiresText": "",
        "told": told_of(page),
        "wait": None,
    }
    expires = parse_moment(page.expires)
    if expires:
        locale = reader_locale()
        state["expiresText"] = phrase("web.run.until", locale, {"time": write_time(expires, locale)})
    if page.wait:
        panel = present_wait(page.wait, reader_locale())
        state["wait"] = {
            "state": panel.state,
            "text": panel.text,
            "until": panel.until,
            "over": panel.over,
            "good": panel.good,
            "stations": [station.state for station in panel.stations],
        }
    return state


@require_GET
def run_state(request: HttpRequest, run: str) -> HttpResponse:
    """Live state for polling, with an entity tag: nothing changed costs nothing."""
    token = _token(request, run)
    page = actions.open_page(run, acting=acting_of(request, token=token), world=world_of(request))
    state = _state(page)
    tag = '"' + hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()[:24] + '"'
    if request.headers.get("If-None-Match") == tag:
        response: HttpResponse = HttpResponse(status=HTTPStatus.NOT_MODIFIED)
    else:
        response = JsonResponse({**state, "serverTime": page.server_time})
    response["ETag"] = tag
    return _no_store(response)
