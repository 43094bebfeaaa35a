"""Is this installation fit to serve: adapters, tables, keys, authorities? Asked at every start.

Each question is asked in one place and answered with an error that has a sentence and a remedy. What cannot
be asked (the database is away) is no answer: a process then starts and waits, as it does in the middle of
its life.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from django.db import DatabaseError, InterfaceError, OperationalError, connection

from dojang.ca.queries import missing_authorities
from dojang.config.faults import CeremonyMissingError, DatabaseBehindError
from dojang.config.wiring import require_adapters
from dojang.guard.keeping import require_keys
from dojang.pki.errors import DojangError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from dojang.config.options import Options


@functools.cache
def _known_steps() -> frozenset[tuple[str, str]]:
    from django.db.migrations.loader import MigrationLoader  # slow to import, and asked once

    return frozenset((app, name) for app, name in MigrationLoader(None).disk_migrations)


def missing_steps() -> list[str]:
    """Return the steps of this version's schema that the database has not made, as ``app.name``."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('django_migrations') IS NOT NULL")
        made = set()
        if cursor.fetchone()[0]:
            cursor.execute("SELECT app, name FROM django_migrations")
            made = set(cursor.fetchall())
    return sorted(f"{app}.{name}" for app, name in _known_steps() - made)


def require_schema() -> None:
    """Raise `DatabaseBehindError` unless the database has this version's tables."""
    missing = missing_steps()
    if missing:
        raise DatabaseBehindError(", ".join(missing), missing=len(missing))


def require_authorities(now: datetime) -> None:
    """Raise `CeremonyMissingError` unless certificates and their status can be signed."""
    roles = missing_authorities(now)
    if roles:
        raise CeremonyMissingError(roles=", ".join(roles))


def require_sound(options: Options, *, now: datetime | None = None) -> None:
    """Refuse to start what could not serve. Raises the first fault; a database that is away is none.

    With `now` the authorities are asked for as well (not before the ceremony that makes them).
    """
    require_adapters(options)
    asked: list[Callable[[], None]] = [require_schema, require_keys]
    if now is not None:
        asked.append(functools.partial(require_authorities, now))
    try:
        for ask in asked:
            ask()
    except (OperationalError, InterfaceError):
        return
    finally:
        connection.close()


def database_faults(now: datetime) -> list[DojangError]:
    """Ask everything of a database that answers; return every fault. Tables that are behind come alone."""
    try:
        require_schema()
    except DojangError as fault:
        return [fault]
    found = []
    for ask in (require_keys, functools.partial(require_authorities, now)):
        try:
            ask()
        except DojangError as fault:
            found.append(fault)
        except DatabaseError as failure:
            found.append(DatabaseBehindError(type(failure).__name__, missing=0))
    return found
