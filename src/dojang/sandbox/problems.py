"""How the sandbox's JSON fails: problem details (RFC 9457) for every typed error."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja.errors import HttpError, ValidationError

from dojang.pki.errors import DojangError
from dojang.ports.errors import PortError
from dojang.products.messages import render
from dojang.sandbox.wording import reader_locale

if TYPE_CHECKING:
    from ninja import NinjaAPI

log = logging.getLogger("dojang.sandbox")

STATUS = {
    "sandbox_off": HTTPStatus.NOT_FOUND,
    "person_unknown": HTTPStatus.NOT_FOUND,
    "medium_unknown": HTTPStatus.NOT_FOUND,
    "call_unknown": HTTPStatus.NOT_FOUND,
    "call_state": HTTPStatus.CONFLICT,
    "clock_move": HTTPStatus.CONFLICT,
}


def problem(
    status: HTTPStatus, code: str, data: dict[str, Any] | None = None, **extension: Any
) -> HttpResponse:
    """Answer with problem details in the reader's language."""
    body = {
        "type": f"/sandbox/api/docs#{code}",
        "title": status.phrase,
        "status": int(status),
        "detail": render(f"error.{code}", reader_locale(), **(data or {})),
        "code": code,
        **extension,
    }
    response = JsonResponse(body, status=status, json_dumps_params={"ensure_ascii": False})
    response["Content-Type"] = "application/problem+json"
    return response


def install(api: NinjaAPI) -> None:
    """Teach an interface every way a request can fail."""

    @api.exception_handler(DojangError)
    def typed(_request: HttpRequest, error: DojangError) -> HttpResponse:
        status = STATUS.get(error.code)
        if status is None:
            outside = isinstance(error, PortError)
            status = HTTPStatus.SERVICE_UNAVAILABLE if outside else HTTPStatus.BAD_REQUEST
        return problem(status, error.code, error.data)

    @api.exception_handler(ValidationError)
    def malformed(_request: HttpRequest, error: ValidationError) -> HttpResponse:
        errors = [
            {"where": [str(part) for part in item.get("loc", ())], "rule": str(item.get("type", ""))}
            for item in error.errors
        ]
        return problem(HTTPStatus.BAD_REQUEST, "request_malformed", errors=errors)

    @api.exception_handler(HttpError)
    def plain(_request: HttpRequest, error: HttpError) -> HttpResponse:
        status = HTTPStatus(error.status_code)
        codes = {
            HTTPStatus.NOT_FOUND: "not_found",
            HTTPStatus.METHOD_NOT_ALLOWED: "method_not_allowed",
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "request_too_large",
        }
        return problem(status, codes.get(status, "request_malformed"))

    @api.exception_handler(RequestDataTooBig)
    def too_large(_request: HttpRequest, _error: Exception) -> HttpResponse:
        return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "request_too_large")

    @api.exception_handler(Exception)
    def unforeseen(_request: HttpRequest, error: Exception) -> HttpResponse:
        log.error("unforeseen failure", extra={"error": type(error).__name__}, exc_info=error)
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal")
