"""How every JSON interface fails: problem details (RFC 9457), the same at each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja.errors import HttpError, ValidationError

from dojang.edge.errors import RequestMalformedError, error_of
from dojang.edge.refusals import refuse, typed
from dojang.edge.rendering import page_json
from dojang.edge.slowing import asked_by, tell_wait
from dojang.journeys.page import Page
from dojang.pki.errors import DojangError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ninja import NinjaAPI

#: Where each interface explains its codes, by the beginning of its addresses.
_EXPLAINED = {"/sandbox/": "/sandbox/api/docs"}


def problem(request: HttpRequest, error: Exception, **extension: Any) -> HttpResponse:
    """Answer an error with problem details in the reader's language."""
    refusal = refuse(error)
    place = next((there for start, there in _EXPLAINED.items() if request.path.startswith(start)), None)
    body = {
        "type": f"{place or '/api/v1/errors'}#{refusal.code}",
        "title": refusal.status.phrase,
        "status": int(refusal.status),
        "detail": refusal.sentence,
        "code": refusal.code,
        **extension,
    }
    asked = asked_by(request, typed(error))
    if asked is not None:
        body["work"] = asked
    response = JsonResponse(body, status=refusal.status, json_dumps_params={"ensure_ascii": False})
    tell_wait(response, asked)
    response["Content-Type"] = "application/problem+json"
    response["Cache-Control"] = "no-store"
    return response


def _bare(status: int) -> Callable[..., HttpResponse]:
    """Make the handler of a bare refusal, for a process without pages."""

    def handler(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
        return problem(request, exception or error_of(status))

    return handler


#: What a process without pages answers where a framework refuses.
bad_request, permission_denied, not_found, server_error = map(_bare, (400, 403, 404, 500))


def install(api: NinjaAPI) -> None:
    """Teach an interface every way a request can fail."""

    @api.exception_handler(DojangError)
    def typed(request: HttpRequest, error: DojangError) -> HttpResponse:
        page = error.data.get("page")
        return problem(request, error, **({"page": page_json(page)} if isinstance(page, Page) else {}))

    @api.exception_handler(ValidationError)
    def invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
        # What was sent is left out: it may hold a secret.
        errors = [
            {"where": [str(part) for part in item.get("loc", ())], "rule": str(item.get("type", ""))}
            for item in error.errors
        ]
        return problem(request, RequestMalformedError(), errors=errors)

    @api.exception_handler(HttpError)
    def plain_http(request: HttpRequest, error: HttpError) -> HttpResponse:
        return problem(request, error_of(error.status_code))

    @api.exception_handler(RequestDataTooBig)
    @api.exception_handler(OperationalError)
    @api.exception_handler(InterfaceError)
    @api.exception_handler(Exception)
    def foreign(request: HttpRequest, error: Exception) -> HttpResponse:
        return problem(request, error)
