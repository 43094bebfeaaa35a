"""The edge where errors become HTML: one table of statuses, one page with a sentence and a way out."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING

from django.http import HttpResponse, JsonResponse

from dojang.web.shell import show
from dojang.web.wording import knows, phrase, reader_locale

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest

    from dojang.pki.errors import DojangError

log = logging.getLogger("dojang.web")

#: Status by error code; any other typed error is the visitor's to mend (400).
STATUS: Mapping[str, HTTPStatus] = {
    **dict.fromkeys(("run_not_found", "journey_not_found", "certificate_not_found"), HTTPStatus.NOT_FOUND),
    "too_many_requests": HTTPStatus.TOO_MANY_REQUESTS,
    **dict.fromkeys(
        ("stale_revision", "step_mismatch", "action_unknown", "order_busy", "run_moved"),
        HTTPStatus.CONFLICT,
    ),
    **dict.fromkeys(
        (
            "audit_unwritten",
            "authority_missing",
            "corebank_unavailable",
            "database_behind",
            "database_unreachable",
            "mail_unavailable",
            "outside_unavailable",
            "push_unavailable",
            "service_closed",
            "signer_busy",
            "signer_error",
            "signer_halted",
            "signer_unavailable",
            "sms_unavailable",
            "status_unavailable",
            "telephony_unavailable",
            "vault_locked",
        ),
        HTTPStatus.SERVICE_UNAVAILABLE,
    ),
    **dict.fromkeys(
        (
            "internal",
            "intent_void",
            "order_conflict",
            "profile_broken",
            "seal_broken",
            "sealed_mismatch",
            "serial_used",
            "theme_broken",
            "wallet_key_mismatch",
        ),
        HTTPStatus.INTERNAL_SERVER_ERROR,
    ),
}
_OWN = {400, 403, 404, 405, 409, 429, 500, 503}
_MACHINES = ("/api/", "/sandbox/api/")


def status_of(error: DojangError) -> HTTPStatus:
    """Return the HTTP status of a typed error."""
    return STATUS.get(error.code, HTTPStatus.BAD_REQUEST)


def error_page(request: HttpRequest, status: int, *, sentence: str = "", code: str = "") -> HttpResponse:
    """Show an error with its sentence and the ways out, in the reader's language."""
    if request.path.startswith(_MACHINES):
        body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": int(status)}
        return JsonResponse(body, status=status, content_type="application/problem+json")
    name = str(int(status)) if int(status) in _OWN else "400"
    context = {"number": int(status), "name": name, "sentence": sentence, "code": code}
    return show(request, "web/error.html", context, status=status)


def typed_error_page(request: HttpRequest, error: DojangError) -> HttpResponse:
    """Show a typed error: its own sentence when it has one, the status's otherwise."""
    status, locale = status_of(error), reader_locale()
    sentence = ""
    if status < HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.SERVICE_UNAVAILABLE:
        try:
            sentence = phrase(error.message_id, locale, error.data) if knows(error.message_id, locale) else ""
        except (KeyError, IndexError):
            sentence = ""
    else:
        log.error("request failed", extra={"code": error.code})
    return error_page(request, status, sentence=sentence, code=error.code)


def database_away_page(request: HttpRequest, error: Exception) -> HttpResponse:
    """503: the database was cut off, is starting again or overdue; the request may be repeated."""
    log.error("the database does not answer", extra={"error": type(error).__name__})
    sentence = phrase("error.database_unreachable", reader_locale())
    return error_page(request, HTTPStatus.SERVICE_UNAVAILABLE, sentence=sentence, code="database_unreachable")


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001 - Django's
    """400: the request made no sense."""
    return error_page(request, HTTPStatus.BAD_REQUEST)


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001
    """403: not allowed."""
    return error_page(request, HTTPStatus.FORBIDDEN)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001
    """404: nothing here."""
    return error_page(request, HTTPStatus.NOT_FOUND)


def server_error(request: HttpRequest) -> HttpResponse:
    """500: our fault."""
    return error_page(request, HTTPStatus.INTERNAL_SERVER_ERROR)


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001 - Django's
    """403: the form did not come from our page, or cookies are off."""
    sentence = phrase("web.error.csrf", reader_locale())
    return error_page(request, HTTPStatus.FORBIDDEN, sentence=sentence, code="csrf")
