"""Lifting one's own locks: what strangers (or oneself) locked opens with a certificate proven once more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import Http404
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from dojang.account import actions as account
from dojang.account.errors import LoginLockedError, PatternLockedError
from dojang.account.proving.actions import prove_again
from dojang.edge.refusals import refuse_in_form
from dojang.edge.visitor import acting_of, world_of
from dojang.edge.wording import phrase, reader_locale
from dojang.pki.errors import DojangError
from dojang.web.asking import form_status, summary_of
from dojang.web.me import ASKED, SESSION, logged_in, see_other, set_cookie
from dojang.web.proving import answer_of, keep_secret, pin_control, pin_mistakes, way_of
from dojang.web.shell import show
from dojang.web.views.revoking import ways_of

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from dojang.account.sessions.access import SessionView
    from dojang.journeys.product import Product


def _purpose(factor: str) -> str:
    """Name what a proof is for: this lock, and nothing else."""
    return f"unlock:{factor}"


def _named(factor: str) -> str:
    return phrase(f"notice.factor.{factor}", reader_locale())


@require_GET
@logged_in
def locks(request: HttpRequest, me: SessionView) -> HttpResponse:
    """List what is locked, and who can open it."""
    found = account.locks_of(me.customer_id, world=world_of(request))
    rows = [{"factor": lock.factor, "name": _named(lock.factor), "own": lock.is_own} for lock in found]
    context = {"place": "mine", "tab": "locks", "rows": rows, "lifted": request.GET.get("said") == "lifted"}
    return show(request, "web/me/locks.html", context)


@sensitive_post_parameters("pin")
@require_http_methods(["GET", "HEAD", "POST"])
@logged_in
def unlock(request: HttpRequest, factor: str, me: SessionView) -> HttpResponse:
    """Lift one lock, a certificate in use proven once more. Never locked itself: it is the way back."""
    world = world_of(request)
    found = {lock.factor: lock for lock in account.locks_of(me.customer_id, world=world)}
    if factor not in found:
        return see_other("/me/locks/")
    if not found[factor].is_own:
        raise Http404
    ways = ways_of(request, me)
    wanted = request.POST.get("by", "") or request.GET.get("by", "")
    by = next((product for product in ways if product.id == wanted), next(iter(ways), None))
    if request.method != "POST" or by is None:
        return _page(request, factor, me, by, ways)
    answer = answer_of(request)
    mistakes = pin_mistakes(answer.pin) if by.unlock == "pin" else ()
    if mistakes:
        return _page(request, factor, me, by, ways, mistakes=mistakes)
    acting = acting_of(request, customer_id=me.customer_id)
    try:
        token = prove_again(me, by, answer, purpose=_purpose(factor), acting=acting, world=world)
    except DojangError as error:
        return _page(request, factor, me, by, ways, error=error)
    account.lift_lock(me.customer_id, factor, acting=acting, world=world)
    response = see_other("/me/locks/?said=lifted")
    set_cookie(request, response, SESSION, token)
    set_cookie(request, response, ASKED, "")
    return response


def _page(
    request: HttpRequest,
    factor: str,
    me: SessionView,
    by: Product | None,
    ways: list[Product],
    *,
    mistakes: tuple[str, ...] = (),
    error: DojangError | None = None,
) -> HttpResponse:
    refusal = refuse_in_form(error) if error else None
    way = None
    if by is not None:
        way = way_of(request, by, request.path, purpose=_purpose(factor), customer_id=me.customer_id)
    fields = []
    if way is not None and way.typed:
        fields = [pin_control("me.revoke.pin", "me.revoke.pin_help", way.name, mistakes)]
    is_locked = isinstance(error, LoginLockedError | PatternLockedError)
    context: dict[str, Any] = {
        "place": "mine",
        "tab": "locks",
        "factor": factor,
        "named": _named(factor),
        "way": way,
        "others": [product for product in ways if product is not by],
        "fields": fields,
        "view": {"summary": summary_of(fields, [refusal.sentence] if refusal else [])},
        "again": way.reissue if way is not None and is_locked else "",
    }
    response = show(request, "web/me/unlock.html", context, status=form_status(refusal, mistakes))
    keep_secret(request, response, way)
    return response
