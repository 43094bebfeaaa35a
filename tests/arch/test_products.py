"""Nobody but the products' own files tells products apart by name.

What counts as a name: the id of a product in a piece of text of the program (a string, an address, a key of a
page), alone or in part: ``"joint"``, ``web.product.financial``, ``/app/bank/pattern/``; and in the name of a
function, class, file or figure: ``login_joint``, ``joint_needs_factor``.

What does not count: what explains (comments and docstrings), and words that say something else. ``bank`` as a
name or a key, or before a word such as ``name``, is the bank itself; ``bank_certificate`` is a factor and
``joint_certificate`` a text customers agree to.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest
from tests.arch.test_house import ROOT, tracked

from dojang.products import PRODUCTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OURS = ("src/dojang/products/", "src/dojang/pki/profiles.py", "src/dojang/web/static/")
#: Files that may name a product, or say ``bank`` alone, each with its reason.
ALLOWED = {
    "frontend/src/device/store.ts": "customers' devices hold records under these words since long ago",
    "src/dojang/journeys/kinds/one_won.py": "the field that names the other bank",
    "src/dojang/sandbox/api.py": "a text message is the bank's or the telephone's",
    "src/dojang/sandbox/schemas.py": "a text message is the bank's or the telephone's",
}
_THE_PRODUCT = re.compile(
    r"(?:^|/)bank/|\bbank[-_](?:app|web|issue|reissue)|(?:^|[-_./])(?:login|product|window)[-_.]bank"
)
_OTHER_WORDS = re.compile(r"(bank|joint)_certificate")


def names_in(word: str) -> set[str]:
    """Return the ids of products that one text or name of the program says."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", _OTHER_WORDS.sub("", word)).lower()
    said = {part for part in re.findall(r"[a-z0-9]+", apart) if part in PRODUCTS} - {"bank"}
    place = re.search(
        r"(?:^|/)bank/|\bbank[-_](?:app|web|issue|reissue)|[-_./](?:login|product|window)[-_.]bank", word
    )
    return said | ({"bank"} if place or word == "bank" else set())


def python_words(source: str) -> Iterator[str]:
    """Yield names and texts of a module but for docstrings, keys of words for sentences, and subscripts."""
    tree = ast.parse(source)
    passed = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            passed |= {id(key) for key in node.keys}
        elif isinstance(node, ast.Subscript):
            passed.add(id(node.slice))
        elif isinstance(node, ast.Expr):
            passed.add(id(node.value))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in passed:
            yield node.value
        elif isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name != "bank":
            yield node.name
        elif isinstance(node, ast.Name | ast.Attribute | ast.arg | ast.keyword):
            name = getattr(node, "id", None) or getattr(node, "attr", None) or getattr(node, "arg", None)
            if name and name != "bank":
                yield name


def page_words(source: str) -> Iterator[str]:
    """Yield what a page's template, a script or a style sheet says, but for what explains."""
    bare = re.sub(r"\{#.*?#\}|/\*.*?\*/|^\s*//[^\n]*", "", source, flags=re.DOTALL | re.MULTILINE)
    yield from re.findall(r"[\"'`]([^\"'`]*)[\"'`]", bare)
    yield from (word for word in re.findall(r"[A-Za-z0-9_./-]+", bare) if word != "bank")


def naming(file: Path) -> set[str]:
    """Return the ids of products a file names, in its own name or inside."""
    place = str(file.relative_to(ROOT))
    words = python_words if file.suffix == ".py" else page_words
    found = names_in(place.removeprefix("src/dojang/"))
    return found.union(*(names_in(word) for word in words(file.read_text("utf-8"))))


def test_nobody_else_names_a_product() -> None:
    """Outside the products' own files and the profiles, no product is told apart by its name."""
    files = tracked("src/*.py", "src/*.html", "frontend/src/*.ts", "frontend/css/*.css", "tools/*.py")
    others = [file for file in files if not str(file.relative_to(ROOT)).startswith(OURS)]
    assert len(others) > 300
    found = {str(file.relative_to(ROOT)): names for file in others if (names := naming(file))}
    assert {place: names for place, names in found.items() if place not in ALLOWED} == {}
    assert set(ALLOWED) == set(found), "an exception that is none any more"


@pytest.mark.parametrize(
    "said",
    [
        'product == "joint"', 'WAYS = ("financial", "bank")', "def login_joint(): ...",
        "joint_needs_factor = 1", 'render("notice.product.bank")', 'path("app/bank/pattern/")',
        'go(f"{x}/financial/")', "class JointRecord: ...", 'JOURNEY = "bank-app-issue"',
        'rows.filter(product="bank")',
    ],
)  # fmt: skip
def test_a_name_is_seen(said: str) -> None:
    """Each way in which products were told apart would be found."""
    assert set().union(*map(names_in, python_words(said)))


@pytest.mark.parametrize(
    "said",
    [
        '{% if page.product == "financial" %}', "<joint-login data-x>", 'held.product === "bank"',
        "{% t 'product.joint.name' %}", 'href="/app/bank/pattern/"', "class JointLogin extends Element {",
    ],
)  # fmt: skip
def test_a_name_is_seen_on_a_page(said: str) -> None:
    """Templates and scripts are read as well."""
    assert set().union(*map(names_in, page_words(said)))


@pytest.mark.parametrize(
    "said",
    [
        '"""The joint certificate."""', 'words["bank"] = policy.bank.name_ko', 'values = {"bank": name}',
        'name = "bank_certificate"', "bank = theme.name", 'error("no_factor", phone=run.policy.bank.phone)',
    ],
)  # fmt: skip
def test_other_words_are_not_taken_for_one(said: str) -> None:
    """The bank itself, a factor's name and what explains are no names of products."""
    assert set().union(*map(names_in, python_words(said))) == set()
