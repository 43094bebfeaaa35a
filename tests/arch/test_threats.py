"""`docs/threats.md` and the code say the same: every counter there is, and how it heals."""

from __future__ import annotations

import ast
import importlib
import re
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dojang.ports.limits import DAY, RUN, Limit
from dojang.ports.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "dojang"
THREATS = (ROOT / "docs" / "threats.md").read_text("utf-8")
MAKERS = {"Count", "Tally", "Budget", "sends"}
#: Made out of others: a kind's count becomes a tally, a budget's tally is its own.
DERIVED = {"count.factor", "self.name"}
#: What stays though it is no step's: whoever moves these holds a key, or is asked for its PIN.
OF_KEYS = {"wallet_pin", "device_pattern", "device_biometric"}


class Counter:
    """One place in the code where something is counted."""

    def __init__(self, maker: str, name: str, heals: set[str], subject: str) -> None:
        self.maker, self.name, self.heals, self.subject = maker, name, heals, subject


def _argument(call: ast.Call, name: str, place: int) -> ast.expr | None:
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    return call.args[place] if len(call.args) > place else None


def _names(expression: ast.expr, module: Any) -> list[str]:
    """Resolve what a counter is called: a word, a constant, or the name of each kind that shares the code."""
    if isinstance(expression, ast.Constant):
        return [str(expression.value)]
    if isinstance(expression, ast.Name):
        return [str(getattr(module, expression.id))] if hasattr(module, expression.id) else []
    own = [
        thing.name
        for thing in vars(module).values()
        if isinstance(thing, type) and thing.__module__ == module.__name__ and getattr(thing, "name", "")
    ]
    text = ast.unparse(expression)
    if text == "self.name":
        return own
    suffix = re.fullmatch(r"f'\{self\.name\}(\w+)'", text)
    assert suffix, text
    return [name + suffix[1] for name in own]


def _assigned(function: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Yield what each name in a function is set to, also several at once."""
    for node in ast.walk(function):
        if not isinstance(node, ast.Assign):
            continue
        target, value = node.targets[0], node.value
        several = isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)
        pairs = zip(target.elts, value.elts, strict=True) if several else [(target, value)]  # type: ignore[attr-defined]
        yield from ((name.id, to) for name, to in pairs if isinstance(name, ast.Name))


def _limits(call: ast.Call, function: ast.AST, tree: ast.AST) -> list[Limit]:
    """Find the figures of the policy a counter may be bounded by; two where the code chooses."""
    found = _argument(call, "limit", 2)
    assigned = dict(_assigned(function))
    while isinstance(found, ast.Name):
        found = assigned.get(found.id)
    text = ast.unparse(found or function)  # one of several, walked through: any that the function names
    if method := re.match(r"self\.(\w+)\(", text):  # what each kind says for itself
        text = "\n".join(
            ast.unparse(node)
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef) and node.name == method[1]
        )
    paths = re.findall(r"policy\.(\w+)\.(\w+)", text)
    limits = [getattr(getattr(Policy(), concern), name) for concern, name in paths]
    return [limit for limit in limits if isinstance(limit, Limit)]


def _heals(limit: Limit) -> str:
    if limit.per is None:
        return "lasting"
    return {DAY: "midnight", RUN: "run"}.get(str(limit.per), "window")


def _counters() -> Iterator[Counter]:
    for file in sorted(SOURCE.rglob("*.py")):
        tree = ast.parse(file.read_text("utf-8"))
        calls = [
            (function, call)
            for function in ast.walk(tree)
            if isinstance(function, ast.FunctionDef)
            for call in ast.walk(function)
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") in MAKERS
        ]
        if not calls:
            continue
        module = importlib.import_module("dojang." + ".".join(file.relative_to(SOURCE).with_suffix("").parts))
        for function, call in calls:
            maker = str(getattr(call.func, "id", ""))
            place = {"Budget": 0, "sends": 1}.get(maker, 0)
            name = _argument(call, "name" if maker == "Budget" else "factor", place)
            assert name is not None, f"{file}:{call.lineno}"
            if function.name == "sends" or (maker == "Tally" and ast.unparse(name) in DERIVED):
                continue
            kind = _argument(call, "subject_kind", 9)
            subject = (
                "run" if maker == "sends" else "customer" if kind is None else ast.unparse(kind).strip("'")
            )
            heals = (
                {"run"} if maker == "sends" else {_heals(limit) for limit in _limits(call, function, tree)}
            )
            assert heals, f"{file}:{call.lineno}"
            for one in _names(name, module):
                yield Counter(maker, one, heals, subject)


def _table() -> dict[str, set[str]]:
    section = THREATS.split("## Counters and locks")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| ([\w, ]+) \|", section, re.MULTILINE)
    assert len(rows) == len(dict(rows)), "a counter stands there twice"
    return {name: set(heals.split(", ")) for name, heals in rows}


def test_every_counter_stands_in_the_table_with_how_it_heals() -> None:
    """Nothing is counted that the table does not name, and nothing is named that is not counted."""
    found: dict[str, set[str]] = defaultdict(set)
    for counter in _counters():
        found[counter.name] |= counter.heals
    assert dict(found) == _table()


def test_what_stays_is_counted_for_a_customer_or_a_key() -> None:
    """A lasting counter of a step is a customer's, where the rule of claims holds; all others are a key's."""
    lasting = [counter for counter in _counters() if "lasting" in counter.heals]
    steps = {counter.subject for counter in lasting if counter.maker == "Count"}
    assert steps == {"customer", "customer' if own else 'phone"}
    assert {counter.name for counter in lasting if counter.maker != "Count"} == OF_KEYS


def test_every_row_says_who_and_the_way_out() -> None:
    """No cell of the table is empty."""
    section = THREATS.split("## Counters and locks")[1].split("\n## ")[0]
    rows = [row.strip("|").split("|") for row in section.splitlines() if row.startswith("| `")]
    assert {len(row) for row in rows} == {5}
    assert [row for row in rows if not all(cell.strip() for cell in row)] == []
