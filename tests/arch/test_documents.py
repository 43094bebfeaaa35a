"""Documents stay true: the README's commands and links exist, and the code uses the glossary's names."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def test_every_make_target_of_the_readme_exists() -> None:
    """`make <target>` in README and CONTRIBUTING names a target of the Makefile."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    known = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z-]+)", README + (ROOT / "CONTRIBUTING.md").read_text("utf-8")))
    assert named - known == set()


def _commands() -> list[tuple[str, ...]]:
    found = set()
    for match in re.finditer(r"\bdojang ((?:[a-z]+)(?: [a-z]+(?:\|[a-z]+)*)?)", README):
        noun, _, verbs = match[1].partition(" ")
        found |= {(noun, verb) if verb else (noun,) for verb in verbs.split("|")}
    return sorted(found)


@pytest.mark.parametrize("command", _commands(), ids=" ".join)
def test_every_command_of_the_readme_exists(command: tuple[str, ...]) -> None:
    """The command line knows each command the README shows, and can explain it."""
    program = Path(sys.executable).parent / "dojang"
    done = subprocess.run(
        [program, *command, "--help"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "docs/architecture.md"])
def test_links_lead_somewhere(document: str) -> None:
    """Every relative link of the main documents is a file or folder."""
    file = ROOT / document
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", file.read_text("utf-8")):
        assert (file.parent / target).exists(), target


def test_named_files_are_there() -> None:
    """Every path of the house that a document names is a file or folder of it."""
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("tests/**/*.md")]
    path = re.compile(r"`((?:src|tests|tools|bench|frontend|docs|changes\.d)/[\w./-]+)`")
    named = {name for file in documents for name in path.findall(file.read_text("utf-8"))}
    named -= {"frontend/node_modules"}  # made by the set-up of `make run`
    assert len(named) > 40
    assert sorted(name for name in named if not (ROOT / name).exists()) == []


def glossary() -> list[list[str]]:
    """Return the glossary's rows: Korean, English, code, meaning."""
    lines = (ROOT / "GLOSSARY.md").read_text("utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return rows[2:]


def test_the_words_of_the_glossary_are_those_of_the_code() -> None:
    """Each code name of the glossary occurs in the sources."""
    names = [name for row in glossary() for name in re.findall(r"`([^`]+)`", row[2])]
    sources = "\n".join(file.read_text("utf-8") for file in (ROOT / "src" / "dojang").rglob("*.py"))
    assert len(names) > 60
    assert [name for name in names if name not in sources] == []


@pytest.mark.parametrize(("column", "language"), [(0, "Korean"), (1, "English"), (2, "code")])
def test_one_word_means_one_thing(column: int, language: str) -> None:
    """No word of the three languages stands for two things in the glossary."""
    cells = [row[column].lower() for row in glossary()]
    words = re.findall(r"`([^`]+)`", " ".join(cells)) if language == "code" else cells
    assert sorted({word for word in words if words.count(word) > 1}) == []


def test_every_decision_has_a_number_of_its_own() -> None:
    """No two decision records share a number, and each begins with the number its file has."""
    records = sorted((ROOT / "docs/adr").glob("[0-9]*.md"))
    numbers = [int(record.name[:4]) for record in records]
    assert numbers == list(range(1, len(records) + 1))
    assert [int(record.read_text("utf-8").split(".")[0].removeprefix("# ")) for record in records] == numbers
