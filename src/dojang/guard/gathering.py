"""Doing together what waits side by side: the first who comes leads, the others' work is done with its own.

Whoever finds nobody at work begins at once, so one alone never waits. Whoever comes meanwhile is gathered,
and when the leader is done, the longest waiting leads the next round with everybody gathered by then. A round
behind one of several begins when as many wait again, at most a small part of its time later: without the
moment two halves would take turns for ever, each paying for a round of its own.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Final, Generic, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_PAUSE: Final = 0.15  #: of the last round's time
_LONGEST_PAUSE: Final = 0.05  #: seconds

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
        self._expected = 1  #: how many the next round waits for
        self._moment = 0.0  #: and until when (monotonic)
        self._enough = threading.Event()

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
            if len(self._queue) >= self._expected:
                self._enough.set()
        if not leads:
            mine.woken.wait()
        if mine.is_left:
            return self._work([item])[0]
        if not mine.is_done:
            self._lead(mine)
        return cast("Result", mine.result)

    def _lead(self, mine: _Waiting[Item, Result]) -> None:
        left = self._moment - time.monotonic()
        if left > 0:
            self._enough.wait(left)
        round_ = self._gather(mine)
        began = time.monotonic()
        try:
            for waiting, result in zip(round_, self._work([one.item for one in round_]), strict=True):
                waiting.result, waiting.is_done = result, True
        finally:
            for waiting in round_:
                waiting.is_left = not waiting.is_done
                waiting.woken.set()
            self._hand_on(len(round_), time.monotonic() - began)

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

    def _hand_on(self, size: int, lasted: float) -> None:
        """Let the longest waiting lead next, or whoever comes next."""
        with self._lock:
            self._expected = min(size + len(self._queue), self._most)
            moment = min(lasted * _PAUSE, _LONGEST_PAUSE) if self._expected > 1 else 0.0
            self._moment = time.monotonic() + moment
            if len(self._queue) < self._expected:
                self._enough.clear()
            else:
                self._enough.set()
            if self._queue:
                self._queue[0].woken.set()
            else:
                self._is_led = False
