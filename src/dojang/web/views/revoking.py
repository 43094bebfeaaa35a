"""Revoking one's own certificate: what follows is said first, then one in use is proven again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from dojang.account import actions as account
from dojang.account.errors import LoginLockedError, PatternLockedError
from dojang.account.proving.actions import prove_again
from dojang.edge.refusals import refuse_in_form
from dojang.edge.visitor import acting_of, world_of
from dojang.edge.wording import phrase, reader_locale
from dojang.pki.errors import DojangError
from dojang.products import PRODUCTS
from dojang.web.asking import control, form_status, summary_of
from dojang.web.deeds import newest_of_each
from dojang.web.me import ASKED, SESSION, logged_in, see_other, set_cookie, shown_out
from dojang.web.proving import answer_of, keep_secret, pin_control, pin_mistakes, way_of
from dojang.web.shell import show
from dojang.web.views.me import own_deed, own_deeds_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest, HttpResponse

    from dojang.account.sessions.access import SessionView
    from dojang.journeys.product import Product
    from dojang.web.deeds import Deed
    from dojang.web.presenting import Control
    from dojang.web.proving import Way

REASONS: Final = ("cessationOfOperation", "keyCompromise", "affiliationChanged")
_LIVE: Final = frozenset({"active", "held"})


def _purpose(deed: Deed) -> str:
    """Name what a proof is for: this certificate's end, and nothing else."""
    return f"revoke:{deed.serial[-16:]}"


def ways_of(request: HttpRequest, me: SessionView) -> list[Product]:
    """List the certificates that can prove it: the one logged in with first, then others in use."""
    usable = {deed.view.product for deed in own_deeds_of(request, me) if deed.usable}
    ways = [product for product in PRODUCTS.values() if product.id in usable]
    return sorted(ways, key=lambda product: product.id != me.method)


@sensitive_post_parameters("pin")
@require_http_methods(["GET", "HEAD", "POST"])
@logged_in
def revoke(request: HttpRequest, serial: str, me: SessionView) -> HttpResponse:
    """Revoke one certificate: a reason, a confirmation, and a certificate in use proven once more."""
    deed, locale = own_deed(request, me, serial), reader_locale()
    if deed.state not in _LIVE:
        return _back(deed)
    ways = ways_of(request, me)
    wanted = request.POST.get("by", "") or request.GET.get("by", "")
    by = next((product for product in ways if product.id == wanted), next(iter(ways), None))
    if request.method != "POST" or by is None:
        return _page(request, deed, me, by, ways)
    reason = request.POST.get("reason", "")
    blank = {
        "reason": () if reason in REASONS else (phrase("me.revoke.choose", locale),),
        "sure": () if request.POST.get("sure") else (phrase("me.revoke.must_be_sure", locale),),
        "pin": pin_mistakes(answer_of(request).pin) if by.unlock == "pin" else (),
    }
    if any(blank.values()):
        return _page(request, deed, me, by, ways, blank=blank, reason=reason)
    acting, world = acting_of(request, customer_id=me.customer_id), world_of(request)
    try:
        token = prove_again(me, by, answer_of(request), purpose=_purpose(deed), acting=acting, world=world)
    except DojangError as error:
        if own_deed(request, me, serial).state not in _LIVE:
            return _back(deed)  # pressed twice: the first press did it
        return _page(request, deed, me, by, ways, reason=reason, error=error)
    account.end_certificate(me.customer_id, deed.serial, reason, acting=acting, world=world)
    response = shown_out(request, me, deed.view.id, why="revoked")
    if response is None:
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


def _fields(
    request: HttpRequest, way: Way | None, blank: Mapping[str, tuple[str, ...]], reason: str
) -> list[Control]:
    locale = reader_locale()
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
    if way is not None and way.typed:
        fields.append(pin_control("me.revoke.pin", "me.revoke.pin_help", way.name, blank.get("pin", ())))
    return fields


def _page(
    request: HttpRequest,
    deed: Deed,
    me: SessionView,
    by: Product | None,
    ways: list[Product],
    *,
    blank: Mapping[str, tuple[str, ...]] | None = None,
    reason: str = "",
    error: DojangError | None = None,
) -> HttpResponse:
    blank = blank or {}
    refusal = refuse_in_form(error) if error else None
    way = None
    if by is not None:
        way = way_of(request, by, request.path, purpose=_purpose(deed), customer_id=me.customer_id)
    fields = _fields(request, way, blank, reason)
    is_locked = isinstance(error, LoginLockedError | PatternLockedError)
    context: dict[str, Any] = {
        "place": "mine",
        "tab": "certificates",
        "deed": deed,
        "way": way,
        "others": [product for product in ways if product is not by],
        "fields": fields,
        "view": {"summary": summary_of(fields, [refusal.sentence] if refusal else [])},
        "again": way.reissue if way is not None and is_locked else "",
    }
    response = show(request, "web/me/revoke.html", context, status=form_status(refusal, *blank.values()))
    keep_secret(request, response, way)
    return response
