"""The house keeps its own rules: which room imports which, how long things are, what is said nowhere."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import dojang
from dojang.pki.errors import DojangError
from dojang.products.messages import LOCALES, catalog

ROOT = Path(__file__).resolve().parent.parent.parent
LONGEST_FILE = 600
LONGEST_FUNCTION = 60
LONGEST_README = 150
#: Files and functions that may be longer, each with its reason.
LONG_FILES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {}


def tracked(*patterns: str) -> list[Path]:
    """Return the project's own files, as version control knows them (new ones included)."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).is_file()]


def test_imports_point_down() -> None:
    """Every import between rooms goes downwards, and the pure rooms know no framework."""
    linter = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run(
        [linter, "--no-logo"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout[-3000:]


def test_files_are_short() -> None:
    """No source file has more than 600 lines without a reason in the list above."""
    long = {
        str(file.relative_to(ROOT)): lines
        for file in tracked("*.py", "*.ts", "*.css", "*.html", "*.mjs")
        if (lines := len(file.read_text("utf-8").splitlines())) > LONGEST_FILE
    }
    assert {name: lines for name, lines in long.items() if name not in LONG_FILES} == {}


def test_midnight_is_in_one_place() -> None:
    """Nobody but `dojang.pki.day` knows how far Seoul is, and no day is taken from a moment by hand."""
    by_hand = re.compile(
        r"\btimezone\(|Asia/Seoul|\bhours=9\b|\)\.date\(\)|_after\.date\(\)|_?DAY\b.*= timedelta"
    )
    found = [
        f"{file.relative_to(ROOT)}: {match[0]}"
        for file in tracked("src/*.py")
        if file.name != "day.py"
        for match in by_hand.finditer(file.read_text("utf-8"))
    ]
    assert found == []


def test_one_name_one_class() -> None:
    """No two classes of the house have one name: whoever searches for one finds it."""
    where: dict[str, list[str]] = {}
    for file in tracked("src/*.py"):
        for node in ast.parse(file.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and node.name != "Migration":
                where.setdefault(node.name, []).append(str(file.relative_to(ROOT)))
    assert {name: files for name, files in where.items() if len(files) > 1} == {}


@pytest.mark.parametrize(
    ("what", "pattern", "where"),
    [
        ("a lock", r"pg_(?:try_)?advisory", {"guard/locks.py", "sandbox/store.py", "sandbox/telephony.py"}),
        ("a counter", r"\bFactorCounter\(|\berrors = models\.", {"guard/models.py"}),
        ("a challenge", r"^class Challenge\(", {"guard/models.py"}),
    ],
)
def test_the_guard_has_each_mechanism_alone(what: str, pattern: str, where: set[str]) -> None:
    """Locks, counters and challenges are made in the guard; the simulated country has locks of its own."""
    source = ROOT / "src/dojang"
    found = {
        str(file.relative_to(source))
        for file in tracked("src/dojang/*.py")
        if "migrations" not in file.parts and re.search(pattern, file.read_text("utf-8"), re.MULTILINE)
    }
    assert found == where, what


def test_functions_are_short() -> None:
    """No function has more than 60 lines without a reason in the list above."""
    long = {}
    for file in tracked("src/*.py", "tools/*.py"):
        if "migrations" in file.parts:
            continue
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > LONGEST_FUNCTION:
                    long[f"{file.relative_to(ROOT)}:{node.name}"] = lines
    assert {name: lines for name, lines in long.items() if name not in LONG_FUNCTIONS} == {}


def test_readme_is_short() -> None:
    """The README has at most 150 lines."""
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= LONGEST_README


@pytest.mark.parametrize(
    ("what", "pattern"),
    [
        ("a place on somebody's machine", r"/(?:root|home/[a-z]+|Users/[A-Za-z]+)/|/work/(?:main|shared)"),
        ("work left for later", r"\b(?:TODO|FIXME|XXX|HACK)\b"),
        ("a real bank's mark", r"국민은행|kbstar|신한은행|우리은행|하나은행|농협은행"),
    ],
)
def test_nothing_is_said_that_does_not_belong(what: str, pattern: str) -> None:
    """Sources and documents name no private place, leave nothing for later and wear no real bank's mark."""
    this = Path(__file__).resolve()
    found = [
        f"{file.relative_to(ROOT)}: {match[0]}"
        for file in tracked("src", "frontend/src", "frontend/css", "docs", "tools", "*.md", "*.toml")
        if file != this and file.suffix not in {".png", ".webp", ".woff2", ".ico"}
        for match in re.finditer(pattern, file.read_text("utf-8"))
    ]
    assert found == [], what


def _every_error() -> dict[str, type[DojangError]]:
    for module in pkgutil.walk_packages(dojang.__path__, "dojang."):
        if not module.name.endswith("__main__") and ".migrations" not in module.name:
            importlib.import_module(module.name)
    found, waiting = {}, [DojangError]
    while waiting:
        for kind in waiting.pop().__subclasses__():
            waiting.append(kind)
            if kind.__module__.startswith("dojang."):
                found[kind.code] = kind
    return found


@pytest.mark.parametrize("locale", LOCALES)
def test_every_error_has_a_sentence(locale: str) -> None:
    """Every error code of the house has a sentence in both languages."""
    known = catalog(locale)
    assert sorted(code for code in _every_error() if f"error.{code}" not in known) == []


@pytest.mark.django_db
def test_migrations_are_complete() -> None:
    """The models say nothing the migrations do not."""
    from django.core.management import call_command

    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
