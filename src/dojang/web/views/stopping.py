"""Stopping a re-issue that waits: by the link of a mail, without logging in, or at `/me/`."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.views.decorators.http import require_http_methods, require_POST

from dojang.edge.refusals import refuse
from dojang.edge.visitor import acting_of, world_of
from dojang.edge.wording import phrase, reader_locale, write_moment
from dojang.issuing.actions import stop_reissue, waiting_by_link
from dojang.issuing.errors import NothingWaitsError
from dojang.web.me import logged_in, see_other
from dojang.web.shell import show

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from dojang.account.sessions.access import SessionView


@require_http_methods(["GET", "HEAD", "POST"])
def by_link(request: HttpRequest, order: str, tag: str) -> HttpResponse:
    """Show what waits and one button; POST stops it. Whoever has the link may: it only makes things safer."""
    world, locale = world_of(request), reader_locale()
    status = HTTPStatus.OK
    context: dict[str, Any] = {"place": "mine"}
    try:
        view = waiting_by_link(order, tag, world=world)
        assert view.waits_until is not None
        name = phrase(f"product.{view.product}.named", locale)
        context |= {
            "title": phrase("me.waiting.title", locale, {"product": name}),
            "until": write_moment(view.waits_until, locale),
        }
        if request.method == "POST":
            stop_reissue(order, customer_id=view.customer_id, acting=acting_of(request), world=world)
            context |= {"title": phrase("me.waiting.stopped_title", locale), "stopped": True}
    except NothingWaitsError as error:
        refusal = refuse(error)
        context |= {"title": refusal.sentence, "gone": True}
        status = refusal.status
    response = show(request, "web/stop_reissue.html", context, status=status)
    response["Cache-Control"] = "no-store"
    # The link stays here; without any referrer the form would have no origin, and be refused.
    response["Referrer-Policy"] = "same-origin"
    return response


@require_POST
@logged_in
def mine(request: HttpRequest, order: str, me: SessionView) -> HttpResponse:
    """Stop one of one's own; one that waits no more is left as it is."""
    acting = acting_of(request, customer_id=me.customer_id)
    try:
        stop_reissue(order, customer_id=me.customer_id, acting=acting, world=world_of(request))
    except NothingWaitsError as error:
        refuse(error)
        return see_other("/me/")
    return see_other("/me/?said=reissue_stopped")
