"""Invariant 10: retry counters are durable, moved before the comparison, exact under parallel load."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from tests.journeys.app.walker import in_parallel

from dojang.guard.counters import (
    Counted,
    Tally,
    count_attempts,
    forget_attempts,
    judge_attempts,
    locked_factors,
    open_lock,
    tries_left,
)
from dojang.guard.models import Attempt, FactorCounter, FactorLock
from dojang.ports.limits import DAY, Limit

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2031, 5, 6, 3, 0, tzinfo=UTC)
CARD = Tally(factor="security_card", subject="customer:c1", limit=Limit(5), customer_id="c1")


def count(*tallies: Tally, now: datetime = NOW) -> Counted:
    """Count in a transaction of its own, as a submit does."""
    with transaction.atomic():
        return count_attempts(tallies, run_id="r", now=now)


def judge(counted: Counted, verdict: str, *, now: datetime = NOW) -> tuple[str, ...]:
    """Give all attempts one verdict."""
    with transaction.atomic():
        return judge_attempts(dict.fromkeys(counted.attempts, verdict), locking=counted.attempts, now=now)


def test_twenty_threads_get_exactly_five_tries() -> None:
    """Of twenty guesses at once five reach the outside; the sixth and later ones are refused uncounted."""

    def guess(_index: int) -> Any:
        counted = count(CARD)
        if counted.refused is not None:
            return "refused"
        judge(counted, "wrong")
        return "asked"

    results = in_parallel(20, guess)
    assert (results.count("asked"), results.count("refused")) == (5, 15)
    row = FactorCounter.objects.get()
    assert (row.errors, row.total) == (5, 5)
    assert row.locked_at is not None
    assert FactorLock.objects.count() == 1
    assert Attempt.objects.count() == 5


def test_counting_comes_before_judging() -> None:
    """The counter has moved when the attempt is handed out, not when it turns out wrong."""
    counted = count(CARD)
    assert counted.left == (4,)
    assert FactorCounter.objects.get().errors == 1
    judge(counted, "wrong")
    assert FactorCounter.objects.get().errors == 1


def test_a_right_answer_forgives_the_past_but_not_what_is_under_way() -> None:
    """A guess still unjudged when another answer is right stays counted."""
    for _ in range(3):
        judge(count(CARD), "wrong")
    under_way, right = count(CARD), count(CARD)
    judge(right, "reset")
    assert FactorCounter.objects.get().errors == 1
    judge(under_way, "wrong")
    assert FactorCounter.objects.get().errors == 1


def test_a_right_answer_does_not_forgive_what_was_counted_after_it() -> None:
    """A wrong guess counted while the right answer was being compared stays, even if judged first."""
    judge(count(CARD), "wrong")
    right = count(CARD)
    judge(count(CARD), "wrong")
    judge(right, "reset")
    assert FactorCounter.objects.get().errors == 1


def test_what_a_later_right_answer_forgave_does_not_come_back() -> None:
    """Two right answers overtake each other: the wrong one between them is forgiven by the second."""
    first = count(CARD)
    judge(count(CARD), "wrong")
    judge(count(CARD), "reset")
    judge(first, "reset")
    assert FactorCounter.objects.get().errors == 0


def test_the_fifth_wrong_answer_locks_and_only_once() -> None:
    """The lock is reported by the judgement that closed it, and by no other."""
    verdicts = [judge(count(CARD), "wrong") for _ in range(5)]
    assert verdicts == [(), (), (), (), ("security_card",)]
    assert count(CARD) == Counted(refused=0)
    assert locked_factors("c1", now=NOW) == ("security_card",)


def test_a_fifth_attempt_never_judged_locks_at_the_next_try() -> None:
    """Five attempts of processes that died lock the factor instead of opening it."""
    for _ in range(5):
        count(CARD)
    assert count(CARD) == Counted(refused=0)
    assert FactorLock.objects.count() == 0
    later = count(CARD, now=NOW + timedelta(minutes=5))
    assert (later.refused, later.locked) == (0, True)


def test_two_counters_move_together_or_not_at_all() -> None:
    """When one of two counters refuses, the other is not moved."""
    other = Tally(factor="account_password", subject="account:1", limit=Limit(1, DAY))
    judge(count(other), "wrong")
    assert count(CARD, other).refused == 1
    assert tries_left("c1", ["security_card"], now=NOW) == {"security_card": 5}


def test_counting_in_either_order_cannot_deadlock() -> None:
    """Two counters named in opposite orders by parallel attempts end without a deadlock."""
    wide = [
        Tally(factor="a", subject="s", limit=Limit(10_000)),
        Tally(factor="b", subject="s", limit=Limit(10_000)),
    ]

    def move(index: int) -> int:
        for _ in range(10):
            judge(count(*(wide if index % 2 else wide[::-1])), "wrong")
        return 1

    assert in_parallel(8, move) == [1] * 8
    assert set(FactorCounter.objects.values_list("errors", flat=True)) == {80}


def test_a_refund_gives_back_exactly_one() -> None:
    """What could not be asked does not count."""
    judge(count(CARD), "wrong")
    judge(count(CARD), "refund")
    assert FactorCounter.objects.get().errors == 1


def test_a_refund_from_yesterday_gives_today_nothing() -> None:
    """An attempt counted before midnight and given back after it leaves the new day's count alone."""
    daily = Tally(factor="identify", subject="user_id:x", limit=Limit(5, DAY))
    evening = datetime(2031, 5, 6, 14, 59, tzinfo=UTC)
    midnight = evening + timedelta(minutes=1)
    old = count(daily, now=evening)
    judge(count(daily, now=midnight), "wrong", now=midnight)
    judge(old, "refund", now=midnight)
    assert FactorCounter.objects.get().errors == 1


def test_a_rolling_limit_cannot_lock() -> None:
    """A lock has an end or somebody who opens it; a rolling limit has neither, so it only refuses."""
    with pytest.raises(ValueError, match="rolling"):
        Tally(factor="approvals", subject="customer:c1", limit=Limit(3, 600))


def test_old_attempts_are_forgotten_and_counts_are_not() -> None:
    """A week later the attempts are gone; what they counted stays counted."""
    judge(count(CARD), "wrong")
    judge(count(CARD, now=NOW + timedelta(days=1)), "wrong")
    assert forget_attempts(now=NOW + timedelta(days=7)) == 0
    assert forget_attempts(now=NOW + timedelta(days=7, seconds=1)) == 1
    assert (Attempt.objects.count(), FactorCounter.objects.get().errors) == (1, 2)


def test_a_days_limit_ends_at_midnight_in_korea() -> None:
    """A day's lock opens at midnight in Seoul (15:00 UTC), by itself."""
    daily = Tally(factor="identify", subject="user_id:x", limit=Limit(2, DAY), customer_id="c1")
    evening = datetime(2031, 5, 6, 14, 59, tzinfo=UTC)
    for _ in range(2):
        judge(count(daily, now=evening), "wrong", now=evening)
    assert count(daily, now=evening).refused == 0
    assert FactorLock.objects.get().opens_at == datetime(2031, 5, 6, 15, 0, tzinfo=UTC)
    midnight = evening + timedelta(minutes=1)
    assert locked_factors("c1", now=midnight) == ()
    assert count(daily, now=midnight).refused is None
    assert FactorLock.objects.get().opened_by == "window"


def test_an_unlock_starts_afresh() -> None:
    """The way out opens the lock, keeps the history and gives all tries back."""
    for _ in range(5):
        judge(count(CARD), "wrong")
    with transaction.atomic():
        assert open_lock("c1", "security_card", opened_by="teller-7", now=NOW) == 1
    assert tries_left("c1", ["security_card"], now=NOW) == {"security_card": 5}
    lock = FactorLock.objects.get()
    assert (lock.opened_at, lock.opened_by) == (NOW, "teller-7")
    assert FactorCounter.objects.get().total == 5


def test_subjects_are_not_readable() -> None:
    """Neither user id nor account number stands in the counter's row."""
    count(Tally(factor="identify", subject="user_id:hong1234", limit=Limit(5)))
    row = FactorCounter.objects.get()
    assert len(bytes(row.subject)) == 32
    assert b"hong" not in bytes(row.subject)
