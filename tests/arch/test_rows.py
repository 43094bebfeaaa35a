"""Rows are written where one looks for it: in a room's `actions`, and at no door."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parent.parent.parent / "src" / "dojang"
#: What writes a row, called on a manager, on rows found by it, or on a row.
WRITES = frozenset(
    {
        "bulk_create",
        "bulk_update",
        "create",
        "delete",
        "get_or_create",
        "save",
        "select_for_update",
        "update",
        "update_or_create",
    }
)
#: Rooms, and packages of rooms, that keep to it.
ROOMS = ("account", "wallet/uses")
DOORS = ("api", "edge", "web")


def files_of(room: str) -> list[Path]:
    """Return the modules of a room that run, without its migrations."""
    return [file for file in (SOURCE / room).rglob("*.py") if "migrations" not in file.parts]


def writes_in(file: Path) -> list[str]:
    """Return where a module writes rows: calls on something that came from a manager, and every `save`."""
    found, managed = [], set[str]()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Assign) and ".objects" in ast.unparse(node.value):
            managed |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WRITES:
            whose = ast.unparse(node.func.value)
            if (
                node.func.attr == "save"
                or ".objects" in whose
                or whose.split(".")[0].split("(")[0] in managed
            ):
                found.append(f"{file.relative_to(SOURCE)}:{node.lineno}")
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_rows_are_written_in_actions_only(room: str) -> None:
    """Whoever looks for a change of state finds it in `actions`; reading writes nothing."""
    others = [file for file in files_of(room) if file.name != "actions.py"]
    assert [place for file in others for place in writes_in(file)] == []
    assert [file for file in files_of(room) if file.name == "actions.py" and writes_in(file)]


@pytest.mark.parametrize("door", DOORS)
def test_no_door_touches_a_row(door: str) -> None:
    """Doors call actions and queries; no manager is theirs."""
    assert [file for file in files_of(door) if ".objects" in file.read_text("utf-8")] == []
