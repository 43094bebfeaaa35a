"""Fixed statements for many rows: sent together, answered together."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import connection

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from django.db import models

Row = TypeVar("Row", bound="models.Model")


@contextmanager
def pipelined() -> Iterator[None]:
    """Send statements without waiting for each one's answer (libpq's pipeline mode).

    The end of the block waits for all of them and raises what went wrong with the first that failed; read the
    results behind it. Inside a transaction, end the block before the commit.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, connection.connection.pipeline():
        yield


def columns_of(model: type[models.Model], alias: str) -> str:
    """Return a model's columns for ``SELECT``, in the order `row_of` takes them."""
    fields = model._meta.concrete_fields  # noqa: SLF001 - Django documents `_meta` for this
    return ", ".join(f"{alias}.{connection.ops.quote_name(str(field.column))}" for field in fields)


def row_of(model: type[Row], values: Sequence[Any]) -> Row:
    """Make a row out of the values of `columns_of`, as Django's own queries do."""
    fields = model._meta.concrete_fields  # noqa: SLF001 - the same
    converted = list(values)
    for place, field in enumerate(fields):
        convert = getattr(field, "from_db_value", None)
        if convert is not None:
            converted[place] = convert(converted[place], None, connection)
    return model.from_db(connection.alias, [field.attname for field in fields], converted)
