"""Refusals as pages of the site: what the edge says, and a way out."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from dojang.edge.errors import CsrfError, MethodNotAllowedError, NotFoundError, UnforeseenError, error_of
from dojang.edge.middleware import MACHINES
from dojang.edge.problems import problem
from dojang.edge.refusals import refuse, typed
from dojang.edge.slowing import asked_by, tell_wait
from dojang.web.shell import show

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

#: Statuses with a heading and a way out of their own; any other has those of 400.
_OWN = frozenset({400, 401, 403, 404, 405, 409, 413, 422, 429, 500, 503})


def error_page(request: HttpRequest, error: Exception) -> HttpResponse:
    """Show an error with its sentence and the ways out, in the reader's language; a problem to machines."""
    if request.path.startswith(MACHINES):
        return problem(request, error)
    refusal = refuse(error)
    name = str(int(refusal.status)) if refusal.status in _OWN else "400"
    asked = asked_by(request, typed(error))
    context = {
        "number": int(refusal.status), "name": name, "sentence": refusal.sentence, "work": asked,
    }  # fmt: skip
    response = show(request, "web/error.html", context, status=refusal.status)
    tell_wait(response, asked)
    return response


def is_foreseen(error: Exception) -> bool:
    """Tell whether an exception has a page of its own; the rest is left to the handler of 500."""
    return not isinstance(typed(error), UnforeseenError)


def method_not_allowed(request: HttpRequest, allow: str) -> HttpResponse:
    """405: another method, as `allow` says."""
    response = error_page(request, MethodNotAllowedError())
    response.headers["Allow"] = allow
    return response


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400: the request made no sense."""
    return error_page(request, exception or error_of(HTTPStatus.BAD_REQUEST))


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403: not allowed."""
    return error_page(request, exception or error_of(HTTPStatus.FORBIDDEN))


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404: nothing here."""
    del exception  # it names addresses there are
    return error_page(request, NotFoundError())


def server_error(request: HttpRequest) -> HttpResponse:
    """500: our fault."""
    return error_page(request, UnforeseenError())


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403: the form did not come from our page, or cookies are off."""
    del reason  # for who writes forms
    return error_page(request, CsrfError())
