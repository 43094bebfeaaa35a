"""Logs as JSON lines on standard error, with anything that looks like a personal number masked."""

from __future__ import annotations

import json
import logging
import re
import threading
import time
from collections import Counter
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_LINES = 600  #: of one logger in one minute
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


class FloodFilter(logging.Filter):
    """Let a bounded number of lines through: strangers cause most of them, and the disk is everybody's.

    In each minute a logger may say `MOST_LINES`; the first line of a later minute carries how many were held
    back (`held_back`). What is critical always passes.
    """

    def __init__(self, most: int = MOST_LINES, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._minute = -1
        self._said: Counter[str] = Counter()
        self._held_back: Counter[str] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Count the line."""
        if record.levelno >= logging.CRITICAL:
            return True
        with self._lock:
            minute = int(self._clock() // 60)
            if minute != self._minute:
                self._minute = minute
                self._said.clear()
            self._said[record.name] += 1
            if self._said[record.name] > self._most:
                self._held_back[record.name] += 1
                return False
            held_back = self._held_back.pop(record.name, 0)
        if held_back:
            record.held_back = held_back
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
