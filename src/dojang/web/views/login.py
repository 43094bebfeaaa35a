"""Logging in with a certificate, and out."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from django.middleware.csrf import rotate_token
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from dojang.account.actions import (
    LOGIN,
    LoggedIn,
    ask_pattern,
    log_in_by_browser,
    log_in_by_id,
    log_in_by_pattern,
    log_in_by_signature,
)
from dojang.account.browsers import greet_browser
from dojang.account.challenges import ask
from dojang.account.errors import LoginLockedError, LoginStoppedError, UseRefusedError
from dojang.account.sessions import end_session, forget_browser, known_customer
from dojang.ca.queries import certificate_by_id
from dojang.edge.refusals import refuse_in_form
from dojang.edge.visitor import acting_of, device_of, world_of
from dojang.edge.wording import phrase, reader_locale
from dojang.pki.errors import DojangError
from dojang.wallet.keys.queries import usable_key
from dojang.web.app.biometrics import stand_in
from dojang.web.asking import control, form_status, summary_of
from dojang.web.deeds import holder_name
from dojang.web.me import ASKED, KNOWN, SESSION, read_cookie, safe_next, see_other, session_of, set_cookie
from dojang.web.shell import show

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

SEEN = "seen"  #: the cookie by which a browser is no stranger
_LONGEST_ID = 40
_LONGEST_SIGNED = 20_000  #: characters of base64


def _known_name(request: HttpRequest) -> str:
    """Name of the customer this browser remembers, off their certificate; empty when there is none."""
    customer_id = known_customer(read_cookie(request, KNOWN))
    key = usable_key(customer_id, "financial") if customer_id else None
    view = certificate_by_id(int(key.certificate_id)) if key and key.certificate_id else None
    return holder_name(view.subject) if view else ""


def _page(
    request: HttpRequest,
    *,
    known: str,
    user_id: str = "",
    missing: tuple[str, ...] = (),
    error: DojangError | None = None,
) -> HttpResponse:
    locale = reader_locale()
    blank = {name: [phrase(f"me.login.empty_{name}", locale)] for name in missing}
    fields = [
        control("pin", "pin", "me.login.pin", locale, help_id="me.login.pin_help", longest=6,
                errors=blank.get("pin", ())),
    ]  # fmt: skip
    if not known:
        fields.insert(0, control("user_id", "user_id", "me.login.user_id", locale, value=user_id,
                                 help_id="me.login.user_id_help", errors=blank.get("id", ())))  # fmt: skip
    refusal = refuse_in_form(error) if error else None
    general = [refusal.sentence] if refusal else []
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
    status = form_status(refusal, missing)
    response = show(request, "web/login.html", context, status=status)
    response["Cache-Control"] = "no-store"
    return response


def enter(request: HttpRequest, done: LoggedIn) -> HttpResponse:
    """Give the browser its session (new id, new form token) and lead on; one never seen before is told of."""
    acting, world = acting_of(request, customer_id=done.customer_id), world_of(request)
    seen = greet_browser(done, read_cookie(request, SEEN), acting=acting, world=world)
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
    user_id = "" if known else request.POST.get("user_id", "").strip()[:_LONGEST_ID]
    pin = request.POST.get("pin", "")[:_LONGEST_ID]
    gaps = (("id", not known and not user_id), ("pin", not pin))
    missing = tuple(name for name, is_missing in gaps if is_missing)
    if missing:
        return _page(request, known=known, user_id=user_id, missing=missing)
    where: dict[str, Any] = {
        "acting": acting_of(request), "world": world_of(request),
    }  # fmt: skip
    try:
        if known:
            done = log_in_by_browser(read_cookie(request, KNOWN), pin, **where)
        else:
            done = log_in_by_id(user_id, pin, remember="remember" in request.POST, **where)
    except DojangError as error:
        return _page(request, known=known, user_id=user_id, error=error)
    return enter(request, done)


def _device_page(request: HttpRequest, method: str, *, error: DojangError | None = None) -> HttpResponse:
    """Ask for a certificate whose key is on this device: scripts sign, the form carries the signature."""
    acting, world = acting_of(request), world_of(request)
    refusal = refuse_in_form(error) if error else None
    general = [refusal.sentence] if refusal else []
    context: dict[str, Any] = {
        "place": "mine",
        "method": method,
        "view": {"summary": [("", text) for text in general]},
        "next": safe_next(request),
    }
    secret = ""
    if method == "joint":
        asked = ask(LOGIN, origin=acting.origin, world=world)
        secret = f"{asked.id}.{asked.secret}"
        context["challenge"] = base64.b64encode(asked.body).decode()
    else:
        question = ask_pattern(acting.device, acting=acting, world=world)
        context["question"] = question
        if question is not None:
            challenge = base64.b64encode(question.challenge).decode()
            context["data"] = {
                "mode": "prove",
                "challenge": challenge,
                "key_id": question.key_id,
                "biometric": stand_in(question.biometric),
            }
    response = show(request, f"web/login_{method}.html", context, status=form_status(refusal))
    response["Cache-Control"] = "no-store"
    if secret:
        set_cookie(request, response, ASKED, secret)
    return response


def _octets(request: HttpRequest, name: str) -> bytes:
    """Read a base64 field; anything else is empty."""
    try:
        return base64.b64decode(request.POST.get(name, "")[:_LONGEST_SIGNED], validate=True)
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
            acting=acting_of(request), world=world_of(request),
        )  # fmt: skip
    except DojangError as error:
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
            request.POST.get("challenge_id", "")[:40],
            device_id=device_of(request),
            mac=_octets(request, "mac"),
            assertion=_octets(request, "assertion"),
            signature=_octets(request, "signature"),
            acting=acting_of(request),
            world=world_of(request),
        )
    except DojangError as error:
        return _device_page(request, "bank", error=error)
    return enter(request, done)


@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    """End the session here."""
    session = session_of(request)
    if session is not None:
        acting = acting_of(request, customer_id=session.customer_id)
        end_session(session.id, reason="logged_out", acting=acting, world=world_of(request))
    response = see_other("/login/?out")
    set_cookie(request, response, SESSION, "")
    return response
