"""What every clock behind `dojang.ports.clock` must do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, timedelta
from typing import TYPE_CHECKING

import pytest

from dojang.adapters.clocks import FileClock, SystemClock
from dojang.pki.errors import IndeterminateError
from dojang.sandbox.clock import MOST_SECONDS, ClockMoveError, SandboxClock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dojang.ports.clock import Clock

CLOCKS: dict[str, Callable[[Path], Clock]] = {
    "system": lambda _: SystemClock(),
    "file": FileClock,
    "sandbox": SandboxClock,
}


@pytest.mark.parametrize("name", CLOCKS)
def test_a_clock_tells_an_aware_moment_that_does_not_go_back(name: str, tmp_path: Path) -> None:
    """Moments are in UTC and never decrease."""
    clock = CLOCKS[name](tmp_path / "clock")
    moments = [clock.now() for _ in range(100)]
    assert {moment.tzinfo for moment in moments} == {UTC}
    assert moments == sorted(moments)


def test_a_move_is_seen_by_every_reader(tmp_path: Path) -> None:
    """The sandbox's clock and the file clock of another process agree to the second."""
    path = tmp_path / "home" / "clock"
    mover, reader, system = SandboxClock(path), FileClock(path), SystemClock()
    mover.advance(3600)
    mover.advance(60)
    for clock in (mover, reader, SandboxClock(path)):
        ahead = clock.now() - system.now()
        assert abs(ahead - timedelta(seconds=3660)) < timedelta(seconds=1)


@pytest.mark.parametrize("seconds", [0, -1, -MOST_SECONDS, MOST_SECONDS + 1])
def test_a_clock_never_goes_back_nor_out_of_bounds(seconds: int, tmp_path: Path) -> None:
    """Standing still, going back and leaping beyond twenty years are refused and move nothing."""
    clock = SandboxClock(tmp_path / "clock")
    clock.advance(10)
    with pytest.raises(ClockMoveError):
        clock.advance(seconds)
    assert clock.offset() == timedelta(seconds=10)
    assert FileClock(tmp_path / "clock").now() >= clock.now() - timedelta(seconds=1)


@pytest.mark.parametrize("content", ["", "soon", "[]", '{"offset_seconds": "x"}'])
@pytest.mark.parametrize("name", ["file", "sandbox"])
def test_a_broken_clock_is_not_guessed(name: str, content: str, tmp_path: Path) -> None:
    """A file nobody can read as an offset stops the clock instead of setting it back."""
    path = tmp_path / "clock"
    path.write_text(content)
    with pytest.raises(IndeterminateError):
        CLOCKS[name](path).now()


def test_movers_at_once_add_up(tmp_path: Path) -> None:
    """Forty parallel moves of one second are forty seconds, and readers never see a torn file."""
    clock, reader = SandboxClock(tmp_path / "clock"), FileClock(tmp_path / "clock")
    with ThreadPoolExecutor(8) as threads:
        moves = [threads.submit(clock.advance, 1) for _ in range(40)]
        looks = [threads.submit(reader.now) for _ in range(200)]
        for future in (*moves, *looks):
            future.result()
    assert clock.offset() == reader.offset() == timedelta(seconds=40)
