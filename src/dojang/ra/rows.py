"""A run's row, read by fixed statements.

Every request reads it several times. The statements are always the same text, so a connection plans each of
them once, and none of them is composed anew for each use. What writes it is `actions.writing`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.db import connection

from dojang.ra.models import Run

if TYPE_CHECKING:
    from collections.abc import Sequence

_FIELDS: Final = tuple(field.attname for field in Run._meta.concrete_fields)  # noqa: SLF001 - Django's public name for it
_SELECT: Final = f"SELECT {', '.join(_FIELDS)} FROM ra_run"  # noqa: S608 - names of our own columns
_READ: Final = f"{_SELECT} WHERE id = %s AND session = %s"
_LOCK: Final = f"{_SELECT} WHERE id = %s FOR UPDATE"


def _made(sql: str, parameters: Sequence[Any]) -> Run | None:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        row = cursor.fetchone()
    return None if row is None else Run.from_db(connection.alias, _FIELDS, row)


def read_run(run_id: str, session: str) -> Run | None:
    """Return a session's run, or None."""
    return _made(_READ, [run_id, session])


def lock_run(run_id: str) -> Run:
    """Return a run with its row locked until the transaction ends. Raises `Run.DoesNotExist`."""
    found = _made(_LOCK, [run_id])
    if found is None:
        raise Run.DoesNotExist
    return found
