"""Every change around notices, in one place to import from: tell, deliver, find what ends soon."""

from __future__ import annotations

from dojang.notices.actions.expiry import days_left, look, span_of, tell_one
from dojang.notices.actions.telling import (
    MAX_ATTEMPTS,
    Audience,
    deliver,
    deliver_waiting,
    gather_audience,
    notice_words,
    remember_channels,
    tell,
)

__all__ = [
    "MAX_ATTEMPTS",
    "Audience",
    "days_left",
    "deliver",
    "deliver_waiting",
    "gather_audience",
    "look",
    "notice_words",
    "remember_channels",
    "span_of",
    "tell",
    "tell_one",
]
