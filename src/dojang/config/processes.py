"""Parents and children: no process of ours outlives the one that started it."""

from __future__ import annotations

import ctypes
import os
import signal

#: Set in the environment of processes a supervisor started; its value is the signal to end by.
SUPERVISED = "DOJANG_SUPERVISED"

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


def die_with_parent(last: signal.Signals) -> None:
    """Ask the kernel to send `last` when the starting thread ends (``prctl PR_SET_PDEATHSIG``, Linux)."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, int(last), 0, 0, 0)


def follow_parent() -> None:
    """End with the parent if a supervisor is above us: for grandchildren it did not start itself."""
    if os.environ.get(SUPERVISED):
        die_with_parent(signal.SIGTERM)
