"""The customer's day: from midnight to midnight in Seoul, in whatever zone a moment is written."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from dojang.pki.day import KST, day_begins, day_ends, day_of, days_between, local
from dojang.ports.limits import DAY, Limit, window_begins, window_ends

MIDNIGHT = datetime(2031, 5, 6, 15, 0, tzinfo=UTC)  # 00:00 on the 7th in Seoul
SECOND = timedelta(seconds=1)


def test_a_day_begins_at_three_in_the_afternoon_of_greenwich() -> None:
    """The last second before midnight in Seoul is the old day's, midnight itself the new one's."""
    assert [day_of(MIDNIGHT - SECOND), day_of(MIDNIGHT)] == [date(2031, 5, 6), date(2031, 5, 7)]
    assert day_begins(date(2031, 5, 7)) == day_ends(date(2031, 5, 6)) == MIDNIGHT
    assert day_of(MIDNIGHT.astimezone(KST)) == date(2031, 5, 7)
    assert f"{local(MIDNIGHT):%H:%M}" == "00:00"


@pytest.mark.parametrize(
    ("before", "after", "days"),
    [(SECOND, SECOND, 1), (SECOND, timedelta(0), 1), (timedelta(0), timedelta(hours=23), 0)],
)
def test_days_between_are_midnights(before: timedelta, after: timedelta, days: int) -> None:
    """Two seconds may be a day apart, and twenty-three hours none; back again it is as many less."""
    assert days_between(MIDNIGHT - before, MIDNIGHT + after) == days
    assert days_between(MIDNIGHT + after, MIDNIGHT - before) == -days


def test_a_limit_says_what_it_is_counted_over() -> None:
    """A day's begins at midnight, a rolling one so many seconds ago, and one without a window never."""
    now = MIDNIGHT + timedelta(minutes=30)
    assert Limit(1, DAY).since(now) == MIDNIGHT
    assert Limit(1, 600).since(now) == now - timedelta(minutes=10)
    assert Limit(1).since(now) is None
    assert [Limit(1, per).seconds for per in (DAY, 600, None)] == [86_400, 600, None]
    assert window_ends(86_400, MIDNIGHT - SECOND) == MIDNIGHT
    assert window_ends(600, now) == now + timedelta(minutes=10)
    assert (window_begins(None, now), window_ends(None, now)) == (None, None)


@pytest.mark.parametrize("seconds", [86_400, 100_000, 0, -1])
def test_a_day_is_called_a_day(seconds: int) -> None:
    """As many seconds as a day has are refused: that would be another kind of limit by the same figure."""
    with pytest.raises(ValueError, match="per"):
        Limit(1, seconds)
