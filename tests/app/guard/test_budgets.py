"""Budgets: so much in all, for a source or for everybody together, on one day or within a while."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from tests.journeys.app.walker import in_parallel

from dojang.guard import budgets
from dojang.guard.budgets import Budget, spent_of, wrong_entries
from dojang.guard.models import FactorCounter, FactorLock
from dojang.ports.acting import Acting
from dojang.ports.limits import DAY, Limit
from dojang.ports.policy import Policy

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2031, 5, 6, 3, 0, tzinfo=UTC)
EVENING = datetime(2031, 5, 6, 14, 59, tzinfo=UTC)  # 23:59 in Seoul
POLICY = Policy().changed({"wrong_entries": {"per_source": 3, "everybody": 5}})


def of(source: str) -> tuple[Budget, ...]:
    """Return the budgets of wrong entries that concern a source."""
    return wrong_entries(POLICY, Acting(kind="customer", source=source))


def spend(*sources: str, now: datetime = NOW) -> None:
    """Spend a wrong entry from each source, each in a transaction of its own."""
    for source in sources:
        with transaction.atomic():
            budgets.spend(of(source), now=now)


def take(budget: Budget, *, now: datetime = NOW) -> tuple[int, ...] | None:
    """Take one, in a transaction of its own."""
    with transaction.atomic():
        return budgets.take([budget], now=now)


def test_a_source_spends_its_own_and_everybodys() -> None:
    """Three wrong entries use up a source's budget, five everybody's; nobody is locked."""
    spend(*["198.51.100.7"] * 3)
    assert spent_of(of("198.51.100.7"), now=NOW) == {"source"}
    assert spent_of(of("203.0.113.9"), now=NOW) == frozenset()
    spend("203.0.113.9", "")
    assert spent_of(of("203.0.113.9"), now=NOW) == {"everybody"}
    assert spent_of(of(""), now=NOW) == {"everybody"}
    assert FactorLock.objects.count() == 0


def test_a_days_budget_is_whole_again_at_midnight_in_seoul() -> None:
    """What was spent at 23:59 counts no more a minute later, and the new day counts from one."""
    spend(*["198.51.100.7"] * 3, now=EVENING)
    assert spent_of(of("198.51.100.7"), now=EVENING) == {"source"}
    midnight = EVENING + timedelta(minutes=1)
    assert spent_of(of("198.51.100.7"), now=midnight) == frozenset()
    spend("198.51.100.7", now=midnight)
    row = FactorCounter.objects.get(factor="source")
    assert (row.errors, row.total) == (1, 4)


def test_spending_at_once_counts_each() -> None:
    """Twenty wrong entries at once are twenty, in both rows."""
    in_parallel(20, lambda index: spend(f"198.51.100.{index % 2}"))
    assert sorted(FactorCounter.objects.values_list("errors", flat=True)) == [10, 10, 20]


def test_what_is_taken_is_exact_and_can_be_given_back() -> None:
    """Of twenty at once ten get one; what one gives back another may take."""
    budget = Budget("handoff", "source:198.51.100.7", Limit(10, DAY))
    taken = in_parallel(20, lambda _index: take(budget))
    got = [attempt for attempts in taken if attempts is not None for attempt in attempts]
    assert (len(got), taken.count(None)) == (10, 10)
    with transaction.atomic():
        budgets.give_back(got[:1], now=NOW)
        budgets.keep(got[1:], now=NOW)
    assert take(budget) is not None
    assert take(budget) is None


def test_what_was_taken_yesterday_is_not_given_back_today() -> None:
    """Giving back after midnight adds nothing to the new day."""
    budget = Budget("handoff", "source:198.51.100.7", Limit(2, DAY))
    old = take(budget, now=EVENING)
    midnight = EVENING + timedelta(minutes=1)
    assert old is not None
    assert take(budget, now=midnight) is not None
    with transaction.atomic():
        budgets.give_back(old, now=midnight)
    assert take(budget, now=midnight) is not None
    assert take(budget, now=midnight) is None


def test_a_rolling_budget_looks_back_from_every_moment() -> None:
    """Three in any ten minutes: the fourth waits until the first is ten minutes old."""
    budget = Budget("approvals", "customer:c1", Limit(3, 600))

    def at(minute: int) -> bool:
        return take(budget, now=NOW + timedelta(minutes=minute)) is not None

    assert [at(minute) for minute in (0, 8, 9, 9, 10, 11, 17, 18, 19, 20)] == [
        True, True, True, False, True, False, False, True, True, True,
    ]  # fmt: skip


def test_a_rolling_budget_is_not_spent_blindly() -> None:
    """Only a day's budget can be spent without looking; nothing is written."""
    with pytest.raises(ValueError, match="day"), transaction.atomic():
        budgets.spend([Budget("approvals", "customer:c1", Limit(3, 600))], now=NOW)
    rows: Any = FactorCounter.objects
    assert rows.count() == 0
