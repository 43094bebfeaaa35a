"""Budgets: how often something may happen in all, whoever does it. Nobody is locked by one, only refused.

A budget is a counter of its own name and subject that is compared, not locked: looking costs one indexed
read for any number of them, spending one statement. What must be exact under parallel load is *taken*
instead: the counters' rows are locked for the moment of counting, and what was taken can be given back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from django.db import connection

from dojang.guard import counters
from dojang.guard.counters import Tally
from dojang.guard.models import FactorCounter
from dojang.guard.networks import networks_of
from dojang.ports.limits import DAY, Limit, window_begins

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from dojang.ports.acting import Acting
    from dojang.ports.policy import Policy

SOURCE: Final = "source"
SITE: Final = "site"  #: the network around a source: an IPv6 /48
EVERYBODY: Final = "everybody"
#: Budgets whose end slows whoever asks (`brakes`).
BRAKED: Final = (EVERYBODY, SITE, SOURCE)
#: As many sources as a site may count for, however many it has.
SOURCES_A_SITE: Final = 16
# What was counted before the present window began is forgotten in the same statement.
_SPEND: Final = """
    INSERT INTO guard_factorcounter AS c
        (factor, subject, customer_id, window_start, "window", "limit", errors, total)
    VALUES (%s, %s, '', %s, %s, %s, 1, 1)
    ON CONFLICT (factor, subject) DO UPDATE SET "limit" = excluded."limit", "window" = excluded."window",
        total = c.total + 1,
        errors = CASE WHEN c.window_start < %s THEN 1 ELSE c.errors + 1 END,
        window_start = CASE WHEN c.window_start < %s THEN excluded.window_start ELSE c.window_start END
    RETURNING errors
"""


@dataclass(frozen=True, slots=True)
class Budget:
    """What is bounded: its name, whose it is (``""``: everybody's together), and how much of it there is."""

    name: str
    subject: str
    limit: Limit

    @property
    def tally(self) -> Tally:
        """The counter behind it."""
        return Tally(factor=self.name, subject=self.subject, limit=self.limit, locks=False)


def wrong_entries(policy: Policy, acting: Acting) -> tuple[Budget, ...]:
    """Return the day's budgets of wrong entries of every kind: of everybody together, and of one source."""
    everybody = Budget(EVERYBODY, "", policy.wrong_entries.everybody)
    return (everybody, *of_source(SOURCE, acting.source, policy.wrong_entries.per_source))


def of_source(name: str, source: str, limit: Limit) -> tuple[Budget, ...]:
    """Return the budgets of an address: of its line, and of its site if it has more than one line.

    The site's is called as the line's with ``site`` in place of ``source``, or behind it.
    """
    networks = networks_of(source)
    site = name.replace(SOURCE, SITE) if SOURCE in name else f"{name}_{SITE}"
    limits = (limit, replace(limit, count=limit.count * SOURCES_A_SITE))
    return tuple(Budget(*one) for one in zip((name, site), networks, limits, strict=False))


def spent_of(budgets: Sequence[Budget], *, now: datetime) -> frozenset[str]:
    """Return the names of the budgets that are used up. Each name once."""
    left = counters.left_of([budget.tally for budget in budgets], now=now)
    return frozenset(name for name, number in left.items() if number == 0)


def overrun(budgets: Sequence[Budget], *, now: datetime) -> int:
    """Return how often over the most used of these budgets is used up; 0 while all have something left."""
    return counters.overrun_of([budget.tally for budget in budgets], now=now)


def begin_afresh(source: str | None, *, now: datetime) -> int:
    """Forget today's wrong entries of a source and its site (None: of everybody); return how many counts."""
    found = 0
    named = zip((SOURCE, SITE), networks_of(source or ""), strict=False)
    subjects = ((EVERYBODY, ""),) if source is None else named
    for name, subject in subjects:
        index = counters.index_of(name, subject)
        rows = FactorCounter.objects.filter(factor=name, subject=index, errors__gt=0)
        found += rows.update(errors=0, window_start=now)
    return found


def spend(budgets: Iterable[Budget], *, now: datetime) -> tuple[str, ...]:
    """Spend one of each, used up or not; return the names of those that were used up by it just now.

    Inside a transaction; not for rolling limits, which are taken.
    """
    ended = []
    for budget in sorted(budgets, key=lambda budget: (budget.name, budget.subject)):
        begins = window_begins(budget.limit.seconds, now)
        if budget.limit.per != DAY or begins is None:
            raise ValueError("only a day's budget is spent without looking")
        row: list[Any] = [budget.name, budget.tally.index, now, budget.limit.seconds, budget.limit.count]
        with connection.cursor() as cursor:
            cursor.execute(_SPEND, [*row, begins, begins])
            if cursor.fetchone()[0] == budget.limit.count:
                ended.append(budget.name)
    return tuple(ended)


def take(budgets: Sequence[Budget], *, now: datetime) -> tuple[int, ...] | None:
    """Take one of each, or none of any when one is used up (None). Exact; inside a transaction.

    The caller commits before doing what is bounded, and closes what was taken with `keep` or `give_back`.
    """
    counted = counters.count_attempts([budget.tally for budget in budgets], run_id="", now=now)
    return None if counted.refused is not None else counted.attempts


def keep(taken: Iterable[int], *, now: datetime) -> None:
    """Close what was taken: it stays spent. Inside a transaction."""
    counters.judge_attempts(dict.fromkeys(taken, "keep"), now=now)


def give_back(taken: Iterable[int], *, now: datetime) -> None:
    """Give back what was taken. Inside a transaction."""
    counters.judge_attempts(dict.fromkeys(taken, "refund"), now=now)
