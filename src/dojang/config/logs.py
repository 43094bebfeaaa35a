"""Logs as JSON lines on standard error, with anything that looks like a personal number masked."""

from __future__ import annotations

import json
import logging
import re
from contextvars import ContextVar
from datetime import UTC, datetime

#: Id of the request being answered, for every line written meanwhile.
REQUEST: ContextVar[str] = ContextVar("request", default="")
#: An RRN (6-7 digits), a mobile number, and any longer run of digits with or without dashes (accounts).
#: Korean particles stand right behind a number: only ASCII letters around it make it part of an identifier.
_PERSONAL = re.compile(
    r"(?<![A-Za-z0-9_.-])"
    r"(?:\d{6}-?[0-9]\d{6}|01[016789][- .]?\d{3,4}[- .]?\d{4}|\d{2,6}(?:-\d{2,7}){2,3}|\d{9,})"
    r"(?![A-Za-z0-9_-])"
)
#: Dates have the shape of an account number but say nothing about anybody.
_DATE = re.compile(r"(?:19|20)\d{2}-\d{2}-\d{2}")


def mask(text: str) -> str:
    """Replace runs that look like an RRN, an account or a telephone number by ``[masked]``.

    >>> mask("call 010-1234-5678 now")
    'call [masked] now'
    """
    return _PERSONAL.sub(lambda found: found[0] if _DATE.fullmatch(found[0]) else "[masked]", text)


class MaskingFilter(logging.Filter):
    """Mask the finished message, so that arguments are covered too."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record in place; never drop it."""
        record.msg = mask(record.getMessage())
        record.args = None
        return True


#: What the library itself puts on a record; anything else was given by the caller.
_OWN = frozenset(vars(logging.LogRecord("", 0, "", 0, "", (), None))) | {"message", "asctime", "request_id"}


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time (UTC), level, logger, message, request, the caller's extras, the trace."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line. Traces are masked as well: an exception may quote what was typed."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        request_id = getattr(record, "request_id", None) or REQUEST.get()
        if request_id:
            line["request"] = str(request_id)
        for name, value in vars(record).items():
            if name not in _OWN and isinstance(value, str | int | float | bool):
                line.setdefault(name, mask(value) if isinstance(value, str) else value)
        if record.exc_info:
            line["trace"] = mask(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)
