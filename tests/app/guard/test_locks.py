"""Locks by name: held, tried, waited for, and gone with their session."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from django.db import connection, transaction

from dojang.guard.locks import hold_to_commit, holding, holding_row, lock_number, trying

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db(transaction=True)


def elsewhere(work: Callable[[], object]) -> object:
    """Do something on another connection; return what came out."""
    found: list[object] = []

    def run() -> None:
        try:
            found.append(work())
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(timeout=60)
    return found[0]


def is_free(*name: str) -> object:
    """Tell whether another session can have a lock."""

    def look() -> bool:
        with trying(*name) as held:
            return held

    return elsewhere(look)


def held_here() -> int:
    """How many advisory locks this session holds, as the server counts them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
        return int(cursor.fetchone()[0])


def test_a_held_name_is_held_for_everybody_else() -> None:
    """While it is held nobody else has it, its neighbours are free, and afterwards it is free again."""
    with holding("order", "1") as held:
        assert held
        assert not is_free("order", "1")
        assert is_free("order", "2")
        assert is_free("order1")
    assert is_free("order", "1")
    assert held_here() == 0


def test_holding_again_costs_nothing_and_the_outer_hold_stays() -> None:
    """Within one thread a name may be held again, by any of the ways, and is let go of once, at the end."""
    with holding("order", "1"), holding("order", "1"):
        with trying("order", "1") as again:
            assert again
        row = "FROM (VALUES (%s)) AS rows(id) WHERE id = 7"
        with holding_row("order", "1", row=row, values=[7]) as mine:
            assert mine
        assert not is_free("order", "1")
    assert is_free("order", "1")
    assert held_here() == 0


def test_patience_has_an_end() -> None:
    """Who waits for a lock somebody keeps is told so; who comes after its end gets it."""

    def wait() -> bool:
        with holding("order", "1", patience=0.05) as held:
            return held

    with holding("order", "1"):
        assert elsewhere(wait) is False
    assert elsewhere(wait) is True


def test_a_lock_for_a_row_needs_the_row() -> None:
    """Without the row nothing is locked; with it the lock is as any other."""
    row = "FROM (VALUES (%s)) AS rows(id) WHERE id = 7"
    with holding_row("run", "7", row=row, values=[8]) as held:
        assert held is None
        assert held_here() == 0
    with holding_row("run", "7", row=row, values=[7]) as held:
        assert held
        assert not is_free("run", "7")


def test_a_lost_session_loses_its_locks() -> None:
    """A connection that ends lets go, and the end of the hold is no error."""
    with holding("order", "1"):
        connection.close()
        assert is_free("order", "1")
    assert held_here() == 0


def test_a_transactions_lock_ends_with_it() -> None:
    """It is held to the commit, or to the rollback, and needs a transaction."""
    for fails in (False, True):
        with pytest.raises(ZeroDivisionError) if fails else transaction.atomic(), transaction.atomic():
            hold_to_commit("person", "c1")
            assert not is_free("person", "c1")
            _ = 1 / (0 if fails else 1)
        assert is_free("person", "c1")
    with pytest.raises(RuntimeError):
        hold_to_commit("person", "c1")


def test_numbers_stay_what_they_are() -> None:
    """A name has one number in every release, so processes of two releases lock the same."""
    assert lock_number("order", "run-1") == 7078200551742400761
    assert lock_number("dojang.ra|run-1") == -1276693805333450629
