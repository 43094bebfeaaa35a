"""The clock as a port: every room asks it, none calls the operating system."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime


class Clock(Protocol):
    """Source of the present moment."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        ...
