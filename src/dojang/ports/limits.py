"""How often something may happen, said together with what that is counted over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from dojang.pki.day import day_begins, day_ends, day_of

#: The customer's calendar day, from midnight to midnight in Seoul.
DAY: Final = "day"
#: A refusal is answered no earlier (seconds), so that its time does not tell what was found behind it; nor is
#: the next entry by the same user id taken before.
REFUSED_AFTER: Final = 0.4
#: One run of a journey, from its start to its end: the counter's subject is the run itself.
RUN: Final = "run"
#: How a day is written where a number of seconds stands (rows, figures shown). No rolling window has it.
SECONDS_A_DAY: Final = 86_400


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` times.

    `per` is ``"day"`` (the customer's day: all is new at midnight in Seoul), ``"run"`` (one run of a
    journey), a number of seconds (rolling: at any moment, those of the last so many seconds), or None (until
    a right answer or an unlock). Raises `ValueError` for 86,400 seconds and
    more: whoever means a day says so.
    """

    count: int
    per: Literal["day", "run"] | int | None = None

    def __post_init__(self) -> None:
        """Refuse what says two things."""
        if isinstance(self.per, int) and not 0 < self.per < SECONDS_A_DAY:
            raise ValueError('a limit is per "day", per "run", per fewer seconds than a day has, or None')

    @property
    def seconds(self) -> int | None:
        """The window as rows keep it: a day is written as 86,400; a run, as a right answer, has none."""
        if isinstance(self.per, int) or self.per is None:
            return self.per
        return SECONDS_A_DAY if self.per == DAY else None

    def since(self, now: datetime) -> datetime | None:
        """Return from when on things count at `now`; None when all of them do."""
        return window_begins(self.seconds, now)


def is_day(seconds: int | None) -> bool:
    """Tell whether a window, as rows keep it, is the customer's day."""
    return seconds == SECONDS_A_DAY


def window_begins(seconds: int | None, now: datetime) -> datetime | None:
    """Return from when on things count at `now`, for a window as rows keep it."""
    if seconds is None:
        return None
    return day_begins(day_of(now)) if is_day(seconds) else now - timedelta(seconds=seconds)


def window_ends(seconds: int | None, start: datetime) -> datetime | None:
    """Return when what was counted at `start` counts no more, for a window as rows keep it."""
    if seconds is None:
        return None
    return day_ends(day_of(start)) if is_day(seconds) else start + timedelta(seconds=seconds)
