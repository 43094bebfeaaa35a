"""Parents and children: no process of ours outlives the one that started it."""

from __future__ import annotations

import ctypes
import os
import signal
import threading
import time

#: Set in the environment of processes a supervisor started; its value is the supervisor's process id.
SUPERVISED = "DOJANG_SUPERVISED"
WATCH_EVERY = 0.5  #: seconds between two looks at the parent
LAST_GRACE = 12.0  #: seconds an orphan may take to end in order

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


def die_with_parent(last: signal.Signals) -> None:
    """Ask the kernel to send `last` when the starting thread ends (``prctl PR_SET_PDEATHSIG``, Linux)."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, int(last), 0, 0, 0)


def supervisor() -> int | None:
    """Return the process id of the supervisor that started this process, if one did."""
    told = os.environ.get(SUPERVISED, "")
    return int(told) if told.isdigit() else None


def follow_parent() -> None:
    """End with the supervisor above us, if there is one: asked by the kernel, and insisted on by a watch.

    The kernel's signal may come before anybody handles it, or find a process that waits for ever for its last
    client; the watch ends both. Needs to be called in the first lines of a process's work.
    """
    parent = supervisor()
    if parent is None:
        return
    die_with_parent(signal.SIGTERM)
    threading.Thread(target=_watch, args=(parent,), name="parent-watch", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(WATCH_EVERY)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(LAST_GRACE)
    os.kill(os.getpid(), signal.SIGKILL)
