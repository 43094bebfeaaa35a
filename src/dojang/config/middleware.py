"""Middleware of the whole house: what no door takes, a request id, the visitor's address, the World."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import Http404

from dojang.config import wiring
from dojang.config.logs import REQUEST

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse, QueryDict

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


_FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})
_NUL = "\0"


class HeadMiddleware:
    """Answer HEAD as GET (RFC 9110 §9.3.2) wherever GET is answered; the server leaves the body out."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Let everything behind see a GET, and the server in front what was asked."""
        if request.method != "HEAD":
            return self.get_response(request)
        request.method = "GET"
        try:
            return self.get_response(request)
        finally:
            request.method = "HEAD"


class NulMiddleware:
    """Refuse the NUL character: nothing here has one in its name, nobody types one, no database keeps it.

    In a path: nothing is there (404). In a query or a form: no request (400). JSON values are judged where
    they are read, by the field they are for.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Look at path and query."""
        if _NUL in request.path:
            raise Http404
        if _has_nul(request.GET):
            raise BadRequest
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: object) -> None:
        """Look at the form, once the guard against forgery has read it."""
        if request.method == "POST" and request.content_type in _FORMS and _has_nul(request.POST):
            raise BadRequest


def _has_nul(form: QueryDict) -> bool:
    return any(_NUL in name or any(_NUL in value for value in values) for name, values in form.lists())


class RequestIdMiddleware:
    """Give each request an id, or keep the caller's if it is well formed, and send it back."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Set ``request.request_id`` and ``X-Request-Id``; forbid caching unless a view decided."""
        given = request.headers.get("X-Request-Id", "")
        name = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        request.request_id = name  # type: ignore[attr-defined]
        told = REQUEST.set(name)
        try:
            response = self.get_response(request)
        finally:
            REQUEST.reset(told)
        response.headers["X-Request-Id"] = name
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        return response


class SourceMiddleware:
    """Find the visitor's address behind proxies of ours (`DOJANG_PROXIES`, 0 by default).

    Each proxy appends the address it was reached from to ``X-Forwarded-For``; only as many entries from the
    right as there are proxies can be believed. Wrong entries are counted by this address, so without the
    setting all visitors behind a proxy would share one budget, and with one too many each could choose.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self._proxies = settings.DOJANG_OPTIONS.proxies

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Replace ``REMOTE_ADDR`` when the header has as many entries as there are proxies."""
        if self._proxies:
            told = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",")]
            if len(told) >= self._proxies and told[-self._proxies]:
                request.META["REMOTE_ADDR"] = told[-self._proxies][:64]
        return self.get_response(request)


class WorldMiddleware:
    """Hand the World to views as ``request.world``."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Attach the process's World, built at the first request if nobody built it before."""
        request.world = wiring.get_world()  # type: ignore[attr-defined]
        return self.get_response(request)
