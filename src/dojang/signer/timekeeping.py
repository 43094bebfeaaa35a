"""The signer's distrust of its clock: it must not go back behind the journal, nor leap.

Two things may legitimately separate two readings: real time, which the kernel's boot-time clock measures
independently, and somebody moving the movable clock (its offset changes, which is journaled). Whatever else
moves the clock by more than `max_leap` seconds is a fault: every signing verb is refused until the clock is
right again or an operator acknowledges it with `resume`. Across a restart there is no independent measure:
there a standstill longer than `max_absence` seconds needs the same acknowledgement. No acknowledgement lets
the clock run behind the journal: nothing is ever back-dated.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from dojang.pki.errors import IndeterminateError
from dojang.ports.signer_errors import ClockError, ClockLeaptError
from dojang.signer.store import Stamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from dojang.ports.clock import Clock

#: How far behind the last entry a reading may be: transactions of concurrent requests overlap.
TOLERANCE = timedelta(seconds=1)


def _boot_seconds() -> float:
    """Return seconds since boot, suspended time included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class TimeKeeper:
    """Judges every reading of `clock`. A clock with an ``offset()`` may be moved by that offset.

    `elapsed` is the independent measure of time: seconds, never stepped.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        max_leap: float = 60.0,
        max_absence: float = 31 * 86_400.0,
        elapsed: Callable[[], float] = _boot_seconds,
    ) -> None:
        self._clock = clock
        self._max_leap = timedelta(seconds=max_leap)
        self._max_absence = timedelta(seconds=max_absence)
        self._elapsed = elapsed
        self._lock = threading.Lock()
        self._last: datetime | None = None  # the highest trusted time
        self._offset = timedelta(0)  # as of the last transaction
        self._base: tuple[datetime, float] | None = None  # system time and boot time that belong together

    def remember(self, last: datetime | None, offset: timedelta) -> None:
        """Start from what the journal knows: its last trusted time and the clock's offset then."""
        with self._lock:
            self._last, self._offset = last, offset

    def check(self) -> datetime:
        """Return the present moment. Raises `ClockError` or `ClockLeaptError` when it cannot be trusted."""
        with self._lock:
            return self._check()[0]

    def acknowledge(self) -> None:
        """Take the present reading as the new start: an operator says that it is right."""
        with self._lock:
            now, offset = self._read()
            self._base = (now - offset, self._elapsed())

    def stamp(self) -> Stamp:
        """Return the time for a transaction. Never raises: what cannot be trusted is marked."""
        with self._lock:
            try:
                now, offset = self._check()
            except ClockError:
                return Stamp(at=self._doubtful(), trusted=False)
            # Never before the last entry: within the tolerance, the entry takes the last one's time.
            self._last = now if self._last is None else max(now, self._last)
            moved = offset != self._offset
            self._offset = offset
            return Stamp(
                at=self._last.isoformat(timespec="microseconds"),
                trusted=True,
                moved_to=offset.total_seconds() if moved else None,
            )

    def _check(self) -> tuple[datetime, timedelta]:
        now, offset = self._read()
        if self._last is not None and now < self._last - TOLERANCE:
            behind = self._last - now
            raise ClockError("the clock is behind the journal", behind=int(behind.total_seconds()))
        # An offset is a wish, not a fault: only the time beneath it is compared.
        system, elapsed = now - offset, self._elapsed()
        if self._base is None:
            if self._last is not None:
                idle = system - (self._last - self._offset)
                if idle > self._max_absence:
                    raise ClockLeaptError("the clock leapt", by=int(idle.total_seconds()))
            self._base = (system, elapsed)
            return now, offset
        drift = (system - self._base[0]) - timedelta(seconds=elapsed - self._base[1])
        if drift > self._max_leap:
            raise ClockLeaptError("the clock leapt", by=int(drift.total_seconds()))
        if drift < -self._max_leap:
            raise ClockError("the clock went back", behind=int(-drift.total_seconds()))
        return now, offset

    def _read(self) -> tuple[datetime, timedelta]:
        """Return one reading and the offset that is in it."""
        offset_of: Callable[[], timedelta] | None = getattr(self._clock, "offset", None)
        try:
            if offset_of is None:
                return self._clock.now(), timedelta(0)
            while True:
                before, now = offset_of(), self._clock.now()
                if offset_of() == before:
                    return now, before
        except IndeterminateError:
            raise ClockError("the clock cannot be read") from None

    def _doubtful(self) -> str:
        try:
            return self._read()[0].isoformat(timespec="microseconds")
        except ClockError:
            return (self._last or datetime.fromtimestamp(0, UTC)).isoformat(timespec="microseconds")
