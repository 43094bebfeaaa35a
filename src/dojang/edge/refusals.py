"""One refusal, whatever the door: its status, its code, its sentence, and one line in the log.

What is ours to mend (500) is told in the common sentence, never in the error's own: that one is for whoever
runs the centre, and stands in the log by its code. The text of an exception goes nowhere.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from django.core.exceptions import BadRequest, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404

from dojang.edge.errors import (
    DatabaseAwayError,
    ForbiddenError,
    NotFoundError,
    RequestMalformedError,
    RequestTooLargeError,
    UnforeseenError,
)
from dojang.edge.statuses import level_of, status_of
from dojang.edge.wording import phrase, reader_locale
from dojang.pki.errors import DojangError

if TYPE_CHECKING:
    from collections.abc import Mapping

log = logging.getLogger("dojang.edge")
#: Lines are bounded by the name of who says them: what visitors cause must not hold back what is ours.
visitors = logging.getLogger("dojang.edge.visitors")

#: What a form says beside its fields; everything else takes its place.
_IN_FORMS: Final = frozenset(
    {HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.TOO_MANY_REQUESTS}
)
#: What frameworks raise on purpose. All else is unforeseen.
_FOREIGN: Final[Mapping[type[Exception], type[DojangError]]] = {
    OperationalError: DatabaseAwayError,
    InterfaceError: DatabaseAwayError,
    Http404: NotFoundError,
    PermissionDenied: ForbiddenError,
    RequestDataTooBig: RequestTooLargeError,
    SuspiciousOperation: RequestMalformedError,
    BadRequest: RequestMalformedError,
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a door answers."""

    status: HTTPStatus
    code: str
    sentence: str


def typed(error: Exception) -> DojangError:
    """Return any exception as an error of ours."""
    if isinstance(error, DojangError):
        return error
    kinds = (kind for foreign, kind in _FOREIGN.items() if isinstance(error, foreign))
    return next(kinds, UnforeseenError)()


def refuse(error: Exception) -> Refusal:
    """Say what a door answers to an error, and write one line about it."""
    own = typed(error)
    status = status_of(own)
    level = level_of(status)
    (log if level >= logging.ERROR else visitors).log(
        level,
        "refused",
        extra={"code": own.code, "status": int(status), "error": type(error).__name__},
        # The trace of what nobody thought of: its class alone would not find it.
        exc_info=error if isinstance(own, UnforeseenError) else None,
    )
    return Refusal(status, own.code, sentence_of(own))


def refuse_in_form(error: DojangError) -> Refusal:
    """Say what a form answers; raise the error again when it is none that a form can say."""
    if status_of(error) not in _IN_FORMS:
        raise error
    return refuse(error)


def sentence_of(error: DojangError) -> str:
    """Return what a visitor reads, in the reader's language."""
    locale = reader_locale()
    try:
        return phrase(error.message_id, locale, error.data)
    except (KeyError, IndexError):  # no sentence, or a figure of it is missing
        log.error("an error has no sentence", extra={"code": error.code})  # noqa: TRY400 - nothing to trace
    return phrase("error.internal", locale)
