"""Middleware of the whole house: a request id, the built assets, the World."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING

from django.conf import settings

from dojang.config import wiring
from dojang.config.logs import REQUEST

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


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
