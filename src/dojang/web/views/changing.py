"""Another secret for a certificate one has: a page for each way of unlocking, whatever the product."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from dojang.account.errors import LoginLockedError, NewPinRefusedError, PatternLockedError
from dojang.account.proving.actions import change_purpose, change_secret
from dojang.account.proving.values import Answer
from dojang.edge.refusals import refuse_in_form
from dojang.edge.visitor import acting_of, world_of
from dojang.edge.wording import phrase, reader_locale
from dojang.journeys.kinds.secret import PIN_DIGITS
from dojang.pki.errors import DojangError
from dojang.ports.writing import plain_digits
from dojang.products import PRODUCTS, opened_by
from dojang.web.app.views import place
from dojang.web.asking import control, form_status, summary_of
from dojang.web.deeds import begin_url
from dojang.web.me import SESSION, logged_in, read_octets, see_other, set_cookie
from dojang.web.proving import answer_of, pin_mistakes, way_of
from dojang.web.shell import show
from dojang.web.views.me import own_deed, own_deeds_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest, HttpResponse

    from dojang.account.sessions.access import SessionView
    from dojang.journeys.product import Product
    from dojang.web.deeds import Deed

_BOXES: Final = ("pin", "new_pin", "again")
#: Errors that are about the new PIN, and stand at its field.
_ABOUT_NEW: Final = frozenset({"new_pin_refused", "pin_reused"})


@sensitive_post_parameters(*_BOXES)
@require_http_methods(["GET", "HEAD", "POST"])
@logged_in
def pin(request: HttpRequest, serial: str, me: SessionView) -> HttpResponse:
    """Change the PIN of a certificate in the wallet: the old one once, the new one twice."""
    deed = own_deed(request, me, serial)
    if deed.view.product not in opened_by("pin") or not deed.usable:
        return see_other(f"/me/certificates/{deed.serial}/")
    return _pin(request, deed, me, f"/me/certificates/{deed.serial}/?said=pin")


@sensitive_post_parameters(*_BOXES)
@require_http_methods(["GET", "HEAD", "POST"])
@logged_in
def own_pin(request: HttpRequest, product: str, me: SessionView) -> HttpResponse:
    """Change the PIN in the app, of the one certificate of a product in use."""
    usable = (deed for deed in own_deeds_of(request, me) if deed.usable and deed.view.product == product)
    deed = next(usable, None)
    if deed is None or product not in opened_by("pin"):
        return see_other(f"/app/{product}/")
    return _pin(request, deed, me, "/app/certificates/?said=pin")


def _pin(request: HttpRequest, deed: Deed, me: SessionView, back: str) -> HttpResponse:
    if request.method != "POST":
        return _pin_page(request, deed)
    locale = reader_locale()
    typed = {name: plain_digits(request.POST.get(name, "")) for name in _BOXES}
    blank: dict[str, tuple[str, ...]] = {
        name: () if typed[name] else (phrase(f"me.pin.empty_{name}", locale),) for name in _BOXES
    }
    blank["pin"] = blank["pin"] or pin_mistakes(typed["pin"])
    if not any(blank.values()) and typed["new_pin"] != typed["again"]:
        blank["again"] = (phrase("error.pin_differs", locale),)
    if any(blank.values()):
        return _pin_page(request, deed, errors=blank)
    acting = acting_of(request, customer_id=me.customer_id)
    try:
        token = change_secret(
            PRODUCTS[deed.view.product], Answer(pin=typed["pin"]), typed["new_pin"],
            session=me, acting=acting, world=world_of(request),
        )  # fmt: skip
    except DojangError as error:
        return _pin_page(request, deed, error=error)
    response = see_other(back)
    set_cookie(request, response, SESSION, token)
    return response


def _pin_page(
    request: HttpRequest,
    deed: Deed,
    *,
    errors: Mapping[str, tuple[str, ...]] | None = None,
    error: DojangError | None = None,
) -> HttpResponse:
    locale, found = reader_locale(), dict(errors or {})
    general: list[str] = []
    refusal = refuse_in_form(error) if error else None
    if error is not None and refusal is not None:
        rule = error.data.get("rule") if isinstance(error, NewPinRefusedError) else None
        text = phrase(f"error.pin_{rule}", locale) if rule else refusal.sentence
        if error.code in _ABOUT_NEW:
            found["new_pin"] = (text,)
        else:
            general.append(text)
    fields = [
        control(
            name, "pin", f"me.pin.{name}", locale, longest=PIN_DIGITS, errors=found.get(name, ()),
            help_id="me.pin.rules" if name == "new_pin" else "",
        )
        for name in _BOXES
    ]  # fmt: skip
    in_app = request.path.startswith("/app/")
    context = {
        "deed": deed,
        "fields": fields,
        "view": {"summary": summary_of(fields, general)},
        "again": begin_url(PRODUCTS[deed.view.product], "reissue", in_app=in_app),
        "locked": isinstance(error, LoginLockedError),
        "in_app": in_app,
        "frame": "app/base.html" if in_app else "web/base.html",
        "place": "certificates" if in_app else "mine",
        "tab": "certificates",
    }
    return show(request, "web/me/pin.html", context, status=form_status(refusal, *found.values()))


@require_http_methods(["GET", "HEAD", "POST"])
def pattern(request: HttpRequest, product: str) -> HttpResponse:
    """Change the pattern of a certificate on this telephone; no log-in: the old pattern proves it."""
    if product not in opened_by("pattern"):
        return see_other(f"/app/{product}/")
    chosen = PRODUCTS[product]
    if request.method != "POST":
        return _pattern_page(request, chosen)
    proof_key = read_octets(request, "proof_key")
    acting, world = acting_of(request), world_of(request)
    try:
        change_secret(chosen, answer_of(request), proof_key, acting=acting, world=world)
    except DojangError as error:
        return _pattern_page(request, chosen, error=error)
    return see_other("/app/certificates/?said=pattern")


def _pattern_page(
    request: HttpRequest, product: Product, *, error: DojangError | None = None
) -> HttpResponse:
    refusal = refuse_in_form(error) if error else None
    way = way_of(request, product, request.path, purpose=change_purpose(product))
    response = place(
        request,
        "pattern",
        "certificates",
        way=way,
        least_points=world_of(request).policy.pattern.min_points,
        again=begin_url(product, "reissue", in_app=True),
        locked=isinstance(error, PatternLockedError),
        view={"summary": [("", refusal.sentence)] if refusal else []},
    )
    response.status_code = form_status(refusal)
    return response
