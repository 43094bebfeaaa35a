"""Refusals of pages that have no site around them: the sandbox's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dojang.edge.errors import UnforeseenError
from dojang.edge.refusals import refuse, typed
from dojang.sandbox.pages import show

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse


class SandboxRefusals:
    """Give what the simulated country refuses the status and the sentence every door gives it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer as what is behind does."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Turn what is foreseen into a page; leave the rest to the handler of 500."""
        if not request.path.startswith("/sandbox/") or isinstance(typed(exception), UnforeseenError):
            return None
        refusal = refuse(exception)
        return show(request, "sandbox/wrong.html", {"text": refusal.sentence}, status=refusal.status)
