"""Values that are read when somebody first asks for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Later(Generic[Value]):
    """What a step may see but most steps never look at; `read` gets it, and may remember it."""

    read: Callable[[], Value]


def at_hand(value: Value | Later[Value]) -> Value:
    """Return a value, reading it if it was left for later."""
    return value.read() if isinstance(value, Later) else value
