"""Logging in with a certificate, and out."""

from __future__ import annotations

import base64
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.middleware.csrf import rotate_token
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from dojang.ca.queries import certificate_by_id
from dojang.pki.errors import DojangError
from dojang.ports.writing import USER_ID, is_digits, plain_digits, plain_user_id
from dojang.rp.actions import (
    LOGIN,
    LoggedIn,
    ask_pattern,
    log_in_by_browser,
    log_in_by_id,
    log_in_by_pattern,
    log_in_by_signature,
)
from dojang.rp.browsers import greet_browser
from dojang.rp.challenges import ask
from dojang.rp.errors import LoginLockedError, LoginStoppedError, UseRefusedError
from dojang.rp.sessions import end_session, forget_browser, known_customer
from dojang.wallet.queries import usable_key
from dojang.web.app.biometrics import stand_in
from dojang.web.app.device import device_of
from dojang.web.asking import control, summary_of
from dojang.web.deeds import holder_name
from dojang.web.errors import status_of
from dojang.web.me import (
    ASKED,
    KNOWN,
    SESSION,
    acting_of,
    read_cookie,
    safe_next,
    see_other,
    session_of,
    set_cookie,
    visit_of,
)
from dojang.web.runs import world_of
from dojang.web.shell import show
from dojang.web.wording import phrase, reader_locale

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest, HttpResponse

SEEN = "seen"  #: the cookie by which a browser is no stranger


def _known_name(request: HttpRequest) -> str:
    """Name of the customer this browser remembers, off their certificate; empty when there is none."""
    customer_id = known_customer(read_cookie(request, KNOWN))
    key = usable_key(customer_id, "financial") if customer_id else None
    view = certificate_by_id(int(key.certificate_id)) if key and key.certificate_id else None
    return holder_name(view.subject) if view else ""


def _mistakes(request: HttpRequest, pin: str, user_id: str | None) -> dict[str, list[str]]:
    """Say what is wrong with the form of what was typed, which is no try; `user_id` None: not asked."""
    locale, length = reader_locale(), world_of(request).policy.pin_length
    found = {}
    if user_id is not None and not user_id:
        found["id"] = [phrase("me.login.empty_id", locale)]
    elif user_id is not None and not USER_ID.fullmatch(user_id):
        found["id"] = [phrase("error.user_id_format", locale)]
    if not pin:
        found["pin"] = [phrase("me.login.empty_pin", locale)]
    elif not is_digits(pin, length):
        found["pin"] = [phrase("error.digits_needed", locale, {"count": length})]
    return found


def _page(
    request: HttpRequest,
    *,
    known: str,
    user_id: str = "",
    mistakes: Mapping[str, list[str]] | None = None,
    error: DojangError | None = None,
) -> HttpResponse:
    locale, blank = reader_locale(), mistakes or {}
    fields = [
        control("pin", "pin", "me.login.pin", locale, help_id="me.login.pin_help", longest=6,
                errors=blank.get("pin", ())),
    ]  # fmt: skip
    if not known:
        fields.insert(0, control("user_id", "user_id", "me.login.user_id", locale, value=user_id,
                                 help_id="me.login.user_id_help", errors=blank.get("id", ())))  # fmt: skip
    general = [phrase(error.message_id, locale, error.data)] if error else []
    context: dict[str, Any] = {
        "place": "mine",
        "known": known,
        "method": "financial",
        "fields": fields,
        "view": {"summary": summary_of(fields, general)},
        "next": safe_next(request),
        "asked": "next" in request.GET,
        "reissue": isinstance(error, UseRefusedError | LoginLockedError | LoginStoppedError),
        "left": "out" in request.GET,
    }
    status = HTTPStatus.OK
    if error:
        status = status_of(error)
    if mistakes or status == HTTPStatus.BAD_REQUEST:
        status = HTTPStatus.UNPROCESSABLE_ENTITY
    response = show(request, "web/login.html", context, status=status)
    response["Cache-Control"] = "no-store"
    return response


def enter(request: HttpRequest, done: LoggedIn) -> HttpResponse:
    """Give the browser its session (new id, new form token) and lead on; one never seen before is told of."""
    acting, world = acting_of(request, done.customer_id), world_of(request)
    agent = visit_of(request).agent
    seen = greet_browser(done, read_cookie(request, SEEN), agent=agent, acting=acting, world=world)
    rotate_token(request)
    response = see_other(safe_next(request))
    set_cookie(request, response, SESSION, done.session)
    set_cookie(request, response, SEEN, seen, lasting=True)
    if done.browser:
        set_cookie(request, response, KNOWN, done.browser, lasting=True)
    return response


@sensitive_post_parameters("pin")
@require_http_methods(["GET", "HEAD", "POST"])
def login(request: HttpRequest) -> HttpResponse:
    """Ask for a certificate; POST tries it. Works without scripts."""
    known = _known_name(request)
    if request.method != "POST":
        if session_of(request) is not None:
            return see_other(safe_next(request))
        return _page(request, known=known)
    if request.POST.get("action") == "other":
        forget_browser(token=read_cookie(request, KNOWN), world=world_of(request))
        response = see_other("/login/")
        set_cookie(request, response, KNOWN, "")
        return response
    user_id = "" if known else plain_user_id(request.POST.get("user_id", ""))
    pin = plain_digits(request.POST.get("pin", ""))
    mistakes = _mistakes(request, pin, None if known else user_id)
    if mistakes:
        return _page(request, known=known, user_id=user_id, mistakes=mistakes)
    where: dict[str, Any] = {
        "visit": visit_of(request), "acting": acting_of(request), "world": world_of(request),
    }  # fmt: skip
    try:
        if known:
            done = log_in_by_browser(read_cookie(request, KNOWN), pin, **where)
        else:
            done = log_in_by_id(user_id, pin, remember="remember" in request.POST, **where)
    except DojangError as error:
        if status_of(error) != HTTPStatus.BAD_REQUEST:
            raise
        return _page(request, known=known, user_id=user_id, error=error)
    return enter(request, done)


def _device_page(request: HttpRequest, method: str, *, error: DojangError | None = None) -> HttpResponse:
    """Ask for a certificate whose key is on this device: scripts sign, the form carries the signature."""
    locale, world, visit = reader_locale(), world_of(request), visit_of(request)
    general = [phrase(error.message_id, locale, error.data)] if error else []
    context: dict[str, Any] = {
        "place": "mine",
        "method": method,
        "view": {"summary": [("", text) for text in general]},
        "next": safe_next(request),
    }
    secret = ""
    if method == "joint":
        asked = ask(LOGIN, origin=visit.origin, world=world)
        secret = f"{asked.id}.{asked.secret}"
        context["challenge"] = base64.b64encode(asked.body).decode()
    else:
        question = ask_pattern(device_of(request), visit=visit, world=world)
        context["question"] = question
        if question is not None:
            challenge = base64.b64encode(question.challenge).decode()
            context["data"] = {
                "mode": "prove",
                "challenge": challenge,
                "key_id": question.key_id,
                "biometric": stand_in(question.biometric),
            }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if error else HTTPStatus.OK
    response = show(request, f"web/login_{method}.html", context, status=status)
    response["Cache-Control"] = "no-store"
    if secret:
        set_cookie(request, response, ASKED, secret)
    return response


def _octets(request: HttpRequest, name: str) -> bytes:
    """Read a base64 field; anything else is empty."""
    try:
        return base64.b64decode(request.POST.get(name, ""), validate=True)
    except ValueError:
        return b""


@require_http_methods(["GET", "HEAD", "POST"])
def login_joint(request: HttpRequest) -> HttpResponse:
    """Log in with a joint certificate of this device: CMS over our challenge."""
    if request.method != "POST":
        return _device_page(request, "joint")
    challenge, _, secret = read_cookie(request, ASKED).partition(".")
    try:
        done = log_in_by_signature(
            challenge, secret, _octets(request, "signed"),
            visit=visit_of(request), acting=acting_of(request), world=world_of(request),
        )  # fmt: skip
    except DojangError as error:
        if status_of(error) != HTTPStatus.BAD_REQUEST:
            raise
        return _device_page(request, "joint", error=error)
    response = enter(request, done)
    set_cookie(request, response, ASKED, "")
    return response


@require_http_methods(["GET", "HEAD", "POST"])
def login_bank(request: HttpRequest) -> HttpResponse:
    """Log in with the bank certificate of this device: pattern and device key over our challenge."""
    if request.method != "POST":
        return _device_page(request, "bank")
    try:
        done = log_in_by_pattern(
            request.POST.get("challenge_id", ""),
            device_id=device_of(request),
            mac=_octets(request, "mac"),
            assertion=_octets(request, "assertion"),
            signature=_octets(request, "signature"),
            visit=visit_of(request),
            acting=acting_of(request),
            world=world_of(request),
        )
    except DojangError as error:
        if status_of(error) != HTTPStatus.BAD_REQUEST:
            raise
        return _device_page(request, "bank", error=error)
    return enter(request, done)


@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    """End the session here."""
    session = session_of(request)
    if session is not None:
        acting = acting_of(request, session.customer_id)
        end_session(session.id, reason="logged_out", acting=acting, world=world_of(request))
    response = see_other("/login/?out")
    set_cookie(request, response, SESSION, "")
    return response
