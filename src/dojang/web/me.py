"""Who is logged in, as the browser knows it: three cookies, and what may be said about the visit."""

from __future__ import annotations

import base64
import re
from functools import wraps
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from django.http import HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme

from dojang.account.errors import SessionMissingError
from dojang.account.sessions.access import access_session
from dojang.edge.visitor import world_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

    from dojang.account.sessions.access import SessionView

SESSION, KNOWN, ASKED = "me", "known", "asked"
_YEAR = 31_536_000


def cookie_name(request: HttpRequest, what: str) -> str:
    """Name of a cookie: host-bound where the connection is encrypted."""
    return f"__Host-dojang_{what}" if request.is_secure() else f"dojang_{what}"


def read_cookie(request: HttpRequest, what: str) -> str:
    """Return a token cookie; anything that cannot be one is empty."""
    value = request.COOKIES.get(cookie_name(request, what), "")
    return value if re.fullmatch(r"[A-Za-z0-9_.-]{1,160}", value) else ""


def set_cookie(
    request: HttpRequest, response: HttpResponse, what: str, value: str, *, lasting: bool = False
) -> None:
    """Set a token cookie that scripts cannot read; empty removes it."""
    response.set_cookie(
        cookie_name(request, what),
        value,
        max_age=0 if not value else (_YEAR if lasting else None),
        path="/",
        httponly=True,
        samesite="Lax",
        secure=request.is_secure(),
    )


def safe_next(request: HttpRequest, fallback: str = "/me/") -> str:
    """Return where to go after logging in: an address of this site, never another."""
    target = request.POST.get("next", "") or request.GET.get("next", "")
    allowed = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return target if allowed and target.startswith("/") else fallback


def session_of(request: HttpRequest) -> SessionView | None:
    """Return who is logged in here, if anybody."""
    try:
        return access_session(read_cookie(request, SESSION), world=world_of(request))
    except SessionMissingError:
        return None


def to_login(request: HttpRequest, *, ended: str = "") -> HttpResponse:
    """Lead to the log-in page, and back afterwards; `ended`: why a session is over, if there was one."""
    back = request.path if request.method in {"GET", "HEAD"} else "/me/"
    told = f"&ended={ended}" if ended else ""
    response = HttpResponseRedirect(f"/login/?next={quote(back)}{told}")
    response.status_code = HTTPStatus.SEE_OTHER
    response["Cache-Control"] = "no-store"
    return response


def logged_in(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Let a view be seen by somebody who is logged in only; it gets the session as `me`."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **more: Any) -> HttpResponse:
        try:
            session = access_session(read_cookie(request, SESSION), world=world_of(request))
        except SessionMissingError as error:
            return to_login(request, ended=str(error.data.get("reason", "")))
        response = view(request, *args, me=session, **more)
        response["Cache-Control"] = "no-store"
        return response

    return guarded


def shown_out(request: HttpRequest, me: SessionView, certificate_id: int, *, why: str) -> HttpResponse | None:
    """Lead out whoever has just ended the certificate they are logged in with; None for any other one.

    Every session that began with it is over, this one too: nothing tells them apart.
    """
    if me.certificate_id != certificate_id:
        return None
    response = see_other(f"/login/?ended={why}")
    set_cookie(request, response, SESSION, "")
    return response


def read_octets(request: HttpRequest, name: str) -> bytes:
    """Read a base64 field of a form; anything else is empty."""
    try:
        return base64.b64decode(request.POST.get(name, ""), validate=True)
    except ValueError:
        return b""


def see_other(path: str) -> HttpResponseRedirect:
    """Redirect after a form."""
    response = HttpResponseRedirect(path)
    response.status_code = HTTPStatus.SEE_OTHER
    response["Cache-Control"] = "no-store"
    return response
