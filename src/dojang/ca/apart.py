"""Doing something for many in one transaction, and finding the one that spoils it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from django.db import InterfaceError, connection

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Item = TypeVar("Item")
Result = TypeVar("Result")


def apart(
    items: Sequence[Item], work: Callable[[Sequence[Item]], Sequence[Result]]
) -> list[Result | Exception]:
    """Do `work` for all items at once; when it fails, for each half, until what fails stands alone.

    `work` is one transaction: a failure leaves nothing of it. Returns for each item its result or why it has
    none. A database that is away is so for all of them, and raised.
    """
    if not items:
        return []
    try:
        return list(work(items))
    except InterfaceError:
        raise
    except Exception as error:
        if connection.connection is None or connection.connection.closed:
            raise
        if len(items) == 1:
            return [error]
    half = len(items) // 2
    return [*apart(items[:half], work), *apart(items[half:], work)]


def sure(outcome: Result | Exception) -> Result:
    """Return a result, or raise what stands in its place."""
    if isinstance(outcome, Exception):
        raise outcome
    return outcome
