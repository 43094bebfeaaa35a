"""The supervisor by itself: when it waits before a restart, and that it cannot miss being told to stop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from tests.centres import wait_until

from dojang.cli.supervise import AT_ONCE, FIRST_PAUSE, Child, Supervisor, Told, until_told

if TYPE_CHECKING:
    from collections.abc import Iterator

ENDS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@pytest.fixture
def handlers() -> Iterator[None]:
    """Put this process's own signal handlers back afterwards."""
    former = {each: signal.getsignal(each) for each in ENDS}
    yield
    for each, handler in former.items():
        signal.signal(each, handler)


def test_ends_close_together_are_answered_at_once_before_the_brake() -> None:
    """Five ends of a child are each followed by a start at once; from the sixth on it waits, ever longer."""
    pauses: list[float] = []
    supervisor = Supervisor(lambda _name, _code, pause: pauses.append(pause))
    supervisor.add(Child("brief", lambda: subprocess.Popen([sys.executable, "-c", ""])))

    def ended_often() -> bool:
        supervisor.look()
        return len(pauses) > AT_ONCE + 1

    wait_until(ended_often, "seven ends")
    supervisor.stop()
    assert pauses == [0.0] * AT_ONCE + [FIRST_PAUSE, 2 * FIRST_PAUSE]


def test_an_end_that_was_swallowed_is_told_again(handlers: None) -> None:
    """Whatever was going on when the signal came may have caught it; the next look ends all the same."""
    supervisor = Supervisor(lambda *_: None)
    with until_told():
        supervisor.look()
        with suppress(Told):
            os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(Told):
            supervisor.look()
        os.kill(os.getpid(), signal.SIGTERM)  # a second one is ignored
    with until_told():
        supervisor.look()
