"""A small supervisor: starts children, restarts those that end, stops all, outlives none.

Every child gets the parent-death signal, its own session (so that Ctrl-C reaches the supervisor alone,
which decides the order) and its own log file.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dojang.config.processes import SUPERVISED, die_with_parent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import FrameType

#: Ends close together that are answered at once: an unlucky minute is no reason to keep customers waiting.
AT_ONCE = 5
#: Seconds: first pause before a restart, longest pause, and the life after which the count starts anew.
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 5.0
STEADY_AFTER = 10.0
_LOG_LIMIT = 20_000_000


@dataclass(slots=True)
class Child:
    """One process that should be running. `start` returns it freshly started."""

    name: str
    start: Callable[[], subprocess.Popen[bytes]]
    last: signal.Signals = signal.SIGTERM
    grace: float = 15.0
    process: subprocess.Popen[bytes] | None = None
    began: float = 0.0
    failures: int = 0
    again_at: float = 0.0


@dataclass(slots=True)
class Supervisor:
    """Keeps children running until `stop`. `told` hears of every restart: (name, exit code, pause)."""

    told: Callable[[str, int, float], None]
    children: list[Child] = field(default_factory=list)

    def add(self, child: Child) -> Child:
        """Start a child and keep it running from now on."""
        self.children.append(child)
        self._start(child)
        return child

    def look(self) -> None:
        """Restart what has ended and is due. Call it often; it does not block but for the start itself.

        Raises `Told` if the end was asked for.
        """
        if _asked.is_set():
            raise Told
        now = time.monotonic()
        for child in self.children:
            if child.process is not None and child.process.poll() is not None:
                self._ended(child, now)
            if child.process is None and now >= child.again_at:
                self._start(child)

    def stop(self) -> None:
        """Stop in the reverse order of starting: ask, wait, then insist."""
        for child in reversed(self.children):
            process = child.process
            if process is None or process.poll() is not None:
                continue
            process.send_signal(child.last)
            try:
                process.wait(child.grace)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)
        self.children.clear()

    def _ended(self, child: Child, now: float) -> None:
        assert child.process is not None
        code = child.process.returncode
        child.process = None
        child.failures = 0 if now - child.began > STEADY_AFTER else child.failures + 1
        late = child.failures - AT_ONCE
        pause = 0.0 if late <= 0 else min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (late - 1))
        child.again_at = now + pause
        self.told(child.name, code, pause)

    def _start(self, child: Child) -> None:
        child.began = time.monotonic()
        child.process = child.start()


class Told(BaseException):
    """Raised out of whatever is going on when a signal asks for the end."""


#: That a signal asked for the end: what was going on may have swallowed `Told` (a finaliser does).
_asked = threading.Event()


@contextlib.contextmanager
def until_told() -> Iterator[None]:
    """Turn SIGTERM, SIGINT and SIGHUP into `Told`, once; a second one while ending is ignored."""

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        _asked.set()
        raise Told

    _asked.clear()
    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(each, stop)
    try:
        yield
    finally:
        sys.stderr.flush()


def spawn(
    command: list[str], *, log: Path | None, env: dict[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start one of our own processes with its output in a log file, or where ours goes."""
    if log is not None and log.exists() and log.stat().st_size > _LOG_LIMIT:
        log.replace(log.with_suffix(".log.1"))
    with contextlib.nullcontext() if log is None else log.open("ab") as sink:
        return subprocess.Popen(  # noqa: S603 - our own programs
            command,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            env={**os.environ, **(env or {}), SUPERVISED: str(os.getpid())},
            start_new_session=True,
            preexec_fn=lambda: die_with_parent(signal.SIGTERM),  # noqa: PLW1509 - one prctl call
        )


def dojang(*arguments: str) -> list[str]:
    """Return the command that runs ``dojang`` with these arguments under this very interpreter."""
    return [sys.executable, "-m", "dojang.cli", *arguments]
