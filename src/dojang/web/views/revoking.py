"""Revoking one's own certificate: what follows is said first, then one in use is proven again."""

from __future__ import annotations

import base64
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from dojang.pki.errors import DojangError
from dojang.ports.writing import is_digits, plain_digits
from dojang.rp import stopping
from dojang.rp.actions import (
    PatternAnswer,
    ask_pattern,
    prove_again,
    prove_again_by_pattern,
    prove_again_by_signature,
)
from dojang.rp.challenges import ask
from dojang.rp.errors import LoginLockedError, PatternLockedError
from dojang.web.app.biometrics import stand_in
from dojang.web.app.device import device_of
from dojang.web.asking import control, summary_of
from dojang.web.deeds import newest_of_each
from dojang.web.errors import status_of
from dojang.web.me import (
    ASKED,
    SESSION,
    acting_of,
    logged_in,
    read_cookie,
    read_octets,
    see_other,
    set_cookie,
    visit_of,
)
from dojang.web.runs import world_of
from dojang.web.shell import show
from dojang.web.views.me import own_deed, own_deeds_of
from dojang.web.wording import phrase, reader_locale

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest, HttpResponse

    from dojang.rp.sessions import SessionView
    from dojang.web.deeds import Deed

REASONS: Final = ("cessationOfOperation", "keyCompromise", "affiliationChanged")
WAYS: Final = ("financial", "joint", "bank")
_LIVE: Final = frozenset({"active", "held"})


def _purpose(deed: Deed) -> str:
    """Name what a proof is for: this certificate's end, and nothing else."""
    return f"revoke:{deed.serial[-16:]}"


def _ways(request: HttpRequest, me: SessionView) -> list[str]:
    """List the certificates that can prove it: the one logged in with first, then others in use."""
    usable = {deed.view.product for deed in own_deeds_of(request, me) if deed.usable}
    return sorted(usable, key=lambda name: (name != me.method, WAYS.index(name)))


@sensitive_post_parameters("pin")
@require_http_methods(["GET", "HEAD", "POST"])
@logged_in
def revoke(request: HttpRequest, serial: str, me: SessionView) -> HttpResponse:
    """Revoke one certificate: a reason, a confirmation, and a certificate in use proven once more."""
    deed, locale = own_deed(request, me, serial), reader_locale()
    if deed.state not in _LIVE:
        return _back(deed)
    ways = _ways(request, me)
    by = request.POST.get("by", "") or request.GET.get("by", "")
    by = by if by in ways else next(iter(ways), "")
    if request.method != "POST" or not by:
        return _page(request, deed, me, by, ways)
    reason, pin = request.POST.get("reason", ""), plain_digits(request.POST.get("pin", ""))
    blank = {
        "reason": () if reason in REASONS else (phrase("me.revoke.choose", locale),),
        "sure": () if request.POST.get("sure") else (phrase("me.revoke.must_be_sure", locale),),
        "pin": () if pin or by != "financial" else (phrase("me.login.empty_pin", locale),),
    }
    length = world_of(request).policy.pin_length
    if pin and by == "financial" and not is_digits(pin, length):  # a wrong form is no try of the key
        blank["pin"] = (phrase("error.digits_needed", locale, {"count": length}),)
    if any(blank.values()):
        return _page(request, deed, me, by, ways, blank=blank, reason=reason)
    try:
        token = _prove(request, deed, me, by, pin)
    except DojangError as error:
        if status_of(error) != HTTPStatus.BAD_REQUEST:
            raise
        if own_deed(request, me, serial).state not in _LIVE:
            return _back(deed)  # pressed twice: the first press did it
        return _page(request, deed, me, by, ways, reason=reason, error=error)
    acting = acting_of(request, me.customer_id)
    stopping.end_certificate(me.customer_id, deed.serial, reason, acting=acting, world=world_of(request))
    response = _back(deed)
    set_cookie(request, response, SESSION, token)
    set_cookie(request, response, ASKED, "")
    return response


@require_GET
@logged_in
def on_the_phone(request: HttpRequest, product: str, me: SessionView) -> HttpResponse:
    """Lead from the app's list to the page that revokes the certificate of a product."""
    live = [d for d in own_deeds_of(request, me) if d.state in _LIVE and d.view.product == product]
    for deed in newest_of_each(live):
        return see_other(f"/me/certificates/{deed.serial}/revoke/?from=app")
    return see_other("/me/certificates/")


def _back(deed: Deed) -> HttpResponse:
    return see_other(f"/me/certificates/{deed.serial}/?said=revoked")


def _prove(request: HttpRequest, deed: Deed, me: SessionView, by: str, pin: str) -> str:
    """Prove a certificate for this one purpose; return the session's new token."""
    how: dict[str, Any] = {
        "purpose": _purpose(deed),
        "visit": visit_of(request),
        "acting": acting_of(request, me.customer_id),
        "world": world_of(request),
    }
    if by == "financial":
        return prove_again(me, pin, **how)
    if by == "joint":
        challenge, _, secret = read_cookie(request, ASKED).partition(".")
        return prove_again_by_signature(me, challenge, secret, read_octets(request, "signed"), **how)
    answer = PatternAnswer(
        request.POST.get("challenge_id", ""),
        device_of(request),
        signature=read_octets(request, "signature"),
        mac=read_octets(request, "mac"),
        assertion=read_octets(request, "assertion"),
    )
    return prove_again_by_pattern(me, answer, **how)


def _page(
    request: HttpRequest,
    deed: Deed,
    me: SessionView,
    by: str,
    ways: list[str],
    *,
    blank: Mapping[str, tuple[str, ...]] | None = None,
    reason: str = "",
    error: DojangError | None = None,
) -> HttpResponse:
    locale, blank = reader_locale(), blank or {}
    fields = [
        control(
            "reason", "choice", "me.revoke.reason", locale, value=reason, errors=blank.get("reason", ()),
            choices=[(name, f"me.revoke.{name}") for name in REASONS],
        ),
        control(
            "sure", "consent", "me.revoke.sure", locale, errors=blank.get("sure", ()),
            value=request.POST.get("sure", ""),
        ),
    ]  # fmt: skip
    if by == "financial":
        fields.append(
            control(
                "pin", "pin", "me.revoke.pin", locale, help_id="me.revoke.pin_help", longest=6,
                errors=blank.get("pin", ()),
            )
        )  # fmt: skip
    general = [phrase(error.message_id, locale, error.data)] if error else []
    failed = error is not None or bool(blank)
    context: dict[str, Any] = {
        "place": "mine",
        "tab": "certificates",
        "deed": deed,
        "by": by,
        "others": [name for name in ways if name != by],
        "fields": fields,
        "view": {"summary": summary_of(fields, general)},
        "again": _way_out(by, error),
    }
    secret = _ask(request, deed, me, by, context)
    status = HTTPStatus.UNPROCESSABLE_ENTITY if failed else HTTPStatus.OK
    response = show(request, "web/me/revoke.html", context, status=status)
    if secret:
        set_cookie(request, response, ASKED, secret)
    return response


def _way_out(by: str, error: DojangError | None) -> str:
    """Name the product to be issued anew when the certificate at hand is locked."""
    return by if isinstance(error, (LoginLockedError, PatternLockedError)) else ""


def _ask(request: HttpRequest, deed: Deed, me: SessionView, by: str, context: dict[str, Any]) -> str:
    """Put the question for a device into the page; return what its cookie holds."""
    world, visit, purpose = world_of(request), visit_of(request), _purpose(deed)
    if by == "joint":
        asked = ask(purpose, origin=visit.origin, world=world)
        context["challenge"] = base64.b64encode(asked.body).decode()
        return f"{asked.id}.{asked.secret}"
    if by == "bank":
        device = device_of(request)
        question = ask_pattern(device, purpose=purpose, customer_id=me.customer_id, visit=visit, world=world)
        context["question"] = question
        if question is not None:
            challenge = base64.b64encode(question.challenge).decode()
            context["data"] = {
                "mode": "prove",
                "challenge": challenge,
                "key_id": question.key_id,
                "biometric": stand_in(question.biometric),
            }
    return ""
