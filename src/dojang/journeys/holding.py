"""The certificates a customer has, as far as a journey looks at them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A certificate the customer has or had. `state`: ``issued active suspended revoked expired``."""

    product: str
    unlock: str  #: what opens its key: ``pin``, ``password``, ``pattern``
    serial: str
    state: str
    not_before: datetime
    not_after: datetime
    ended_at: datetime | None = None  #: when it was revoked
    end_reason: str = ""  #: ``superseded`` … when it was revoked


def in_use(held: Iterable[Holding], now: datetime, wanted: Callable[[Holding], bool]) -> Holding | None:
    """Return the first certificate that is in use at a moment and wanted, if any."""
    return next((one for one in held if one.state == "active" and one.not_after >= now and wanted(one)), None)
