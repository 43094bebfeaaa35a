"""The movable clock: the machine's clock plus an offset in a file, forward only.

Own reader rather than `dojang.adapters.clocks` because adapters and sandbox are neighbours that may not
import each other; the file, ``{"offset_seconds": 86400}``, is the whole agreement between them.
"""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from dojang.pki.errors import DojangError, IndeterminateError

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
        """Return how far the simulated country is ahead of the machine.

        Raises `IndeterminateError` when the file cannot be understood: a clock must not be guessed.
        """
        try:
            return timedelta(seconds=int(json.loads(self.path.read_bytes())["offset_seconds"]))
        except FileNotFoundError:
            return timedelta()
        except (OSError, ValueError, KeyError, TypeError) as failure:
            raise IndeterminateError("the clock file cannot be understood") from failure

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
            fresh.write_text(f'{{"offset_seconds": {total}}}\n', encoding="ascii")
            # Readers skip a file whose time stamp they know. Two moves can fall within one tick of the
            # file system, so the stamp is made to say what the file says.
            os.utime(fresh, ns=(total, total))
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
