"""Doing together what waits side by side: the first who comes leads, the others' work is done with its own.

Whoever finds nobody at work begins at once, so one alone never waits. Whoever comes meanwhile is gathered,
and when the leader is done, the longest waiting leads the next round with everybody gathered by then. Such a
round begins a moment later, a twentieth of what the last one took: whoever was in that one comes again, and
without the moment two halves would take turns for ever, each paying for a round of its own.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Final, Generic, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 0.02  #: seconds

Item = TypeVar("Item")
Result = TypeVar("Result")


class _Waiting(Generic[Item, Result]):
    """One piece of work in the queue. `woken` is set when it is done, or when its thread is to lead."""

    __slots__ = ("is_done", "is_left", "item", "result", "woken")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.woken = threading.Event()
        self.is_done = False
        self.is_left = False  #: its leader failed: its own thread does it
        self.result: Result | None = None


class Gathering(Generic[Item, Result]):
    """`work` takes items that fit together and returns as many results; at most `most` at a time.

    `fits(first, other)` says what may be done together. A leader's failure is its own: the others of its
    round do their own work themselves, each alone.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Item]], Sequence[Result]],
        *,
        most: int,
        fits: Callable[[Item, Item], bool],
    ) -> None:
        self._work = work
        self._most = most
        self._fits = fits
        self._forget()
        os.register_at_fork(after_in_child=self._forget)  # a child has none of the threads

    def _forget(self) -> None:
        self._lock = threading.Lock()
        self._queue: deque[_Waiting[Item, Result]] = deque()
        self._is_led = False
        self._lasted = 0.0  #: seconds of the last round

    @property
    def waiting(self) -> int:
        """How many wait for the next round."""
        return len(self._queue)

    def do(self, item: Item) -> Result:
        """Have one piece of work done, alone or with others; return its result."""
        mine: _Waiting[Item, Result] = _Waiting(item)
        with self._lock:
            self._queue.append(mine)
            leads, self._is_led = not self._is_led, True
        if not leads:
            mine.woken.wait()
            if not (mine.is_done or mine.is_left) and self.waiting < self._most:
                time.sleep(min(self._lasted * _PAUSE, _LONGEST_PAUSE))
        if mine.is_left:
            return self._work([item])[0]
        if not mine.is_done:
            self._lead(mine)
        return cast("Result", mine.result)

    def _lead(self, mine: _Waiting[Item, Result]) -> None:
        round_ = self._gather(mine)
        began = time.monotonic()
        try:
            for waiting, result in zip(round_, self._work([one.item for one in round_]), strict=True):
                waiting.result, waiting.is_done = result, True
        finally:
            self._lasted = time.monotonic() - began
            self._hand_on()
            for waiting in round_:
                waiting.is_left = not waiting.is_done
                waiting.woken.set()

    def _gather(self, mine: _Waiting[Item, Result]) -> list[_Waiting[Item, Result]]:
        """Take from the queue what fits the leader's own, which comes first."""
        with self._lock:
            taken = [mine]
            kept: deque[_Waiting[Item, Result]] = deque()
            for waiting in self._queue:
                if waiting is mine:
                    continue
                if len(taken) < self._most and self._fits(mine.item, waiting.item):
                    taken.append(waiting)
                else:
                    kept.append(waiting)
            self._queue = kept
        return taken

    def _hand_on(self) -> None:
        """Let the longest waiting lead next."""
        with self._lock:
            if self._queue:
                self._queue[0].woken.set()
            else:
                self._is_led = False
