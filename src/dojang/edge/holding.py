"""Answers held back, so that their time tells nothing: the front waits with them, and no thread does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from django.http import HttpRequest

#: Where the moment stands (of `time.monotonic`) before which the front does not send an answer.
NOT_BEFORE: Final = "dojang.not_before"


def hold_until(request: HttpRequest, moment: float) -> None:
    """Have the answer to this request sent at `moment` (of `time.monotonic`), not earlier."""
    request.META[NOT_BEFORE] = moment
