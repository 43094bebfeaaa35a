"""Migrations for rooms that were divided: a model moves to another app, and its rows stay where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import migrations

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.db.backends.base.schema import BaseDatabaseSchemaEditor
    from django.db.migrations.state import ProjectState


class AdoptModel(migrations.CreateModel):
    """Make a model's table, or take over the table it had under another app's name, with every row.

    `former` is the table's earlier name; `renamed` maps earlier names of indexes and constraints to the
    present ones. In the other direction the table goes back to its earlier name.
    """

    def __init__(self, *, former: str, renamed: Mapping[str, str], **model: Any) -> None:
        super().__init__(**model)
        self.former = former
        self.renamed = dict(renamed)

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        """Return how a migration file writes this operation."""
        name, positional, named = super().deconstruct()
        return name, positional, {**named, "former": self.former, "renamed": self.renamed}

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Rename what is there; create what is not."""
        if not _has_table(schema_editor, self.former):
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        table = to_state.apps.get_model(app_label, self.name)._meta.db_table  # noqa: SLF001 - Django's public name for it
        _rename(schema_editor, self.former, table, self.renamed)

    def database_backwards(
        self, app_label: str, schema_editor: Any, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Give the table its earlier name back."""
        del to_state
        table = from_state.apps.get_model(app_label, self.name)._meta.db_table  # noqa: SLF001 - the same
        _rename(schema_editor, table, self.former, {new: old for old, new in self.renamed.items()})


def _has_table(editor: BaseDatabaseSchemaEditor, table: str) -> bool:
    with editor.connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [table])
        return bool(cursor.fetchone()[0])


def _rename(editor: BaseDatabaseSchemaEditor, table: str, to: str, names: Mapping[str, str]) -> None:
    quoted = editor.quote_name
    editor.execute(f"ALTER TABLE {quoted(table)} RENAME TO {quoted(to)}")
    for old, new in names.items():
        editor.execute(f"ALTER INDEX {quoted(old)} RENAME TO {quoted(new)}")
