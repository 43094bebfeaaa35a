"""Refusals that no door words by itself: the sandbox's pages, and a method an interface does not have."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from dojang.edge.errors import MethodNotAllowedError, UnforeseenError
from dojang.edge.problems import problem
from dojang.edge.refusals import refuse, typed

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

#: Beginnings of the addresses that programs ask.
MACHINES: Final = ("/api/", "/sandbox/api/")


class RefusalMiddleware:
    """Give every refusal the status, the sentence and the line in the log that all doors give it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer as what is behind does; a bare 405 to a program gets its problem details."""
        response = self.get_response(request)
        is_bare = response.status_code == HTTPStatus.METHOD_NOT_ALLOWED and request.path.startswith(MACHINES)
        if not is_bare or response.headers.get("Content-Type") == "application/problem+json":
            return response
        told = problem(request, MethodNotAllowedError())
        told.headers["Allow"] = response.headers.get("Allow", "")
        return told

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Turn what a page of the sandbox foresees into a page; leave the rest to the handler of 500."""
        if not request.path.startswith("/sandbox/") or isinstance(typed(exception), UnforeseenError):
            return None
        from dojang.sandbox.pages import show  # there is no sandbox where the bank is a real one

        refusal = refuse(exception)
        return show(request, "sandbox/wrong.html", {"text": refusal.sentence}, status=refusal.status)
