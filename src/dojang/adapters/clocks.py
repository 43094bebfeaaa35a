"""Clocks: the system's, and the system's moved by an offset kept in a file (the sandbox's time machine)."""

from __future__ import annotations

import json
import os
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from dojang.pki.errors import IndeterminateError

if TYPE_CHECKING:
    from pathlib import Path

#: A clock moved further than this is a broken file, not a wish (a hundred years).
_FURTHEST = 100 * 366 * 86_400


class SystemClock:
    """The operating system's clock."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        return datetime.now(UTC)


class FileClock:
    """The system's clock plus ``offset_seconds`` of a small JSON file: ``{"offset_seconds": 86400}``.

    The file is looked at (one ``stat``) on every call and read again only when it was replaced. An absent
    file means no offset. Raises `IndeterminateError` when the file cannot be understood: a clock that is
    not known must not be guessed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._name = os.fspath(path)
        self._lock = threading.Lock()
        self._seen: tuple[int, int, int] | None = None
        self._offset = timedelta(0)

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC, the offset included."""
        return datetime.now(UTC) + self.offset()

    def offset(self) -> timedelta:
        """Return by how much this clock is ahead of the system's."""
        try:
            found = os.stat(self._name)  # noqa: PTH116 - the quickest way; called for every reading
        except FileNotFoundError:
            return timedelta(0)
        except OSError as failure:
            raise IndeterminateError("the clock file cannot be read") from failure
        mark = (found.st_mtime_ns, found.st_ino, found.st_size)
        if mark == self._seen:
            return self._offset
        with self._lock:
            self._offset = self._read()
            self._seen = mark
            return self._offset

    def _read(self) -> timedelta:
        try:
            seconds = json.loads(self._path.read_bytes())["offset_seconds"]
        except FileNotFoundError:
            return timedelta(0)
        except (OSError, ValueError, KeyError, TypeError) as failure:
            raise IndeterminateError("the clock file cannot be understood") from failure
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or abs(seconds) > _FURTHEST:
            raise IndeterminateError("the clock file holds no usable offset")
        return timedelta(seconds=seconds)
