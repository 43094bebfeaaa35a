"""Rows belong to their room: written in its `actions`, read by its own files, and touched at no door."""

from __future__ import annotations

import ast
import re
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
#: Rooms that keep to it: all that have rows but `guard`, whose every verb is one statement that counts, asks
#: and answers at once; what it holds are counters, and each file there is named after one kind of them.
ROOMS = ("account", "audit", "ca", "issuing", "notices", "ra", "wallet")
DOORS = ("api", "cli", "config", "edge", "web")
#: What changes a row in a statement written by hand.
STATEMENT = re.compile(r"\b(?:INSERT INTO|UPDATE \w+ (?:AS \w+ )?SET|DELETE FROM)\b")


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
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and STATEMENT.search(node.value):
            found.append(f"{file.relative_to(SOURCE)}:{node.lineno}")
    return found


def holds_actions(file: Path) -> bool:
    """Whether one looks here for a change of state: `actions.py`, or a file of an `actions` package."""
    return file.name == "actions.py" or file.parent.name == "actions"


@pytest.mark.parametrize("room", ROOMS)
def test_rows_are_written_in_actions_only(room: str) -> None:
    """Whoever looks for a change of state finds it in `actions`; reading writes nothing."""
    others = [file for file in files_of(room) if not holds_actions(file)]
    assert [place for file in others for place in writes_in(file)] == []
    assert [file for file in files_of(room) if holds_actions(file)]


@pytest.mark.parametrize("door", DOORS)
def test_no_door_touches_a_row(door: str) -> None:
    """Doors call actions and queries; no manager is theirs."""
    assert [file for file in files_of(door) if ".objects" in file.read_text("utf-8")] == []


def imports_of(file: Path) -> list[tuple[int, str]]:
    """Return what a module imports when it runs: line and dotted name, `from a import b` as ``a.b``."""
    tree = ast.parse(file.read_text("utf-8"))
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    found = []
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            found += [(node.lineno, name.name) for name in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [(node.lineno, f"{node.module}.{name.name}") for name in node.names]
    return found


def modules() -> list[Path]:
    """Return every module of the product, without migrations."""
    return [file for file in SOURCE.rglob("*.py") if "migrations" not in file.parts]


def test_models_are_private_to_their_room() -> None:
    """A room's rows are made and found by that room; others may only name one they are handed."""
    strangers = [
        f"{file.relative_to(SOURCE)}:{line} {name}"
        for file in modules()
        for line, name in imports_of(file)
        if (found := re.match(r"dojang\.(\w+)\.(?:\w+\.)*models\b", name))
        and found[1] != file.relative_to(SOURCE).parts[0]
    ]
    assert strangers == []


#: Who may know an adapter: the wiring, and the signing process, which is wired by nobody else.
WIRING = {
    "adapters": {"config/wiring.py", "signer/__main__.py"},
    "sandbox": {"config/wiring.py", "config/staging.py", "config/urls.py"},
}


@pytest.mark.parametrize("room", sorted(WIRING))
def test_adapters_are_known_to_the_wiring_alone(room: str) -> None:
    """Everybody else asks the World's ports, so another adapter is another line in the wiring."""
    knowing = {
        file.relative_to(SOURCE).as_posix()
        for file in modules()
        if file.relative_to(SOURCE).parts[0] != room
        and any(name.startswith(f"dojang.{room}.") for _, name in imports_of(file))
    }
    assert knowing == WIRING[room]
