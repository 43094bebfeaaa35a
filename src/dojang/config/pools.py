"""A pool of threads with a bounded queue: whoever comes when it is full, or would wait too long, is told so.

Made for one event loop: it alone counts who is inside, so no lock is needed.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, ClassVar, TypeVar

from dojang.pki.errors import DojangError

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")


class BusyError(DojangError):
    """More is asked at this moment than can be answered in time; nothing was done."""

    code: ClassVar[str] = "busy"


class Pool:
    """`threads` work, `waiting` more may wait, none longer than `patience` seconds."""

    def __init__(self, name: str, *, threads: int, waiting: int, patience: float) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._room = threads + waiting
        self._patience = patience
        self.inside = 0  #: requests that wait or are worked at
        self.shed = 0  #: requests refused since the start

    async def run(self, work: Callable[[], Result]) -> Result:
        """Do the work in a thread. Raises `BusyError` instead of beginning it too late."""
        if self.inside >= self._room:
            self.shed += 1
            raise BusyError
        until = time.monotonic() + self._patience

        def begin() -> Result:
            if time.monotonic() > until:
                raise BusyError
            return work()

        self.inside += 1
        doing = asyncio.get_running_loop().run_in_executor(self._executor, begin)
        doing.add_done_callback(self._left)
        try:
            # A caller that goes away leaves the work to its end: it still holds its thread.
            return await asyncio.shield(doing)
        except BusyError:
            self.shed += 1
            raise

    def _left(self, doing: asyncio.Future[Result]) -> None:
        self.inside -= 1
        if not doing.cancelled():
            doing.exception()  # a caller that went away does not ask
