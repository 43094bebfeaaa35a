"""The signer's distrust of its clock, first by itself and then in a running process."""

from __future__ import annotations

import json
import os
import signal
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.unit.signer.processes import CHEAP, SignerProcess, hold_ceremony

from dojang.ports.signer_errors import ClockError, ClockLeaptError
from dojang.signer.timekeeping import TimeKeeper

if TYPE_CHECKING:
    from collections.abc import Iterator

START = datetime(2031, 5, 1, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)


class HandClock:
    """A clock moved by hand: system time and offset by themselves, and the seconds that really pass."""

    def __init__(self) -> None:
        self.system = START
        self.moved = timedelta(0)
        self.passed = 100.0

    def now(self) -> datetime:
        """Return the present moment, the offset included."""
        return self.system + self.moved

    def offset(self) -> timedelta:
        """Return by how much the clock was moved."""
        return self.moved

    def elapsed(self) -> float:
        """Return seconds since boot."""
        return self.passed

    def live(self, seconds: float) -> None:
        """Let time pass for everything."""
        self.system += timedelta(seconds=seconds)
        self.passed += seconds


@pytest.fixture
def clock() -> HandClock:
    """Return a clock to move."""
    return HandClock()


@pytest.fixture
def keeper(clock: HandClock) -> TimeKeeper:
    """Return a keeper that has seen one transaction."""
    keeper = TimeKeeper(clock, max_leap=60, max_absence=10 * 86_400, elapsed=clock.elapsed)
    assert keeper.stamp().trusted
    return keeper


@pytest.mark.parametrize("seconds", [0.0, 0.5, 59.0, 3600.0, 400 * 86_400.0])
def test_time_that_really_passes_is_no_leap(clock: HandClock, keeper: TimeKeeper, seconds: float) -> None:
    """However long the process idles, a clock that agrees with the kernel's is trusted."""
    clock.live(seconds)
    assert keeper.check() == START + timedelta(seconds=seconds)
    assert keeper.stamp().trusted


@pytest.mark.parametrize("seconds", [61, 3600, 10 * 366 * 86_400])
def test_invariant_12_a_leap_is_refused_until_acknowledged(
    clock: HandClock, keeper: TimeKeeper, seconds: int
) -> None:
    """A jump forward stops signing, marks entries, and passes after an operator's word."""
    clock.system += timedelta(seconds=seconds)
    for _ in range(3):
        with pytest.raises(ClockLeaptError) as leapt:
            keeper.check()
        assert leapt.value.data == {"by": seconds}
        assert not keeper.stamp().trusted
    keeper.acknowledge()
    assert keeper.check() == START + timedelta(seconds=seconds)
    assert keeper.stamp().trusted


def test_a_leap_taken_back_needs_no_word(clock: HandClock, keeper: TimeKeeper) -> None:
    """When the clock is right again, signing goes on: the leap left no mark behind."""
    clock.system += 30 * DAY
    assert not keeper.stamp().trusted
    clock.system -= 30 * DAY
    clock.live(5)
    assert keeper.check() == START + timedelta(seconds=5)


@pytest.mark.parametrize("seconds", [2, 61, 86_400])
def test_invariant_12_a_clock_behind_the_journal_is_refused_for_good(
    clock: HandClock, keeper: TimeKeeper, seconds: int
) -> None:
    """A clock that went back is refused, an operator's word does not help, the right time does."""
    clock.system -= timedelta(seconds=seconds)
    for _ in range(2):
        with pytest.raises(ClockError):
            keeper.check()
        assert not keeper.stamp().trusted
        keeper.acknowledge()
    clock.live(seconds + 1)
    assert keeper.check() == START + timedelta(seconds=1)


def test_a_second_back_is_tolerated_but_not_written(clock: HandClock, keeper: TimeKeeper) -> None:
    """Within the tolerance entries keep the last entry's time, so that times in the journal never fall."""
    clock.system -= timedelta(seconds=0.9)
    assert keeper.check() == START - timedelta(seconds=0.9)
    stamp = keeper.stamp()
    assert stamp.trusted
    assert stamp.at == START.isoformat(timespec="microseconds")


def test_a_clock_that_went_back_while_idle_is_noticed(clock: HandClock, keeper: TimeKeeper) -> None:
    """Still ahead of the last entry, yet behind the time that really passed: refused."""
    clock.live(7200)
    clock.system -= timedelta(seconds=3600)
    with pytest.raises(ClockError):
        keeper.check()


def test_moving_the_movable_clock_forward_is_accepted_and_told_once(
    clock: HandClock, keeper: TimeKeeper
) -> None:
    """A changed offset is somebody's wish: accepted at once, and the next transaction records it."""
    clock.moved = 400 * DAY
    assert keeper.check() == START + 400 * DAY
    assert keeper.stamp().moved_to == 400 * 86_400
    assert keeper.stamp().moved_to is None
    clock.moved = 399 * DAY
    with pytest.raises(ClockError):
        keeper.check()


def test_across_a_restart_only_a_long_standstill_is_asked_about(clock: HandClock) -> None:
    """Ten days are accepted without a question, more needs a word; the recorded offset does not count."""
    for days, accepted in ((0, True), (10, True), (11, False)):
        keeper = TimeKeeper(clock, max_leap=60, max_absence=10 * 86_400, elapsed=clock.elapsed)
        keeper.remember(START + 500 * DAY - days * DAY, 500 * DAY)
        clock.moved = 500 * DAY
        if accepted:
            keeper.check()
        else:
            with pytest.raises(ClockLeaptError):
                keeper.check()
            keeper.acknowledge()
            keeper.check()


# --- in a running process ----------------------------------------------------------------------------------


def move(path: Path, seconds: float) -> None:
    """Write the clock file as the sandbox does: at once or not at all."""
    draft = path.with_name("clock.new")
    draft.write_text(json.dumps({"offset_seconds": seconds}))
    draft.rename(path)


@pytest.fixture
def moved() -> Iterator[tuple[SignerProcess, Path]]:
    """Return a signer with a movable clock, and the clock's file."""
    with tempfile.TemporaryDirectory(prefix="dj-sig-") as folder:
        clock = Path(folder) / "clock"
        process = SignerProcess(Path(folder), *CHEAP, "--clock-file", os.fspath(clock)).start()
        try:
            yield process, clock
        finally:
            process.close()


def test_invariant_12_the_process_follows_forward_and_refuses_back(moved: tuple[SignerProcess, Path]) -> None:
    """A clock moved by a month signs in that month, through a kill too; moved back it signs nothing."""
    process, clock = moved
    client = process.client
    bodies = hold_ceremony(client)
    entered = len(client.journal(limit=1000))

    def sign(days: int) -> None:
        tbs = bodies.subscriber(at=datetime.now(UTC) + timedelta(days=days))
        client.sign_certificate(issuer="issuing", profile="financial", tbs=tbs)

    move(clock, 30 * 86_400)
    sign(30)
    process.end(signal.SIGKILL)
    process.start()
    sign(30)
    move(clock, 29 * 86_400)
    before = client.journal(limit=1000)
    with pytest.raises(ClockError) as back:
        sign(29)
    assert abs(back.value.data["behind"] - 86_400) < 60
    assert client.journal(limit=1000) == before
    process.end(signal.SIGKILL)
    process.start()
    with pytest.raises(ClockError):
        sign(29)
    client.halt(reason="recorded even so")
    assert client.journal(limit=1000)[-1].body == {"reason": "recorded even so", "clock": "suspect"}
    move(clock, 31 * 86_400)
    client.resume(reason="right again")
    sign(31)
    verbs = [entry.verb for entry in client.journal(after=entered)]
    assert verbs == [
        "move_clock",
        "sign_certificate",
        "sign_certificate",
        "halt",
        "move_clock",
        "resume",
        "sign_certificate",
    ]


def test_a_clock_nobody_can_read_stops_signing(moved: tuple[SignerProcess, Path]) -> None:
    """A broken clock file is a reason not to sign, not a reason to guess."""
    process, clock = moved
    bodies = hold_ceremony(process.client)
    clock.write_text("soon")
    with pytest.raises(ClockError):
        process.client.sign_certificate(issuer="issuing", profile="financial", tbs=bodies.subscriber())
    clock.unlink()
    process.client.sign_certificate(issuer="issuing", profile="financial", tbs=bodies.subscriber())
