"""The customer's own day: it begins at midnight in Seoul, whatever clock a server runs by.

Beneath everything that counts or shows days: limits a day, the ends of certificates, days left, hours of
service. Moments are aware datetimes; days are calendar days in Korea, which knows no summer time.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from typing import Final

KST: Final = timezone(timedelta(hours=9), "KST")
_ONE: Final = timedelta(days=1)


def local(moment: datetime) -> datetime:
    """Return a moment as a clock in Seoul shows it."""
    return moment.astimezone(KST)


def day_of(moment: datetime) -> date:
    """Return the customer's day a moment falls on."""
    return local(moment).date()


def day_begins(day: date) -> datetime:
    """Return the first moment of a day: 00:00 in Seoul."""
    return datetime.combine(day, time(), tzinfo=KST)


def day_ends(day: date) -> datetime:
    """Return the first moment that is not this day's any more."""
    return day_begins(day + _ONE)


def days_between(earlier: datetime, later: datetime) -> int:
    """Count the midnights between two moments; negative when `later` is on an earlier day."""
    return (day_of(later) - day_of(earlier)).days


def whole_second(moment: datetime) -> datetime:
    """Cut a moment to whole seconds, as certificates, CRLs and OCSP write it."""
    return moment.replace(microsecond=0)
