"""The edge where typed errors become HTTP: one table of statuses, one shape (RFC 9457)."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja.errors import HttpError, ValidationError

from dojang.api.rendering import page_json, reader_language
from dojang.journeys.page import Page
from dojang.pki.errors import DojangError
from dojang.products.messages import render

if TYPE_CHECKING:
    from ninja import NinjaAPI

log = logging.getLogger("dojang.api")

#: Status by error code; every other typed error is the caller's to mend (400).
STATUS: dict[str, HTTPStatus] = {
    "run_not_found": HTTPStatus.NOT_FOUND,
    "journey_not_found": HTTPStatus.NOT_FOUND,
    "stale_revision": HTTPStatus.CONFLICT,
    "step_mismatch": HTTPStatus.CONFLICT,
    "action_unknown": HTTPStatus.CONFLICT,
    "run_moved": HTTPStatus.CONFLICT,
    "order_busy": HTTPStatus.CONFLICT,
    "service_closed": HTTPStatus.SERVICE_UNAVAILABLE,
    "too_many_requests": HTTPStatus.TOO_MANY_REQUESTS,
    **dict.fromkeys(
        (
            "audit_unwritten",
            "authority_missing",
            "corebank_unavailable",
            "database_unreachable",
            "mail_unavailable",
            "outside_unavailable",
            "push_unavailable",
            "signer_busy",
            "signer_error",
            "signer_halted",
            "signer_unavailable",
            "sms_unavailable",
            "telephony_unavailable",
        ),
        HTTPStatus.SERVICE_UNAVAILABLE,
    ),
    "internal": HTTPStatus.INTERNAL_SERVER_ERROR,
}


def problem(
    request: HttpRequest,
    *,
    status: int,
    code: str,
    data: dict[str, Any] | None = None,
    **extension: Any,
) -> HttpResponse:
    """Answer with problem details in the reader's language."""
    locale = reader_language(request)
    try:
        detail = render(f"error.{code}", locale, **(data or {}))
    except (KeyError, IndexError):
        detail = render("error.internal", locale)
    body = {
        "type": f"/api/v1/errors#{code}",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "detail": detail,
        "code": code,
        **extension,
    }
    response = JsonResponse(body, status=status, json_dumps_params={"ensure_ascii": False})
    response["Content-Type"] = "application/problem+json"
    response["Cache-Control"] = "no-store"
    return response


def install(api: NinjaAPI) -> None:
    """Teach the interface every way a request can fail."""

    @api.exception_handler(DojangError)
    def typed(request: HttpRequest, error: DojangError) -> HttpResponse:
        status = STATUS.get(error.code, HTTPStatus.BAD_REQUEST)
        data = dict(error.data)
        page = data.pop("page", None)
        extension: dict[str, Any] = {}
        if isinstance(page, Page):
            extension["page"] = page_json(page, reader_language(request))
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            log.error("request failed", extra={"code": error.code})
        return problem(request, status=status, code=error.code, data=data, **extension)

    @api.exception_handler(ValidationError)
    def invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
        # What was sent is left out: it may hold a secret.
        errors = [
            {"where": [str(part) for part in item.get("loc", ())], "rule": str(item.get("type", ""))}
            for item in error.errors
        ]
        return problem(request, status=HTTPStatus.BAD_REQUEST, code="request_malformed", errors=errors)

    @api.exception_handler(HttpError)
    def plain_http(request: HttpRequest, error: HttpError) -> HttpResponse:
        status = error.status_code
        return problem(request, status=status, code=code_of_status(status))

    @api.exception_handler(RequestDataTooBig)
    def too_large(request: HttpRequest, error: Exception) -> HttpResponse:
        del error  # it counts octets, and says nothing more
        status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        return problem(request, status=status, code=code_of_status(status))

    @api.exception_handler(OperationalError)
    @api.exception_handler(InterfaceError)
    def away(request: HttpRequest, error: Exception) -> HttpResponse:
        # Cut off, restarting or overdue. What was done of this request is not known; a repeat is harmless.
        log.error("the database does not answer", extra={"error": type(error).__name__})
        return problem(request, status=HTTPStatus.SERVICE_UNAVAILABLE, code="database_unreachable")

    @api.exception_handler(Exception)
    def unforeseen(request: HttpRequest, error: Exception) -> HttpResponse:
        # The class is enough to find it; the text of a foreign exception may hold anything.
        log.error("unforeseen failure", extra={"error": type(error).__name__}, exc_info=error)
        return problem(request, status=HTTPStatus.INTERNAL_SERVER_ERROR, code="internal")


def code_of_status(status: int) -> str:
    """Error code of a failure that only has a status."""
    return {
        HTTPStatus.BAD_REQUEST: "request_malformed",
        HTTPStatus.NOT_FOUND: "not_found",
        HTTPStatus.METHOD_NOT_ALLOWED: "method_not_allowed",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "request_too_large",
    }.get(HTTPStatus(status), "request_malformed")
