"""Logging in with a certificate, and out: one page, whatever the product."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from django.http import Http404
from django.middleware.csrf import rotate_token
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from dojang.account.browsers.actions import forget_browser, greet_browser
from dojang.account.browsers.queries import is_connected_at_all, known_customer
from dojang.account.errors import (
    BrowserUnknownError,
    LoginLockedError,
    LoginStoppedError,
    PatternLockedError,
    UseRefusedError,
)
from dojang.account.proving.actions import log_in, log_in_by_browser, log_in_by_id
from dojang.account.sessions.actions import end_session
from dojang.ca.queries import certificate_by_id
from dojang.edge.holding import hold_refused
from dojang.edge.refusals import refuse_in_form
from dojang.edge.visitor import acting_of, world_of
from dojang.edge.wording import phrase, product_name, reader_locale
from dojang.pki.errors import DojangError
from dojang.ports.limits import REFUSED_AFTER
from dojang.ports.writing import USER_ID, plain_user_id
from dojang.products import PRODUCTS
from dojang.wallet.keys.queries import usable_key
from dojang.web.asking import control, form_status, summary_of
from dojang.web.deeds import holder_name
from dojang.web.me import (
    ASKED,
    KNOWN,
    SEEN,
    SESSION,
    read_cookie,
    safe_next,
    see_other,
    session_of,
    set_cookie,
)
from dojang.web.proving import answer_of, keep_secret, pin_control, pin_mistakes, way_of
from dojang.web.shell import show

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest, HttpResponse

    from dojang.account.proving.values import LoggedIn
    from dojang.journeys.product import Product
    from dojang.web.presenting import Control

#: Why a session is over, as the page says it; with the way to a new certificate.
_ENDED = frozenset({"certificate", "held", "revoked"})
_LOCKED = (LoginLockedError, LoginStoppedError, PatternLockedError, UseRefusedError)


def _url(product: Product) -> str:
    """Return where a product is logged in with: the first of the menu needs no name."""
    first = next(iter(PRODUCTS.values()))
    return reverse("web:login") if product is first else reverse("web:login-by", args=[product.id])


def _known_name(request: HttpRequest, product: Product) -> str:
    """Name of the customer this browser remembers, off their certificate; empty when there is none."""
    customer_id = None if product.on_device else known_customer(read_cookie(request, KNOWN))
    key = usable_key(customer_id, product.id) if customer_id else None
    view = certificate_by_id(int(key.certificate_id)) if key and key.certificate_id else None
    return holder_name(view.subject) if view else ""


def _asks_pin(request: HttpRequest, product: Product, known: str) -> bool:
    """Tell whether this browser may be asked for a PIN: it is connected with somebody, or remembers them."""
    if product.on_device or known:
        return not product.on_device
    return is_connected_at_all(read_cookie(request, SEEN), now=world_of(request).clock.now())


def _mistakes(
    request: HttpRequest, product: Product, *, known: str, user_id: str
) -> dict[str, tuple[str, ...]]:
    """Say what is wrong with the form of what was typed, which is no try."""
    if not _asks_pin(request, product, known):
        return {}
    found = {"pin": pin_mistakes(answer_of(request).pin), "id": ()}
    if not known and not USER_ID.fullmatch(user_id):
        code = "error.user_id_format" if user_id else "me.login.empty_id"
        found["id"] = (phrase(code, reader_locale()),)
    return found


def _fields(*, known: str, user_id: str, mistakes: Mapping[str, tuple[str, ...]]) -> list[Control]:
    """Describe what is typed where the key lies in the wallet: whose it is, and its PIN."""
    locale = reader_locale()
    fields = [pin_control("me.login.pin", "me.login.pin_help", "", mistakes.get("pin", ()))]
    if not known:
        fields.insert(0, control("user_id", "user_id", "me.login.user_id", locale, value=user_id,
                                 help_id="me.login.user_id_help", errors=mistakes.get("id", ())))  # fmt: skip
    return fields


def _page(
    request: HttpRequest,
    product: Product,
    *,
    known: str,
    user_id: str = "",
    mistakes: Mapping[str, tuple[str, ...]] | None = None,
    error: DojangError | None = None,
) -> HttpResponse:
    locale, mistakes = reader_locale(), mistakes or {}
    refusal = refuse_in_form(error) if error else None
    way = way_of(request, product, _url(product))
    asks_pin = _asks_pin(request, product, known)
    fields = _fields(known=known, user_id=user_id, mistakes=mistakes) if asks_pin else []
    context: dict[str, Any] = {
        "place": "mine",
        "known": known,
        "way": way,
        "ways": [
            {
                "url": _url(one),
                "name": product_name(one.id, locale),
                "text": phrase(f"me.login.by_{one.unlock}", locale),
                "here": one is product,
            }
            for one in PRODUCTS.values()
        ],
        "fields": fields,
        "view": {"summary": summary_of(fields, [refusal.sentence] if refusal else [])},
        "next": safe_next(request),
        "asked": "next" in request.GET,
        "again": way.reissue if isinstance(error, _LOCKED) else "",
        "left": "out" in request.GET,
        "connected": "connected" in request.GET and asks_pin,
        "strange": way.typed and (not asks_pin or isinstance(error, BrowserUnknownError)),
        "ended": ended if (ended := request.GET.get("ended", "")) in _ENDED else "",
    }
    response = show(request, "web/login.html", context, status=form_status(refusal, *mistakes.values()))
    response["Cache-Control"] = "no-store"
    keep_secret(request, response, way)
    return response


def enter(request: HttpRequest, done: LoggedIn) -> HttpResponse:
    """Give the browser its session (new id, new form token) and lead on; one never seen before is told of."""
    acting, world = acting_of(request, customer_id=done.customer_id), world_of(request)
    seen = greet_browser(done, read_cookie(request, SEEN), acting=acting, world=world)
    rotate_token(request)
    response = see_other(safe_next(request))
    set_cookie(request, response, SESSION, done.session)
    set_cookie(request, response, SEEN, seen, lasting=True)
    set_cookie(request, response, ASKED, "")
    if done.browser:
        set_cookie(request, response, KNOWN, done.browser, lasting=True)
    return response


@sensitive_post_parameters("pin")
@require_http_methods(["GET", "HEAD", "POST"])
def login(request: HttpRequest, product: str = "") -> HttpResponse:
    """Ask for a certificate; POST tries it. Works without scripts where the key lies in the wallet."""
    chosen = PRODUCTS.get(product) if product else next(iter(PRODUCTS.values()))
    if chosen is None:
        raise Http404
    known = _known_name(request, chosen)
    if request.method != "POST":
        if not product and session_of(request) is not None:
            return see_other(safe_next(request))
        return _page(request, chosen, known=known)
    if request.POST.get("action") == "other":
        forget_browser(token=read_cookie(request, KNOWN), world=world_of(request))
        response = see_other(_url(chosen))
        set_cookie(request, response, KNOWN, "")
        return response
    user_id = "" if known else plain_user_id(request.POST.get("user_id", ""))
    mistakes = _mistakes(request, chosen, known=known, user_id=user_id)
    if any(mistakes.values()):
        return _page(request, chosen, known=known, user_id=user_id, mistakes=mistakes)
    began = time.monotonic()
    try:
        done = _try(request, chosen, known=known, user_id=user_id)
    except DojangError as error:
        refused = _page(request, chosen, known=known, user_id=user_id, error=error)
        if user_id:
            hold_refused(request, began)
            refused.setdefault("Retry-After", str(error.data.get("wait", math.ceil(REFUSED_AFTER))))
        return refused
    return enter(request, done)


def _try(request: HttpRequest, product: Product, *, known: str, user_id: str) -> LoggedIn:
    """Try what was sent: a key on the device names its customer, one in the wallet has to be told whose."""
    acting, world, answer = acting_of(request), world_of(request), answer_of(request)
    if product.on_device:
        return log_in(product, answer, acting=acting, world=world)
    if known:
        return log_in_by_browser(product, read_cookie(request, KNOWN), answer, acting=acting, world=world)
    if not _asks_pin(request, product, known):
        raise BrowserUnknownError  # whatever came along was asked for by nobody, and is not looked at
    browser, remember = read_cookie(request, SEEN), "remember" in request.POST
    return log_in_by_id(
        product, user_id, answer, browser=browser, remember=remember, acting=acting, world=world
    )


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
