"""Answers held back, so that their time tells nothing: the front waits with them, and no thread does."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from dojang.ports.limits import REFUSED_AFTER

if TYPE_CHECKING:
    from django.http import HttpRequest

#: Where the moment stands (of `time.monotonic`) before which the front does not send an answer.
NOT_BEFORE: Final = "dojang.not_before"


def hold_until(request: HttpRequest, moment: float) -> None:
    """Have the answer to this request sent at `moment` (of `time.monotonic`), not earlier."""
    request.META[NOT_BEFORE] = moment


def hold_refused(request: HttpRequest, began: float) -> None:
    """Hold a refusal back, so that its time does not tell what was found behind it.

    `began`: when the request's work began (of `time.monotonic`). Work that took longer than
    `REFUSED_AFTER` is answered at the next full multiple of it.
    """
    hold_until(request, began + REFUSED_AFTER * ((time.monotonic() - began) // REFUSED_AFTER + 1))
