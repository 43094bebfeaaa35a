"""Another PIN for the financial certificate, another pattern for the bank certificate."""

from __future__ import annotations

import base64
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from dojang.pki.errors import DojangError
from dojang.ports.writing import is_digits, plain_digits
from dojang.rp.actions import PatternAnswer
from dojang.rp.changing import ask_old_pattern, change_pattern, change_pin
from dojang.rp.errors import LoginLockedError, NewPinRefusedError, PatternLockedError
from dojang.web.app.device import device_of
from dojang.web.app.views import place
from dojang.web.asking import control, summary_of
from dojang.web.errors import status_of
from dojang.web.me import SESSION, acting_of, logged_in, read_octets, see_other, set_cookie, visit_of
from dojang.web.runs import world_of
from dojang.web.shell import show
from dojang.web.views.me import own_deed, own_deeds_of
from dojang.web.wording import phrase, reader_locale

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest, HttpResponse

    from dojang.rp.sessions import SessionView
    from dojang.web.deeds import Deed

_BOXES: Final = ("pin", "new_pin", "again")
#: Errors that are about the new PIN, and stand at its field.
_ABOUT_NEW: Final = frozenset({"new_pin_refused", "pin_reused"})


@sensitive_post_parameters(*_BOXES)
@require_http_methods(["GET", "HEAD", "POST"])
@logged_in
def pin(request: HttpRequest, serial: str, me: SessionView) -> HttpResponse:
    """Change the PIN of a financial certificate: the old one once, the new one twice."""
    deed = own_deed(request, me, serial)
    if deed.view.product != "financial" or not deed.usable:
        return see_other(f"/me/certificates/{deed.serial}/")
    return _pin(request, deed, me, f"/me/certificates/{deed.serial}/?said=pin")


@sensitive_post_parameters(*_BOXES)
@require_http_methods(["GET", "HEAD", "POST"])
@logged_in
def own_pin(request: HttpRequest, me: SessionView) -> HttpResponse:
    """Change the PIN in the app, of the one financial certificate in use."""
    usable = (d for d in own_deeds_of(request, me) if d.usable and d.view.product == "financial")
    deed = next(usable, None)
    if deed is None:
        return see_other("/app/financial/")
    return _pin(request, deed, me, "/app/certificates/?said=pin")


def _pin(request: HttpRequest, deed: Deed, me: SessionView, back: str) -> HttpResponse:
    if request.method != "POST":
        return _pin_page(request, deed)
    locale = reader_locale()
    typed = {name: plain_digits(request.POST.get(name, "")) for name in _BOXES}
    blank = {name: () if typed[name] else (phrase(f"me.pin.empty_{name}", locale),) for name in _BOXES}
    length = world_of(request).policy.pin_length
    if typed["pin"] and not is_digits(typed["pin"], length):  # a wrong form is no try of the key
        blank["pin"] = (phrase("error.digits_needed", locale, {"count": length}),)
    if not any(blank.values()) and typed["new_pin"] != typed["again"]:
        blank["again"] = (phrase("error.pin_differs", locale),)
    if any(blank.values()):
        return _pin_page(request, deed, errors=blank)
    try:
        token = change_pin(
            me, typed["pin"], typed["new_pin"],
            visit=visit_of(request), acting=acting_of(request, me.customer_id), world=world_of(request),
        )  # fmt: skip
    except DojangError as error:
        if status_of(error) != HTTPStatus.BAD_REQUEST:
            raise
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
    if error is not None:
        rule = error.data.get("rule") if isinstance(error, NewPinRefusedError) else None
        text = phrase(f"error.pin_{rule}" if rule else error.message_id, locale, error.data)
        if error.code in _ABOUT_NEW:
            found["new_pin"] = (text,)
        else:
            general.append(text)
    fields = [
        control(
            name, "pin", f"me.pin.{name}", locale, longest=6, errors=found.get(name, ()),
            help_id="me.pin.rules" if name == "new_pin" else "",
        )
        for name in _BOXES
    ]  # fmt: skip
    context = {
        "deed": deed,
        "fields": fields,
        "view": {"summary": summary_of(fields, general)},
        "reissue": isinstance(error, LoginLockedError),
        **_frame(request),
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if error or any(found.values()) else HTTPStatus.OK
    return show(request, "web/me/pin.html", context, status=status)


def _frame(request: HttpRequest) -> dict[str, object]:
    """Say which frame a page that lives in both places has here."""
    if request.path.startswith("/app/"):
        return {"frame": "app/base.html", "in_app": True, "place": "certificates"}
    return {"frame": "web/base.html", "in_app": False, "place": "mine", "tab": "certificates"}


@require_http_methods(["GET", "HEAD", "POST"])
def pattern(request: HttpRequest) -> HttpResponse:
    """Change the pattern of the bank certificate on this telephone; no log-in: the old pattern proves it."""
    if request.method != "POST":
        return _pattern_page(request)
    answer = PatternAnswer(
        request.POST.get("challenge_id", ""),
        device_of(request),
        signature=read_octets(request, "signature"),
        mac=read_octets(request, "mac"),
    )
    try:
        change_pattern(
            answer, read_octets(request, "proof_key"),
            visit=visit_of(request), acting=acting_of(request), world=world_of(request),
        )  # fmt: skip
    except DojangError as error:
        if status_of(error) != HTTPStatus.BAD_REQUEST:
            raise
        return _pattern_page(request, error=error)
    return see_other("/app/certificates/?said=pattern")


def _pattern_page(request: HttpRequest, *, error: DojangError | None = None) -> HttpResponse:
    locale, world = reader_locale(), world_of(request)
    question = ask_old_pattern(device_of(request), visit=visit_of(request), world=world)
    general = [phrase(error.message_id, locale, error.data)] if error else []
    response = place(
        request,
        "pattern",
        "certificates",
        question=question,
        challenge=base64.b64encode(question.challenge).decode() if question else "",
        least_points=world.policy.pattern_min_points,
        reissue=isinstance(error, PatternLockedError),
        view={"summary": [("", text) for text in general]},
    )
    response.status_code = HTTPStatus.UNPROCESSABLE_ENTITY if error else HTTPStatus.OK
    return response
