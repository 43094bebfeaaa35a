"""What the figures of a policy are figures of: written beside each, so that nobody has to guess."""

from __future__ import annotations

from dataclasses import field
from typing import Any, Final

#: Keys of a field's metadata: its unit, and the least and the most a bank may set it to.
UNIT: Final = "unit"
LEAST: Final = "least"
MOST: Final = "most"
ENTRY: Final = "entry"  #: of a table with names of its own: what stands in it, ``str`` or ``dict``
_DIGITS: Final = 6  #: more than this nobody copies from one screen to another


def of(default: int, unit: str, *, least: int = 1, most: int | None = None) -> int:
    """Describe a field that is a number of `unit`; below `least` and above `most` no bank can mean it."""
    return field(default=default, metadata={UNIT: unit, LEAST: least, MOST: most})


def table(entry: type) -> Any:
    """Describe a field that is a table whose names are not the policy's, of texts or of tables."""
    return field(default_factory=dict, metadata={ENTRY: entry})


def seconds(default: int, *, least: int = 1) -> int:
    """Describe a field that is a number of seconds."""
    return of(default, "seconds", least=least)


def days(default: int, *, least: int = 1) -> int:
    """Describe a field that is a number of days."""
    return of(default, "days", least=least)


def digits(default: int) -> int:
    """Describe a field that is a number of decimal digits."""
    return of(default, "digits", most=_DIGITS)
