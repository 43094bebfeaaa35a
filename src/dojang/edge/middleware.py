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
#: Who draws a refused page, by the beginning of its address: (request, sentence, status). A place that has no
#: words of its own for it is entered when it is mounted.
PAGES: Final[dict[str, Callable[[HttpRequest, str, int], HttpResponse]]] = {}


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
        """Turn what is foreseen into a page of that place; leave the rest to the handler of 500."""
        draw = next((page for place, page in PAGES.items() if request.path.startswith(place)), None)
        if draw is None or isinstance(typed(exception), UnforeseenError):
            return None
        refusal = refuse(exception)
        return draw(request, refusal.sentence, refusal.status)
