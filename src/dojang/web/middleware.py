"""The web's own middleware: language by address, typed errors as pages, no caching of what is personal."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from django.conf import settings
from django.http import HttpResponseRedirect
from django.utils.cache import patch_vary_headers

from dojang.edge.wording import LOCALES
from dojang.web.errors import error_page, is_foreseen, method_not_allowed

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

YEAR = 31_536_000
_ELSEWHERE = ("/api/", "/sandbox/", "/static/")


def set_language(request: HttpRequest, response: HttpResponse, locale: str) -> None:
    """Remember the reader's language in a cookie."""
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        locale,
        max_age=YEAR,
        path="/",
        samesite="Lax",
        secure=request.is_secure(),
    )


class WebMiddleware:
    """Sits innermost, so that language, CSRF and the World are known when a page is made."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer ``?lang=`` by a cookie and a redirect; give bare refusals a face."""
        if request.path.startswith(_ELSEWHERE):
            return self.get_response(request)
        wanted = request.GET.get("lang")
        if request.method in {"GET", "HEAD"} and wanted in LOCALES:
            query = request.GET.copy()
            del query["lang"]
            rest = query.urlencode()
            path = "/" + request.path.lstrip("/")  # two slashes would lead to another host
            redirect = HttpResponseRedirect(f"{path}?{rest}" if rest else path)
            set_language(request, redirect, wanted)
            return redirect
        response = self.get_response(request)
        if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED and not response.content:
            response = method_not_allowed(request, response.headers.get("Allow", ""))
        if response.headers.get("Content-Type", "").startswith("text/html"):
            patch_vary_headers(response, ["Cookie", "Accept-Language"])
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Turn what is foreseen into its page; leave the rest to the handler of 500."""
        if request.path.startswith(_ELSEWHERE) or not is_foreseen(exception):
            return None
        return error_page(request, exception)
