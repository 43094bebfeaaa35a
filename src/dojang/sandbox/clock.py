"""The movable clock: the machine's clock plus an offset in a file, forward only.

Own reader rather than `dojang.adapters.clocks` because adapters and sandbox are neighbours that may not
import each other; the one line in the file is the whole agreement between them.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from dojang.pki.errors import DojangError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MOST_SECONDS = 20 * 366 * 86_400  #: the furthest the clock may run ahead: about twenty years


class ClockMoveError(DojangError):
    """The clock was asked to go back, to stand still, or further ahead than twenty years."""

    code = "clock_move"


class SandboxClock:
    """A clock that people may push forward. Implements `dojang.ports.clock.Clock`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def now(self) -> datetime:
        """Return the present moment of the simulated country, aware, in UTC."""
        return datetime.now(UTC) + self.offset()

    def offset(self) -> timedelta:
        """How far the simulated country is ahead of the machine."""
        try:
            line = self.path.read_text(encoding="ascii")
        except FileNotFoundError:
            return timedelta()
        return timedelta(seconds=int(line))

    def advance(self, seconds: int) -> datetime:
        """Move forward by whole seconds and return the new present.

        Raises `ClockMoveError` for nought, a step back, or a total beyond `MOST_SECONDS`.
        Two movers at once add up: the file is read and replaced under a lock.
        """
        if seconds <= 0:
            raise ClockMoveError("the clock only moves forward", seconds=seconds)
        with self._locked():
            total = int(self.offset().total_seconds()) + seconds
            if total > MOST_SECONDS:
                raise ClockMoveError("the clock is too far ahead", seconds=seconds)
            fresh = self.path.with_name(f"{self.path.name}.new")
            fresh.write_text(f"{total}\n", encoding="ascii")
            fresh.replace(self.path)
        return self.now()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.path.with_name(f"{self.path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)
