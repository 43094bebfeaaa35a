"""Work that waits is done together; one alone never waits, one that fails takes nobody with it."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from dojang.guard.gathering import Gathering

if TYPE_CHECKING:
    from collections.abc import Sequence


class Rounds:
    """Does work that can be held up, and notes who did what together."""

    def __init__(self, *, most: int = 64) -> None:
        self.done: list[list[int]] = []
        self.threads: list[int] = []
        self.go, self.begun = threading.Event(), threading.Event()
        self.gathering: Gathering[int, int] = Gathering(
            self.work, most=most, fits=lambda first, other: first % 2 == other % 2
        )

    def work(self, items: Sequence[int]) -> list[int]:
        """Return ten times each; the first round waits until it may go on, and -1 spoils its round."""
        self.threads.append(threading.get_ident())
        self.begun.set()
        assert self.go.wait(30)
        self.done.append(list(items))
        if -1 in items:
            raise ValueError("spoiled")
        return [item * 10 for item in items]

    def behind_one(self, pool: ThreadPoolExecutor, first: int, items: list[int]) -> list[Future[int]]:
        """Let `first` begin, all others come while it is at work, then let it go on."""
        futures = [pool.submit(self.gathering.do, first)]
        assert self.begun.wait(30)
        for place, item in enumerate(items, 1):
            futures.append(pool.submit(self.gathering.do, item))
            deadline = time.monotonic() + 30
            while self.gathering.waiting < place and time.monotonic() < deadline:
                time.sleep(0.001)
        self.go.set()
        return futures


def test_one_alone_is_done_at_once_by_its_own_thread() -> None:
    """Nobody else there: each is a round of its own, in the caller's thread."""
    rounds = Rounds()
    rounds.go.set()
    assert [rounds.gathering.do(item) for item in (1, 2, 3)] == [10, 20, 30]
    assert rounds.done == [[1], [2], [3]]
    assert set(rounds.threads) == {threading.get_ident()}


def test_who_comes_meanwhile_is_done_in_one_round() -> None:
    """Seven come while one is at work: they are the next round, in their order, each with its own result."""
    rounds = Rounds()
    with ThreadPoolExecutor(8) as pool:
        futures = rounds.behind_one(pool, 1, [3, 5, 7, 9, 11, 13, 15])
        assert [one.result(30) for one in futures] == [10, 30, 50, 70, 90, 110, 130, 150]
    assert rounds.done == [[1], [3, 5, 7, 9, 11, 13, 15]]


def test_only_what_fits_and_not_too_much_is_done_together() -> None:
    """Odd and even do not go together, and never more than three at a time; all are done."""
    rounds = Rounds(most=3)
    with ThreadPoolExecutor(9) as pool:
        futures = rounds.behind_one(pool, 1, [3, 2, 5, 4, 7, 9, 6])
        assert [one.result(30) for one in futures] == [10, 30, 20, 50, 40, 70, 90, 60]
    assert rounds.done == [[1], [3, 5, 7], [2, 4, 6], [9]]


def test_a_leader_that_fails_fails_alone() -> None:
    """What spoils the leader's round is raised to it; the others of the round do their own, each alone."""
    rounds = Rounds()
    with ThreadPoolExecutor(4) as pool:
        first, spoiled, *others = rounds.behind_one(pool, 1, [-1, 3, 5])
        assert first.result(30) == 10
        with pytest.raises(ValueError, match="spoiled"):
            spoiled.result(30)
        assert [one.result(30) for one in others] == [30, 50]
    assert rounds.done[:2] == [[1], [-1, 3, 5]]
    assert sorted(rounds.done[2:]) == [[3], [5]]
    assert rounds.gathering.do(7) == 70
