"""What a door refuses before any room is asked: a framework's bare status, with a code and a sentence."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from dojang.pki.errors import DojangError

if TYPE_CHECKING:
    from collections.abc import Mapping


class RequestMalformedError(DojangError):
    """The request does not have the form this door reads."""

    code = "request_malformed"


class CsrfError(DojangError):
    """The form did not come from a page of ours, or cookies are off."""

    code = "csrf"


class ForbiddenError(DojangError):
    """Whoever asks may not do this."""

    code = "forbidden"


class NotFoundError(DojangError):
    """There is nothing at this address."""

    code = "not_found"


class MethodNotAllowedError(DojangError):
    """The address is right, the method is not."""

    code = "method_not_allowed"


class RequestTooLargeError(DojangError):
    """More was sent than any door reads."""

    code = "request_too_large"


class DatabaseAwayError(DojangError):
    """The database was cut off, is starting again or overdue; the request may be repeated."""

    code = "database_unreachable"


class UnforeseenError(DojangError):
    """Nobody thought of this: our fault."""

    code = "internal"


_BARE: Final[Mapping[int, type[DojangError]]] = {
    HTTPStatus.FORBIDDEN: ForbiddenError,
    HTTPStatus.NOT_FOUND: NotFoundError,
    HTTPStatus.METHOD_NOT_ALLOWED: MethodNotAllowedError,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: RequestTooLargeError,
}


def error_of(status: int) -> DojangError:
    """Name a refusal that only has a status."""
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return UnforeseenError()
    return _BARE.get(status, RequestMalformedError)()
