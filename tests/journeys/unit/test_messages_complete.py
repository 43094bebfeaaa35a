"""Sentences: the same ids and placeholders in both languages, and one for everything the code may say."""

from __future__ import annotations

import ast
import hashlib
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING

import pytest

import dojang
from dojang.products import JOURNEYS, financial, terms
from dojang.products.messages import catalog, render

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(dojang.__file__).parent
NAMES = {"Message", "say", "error", "wrong", "render"}


def placeholders(text: str) -> set[str]:
    """Return the names of a sentence's placeholders."""
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_both_languages_have_the_same_sentences() -> None:
    """No id is missing on either side, and no sentence is empty."""
    korean, english = catalog("ko"), catalog("en")
    assert sorted(korean) == sorted(english)
    assert [k for k, text in [*korean.items(), *english.items()] if not text.strip()] == []


def test_both_languages_fill_in_the_same_placeholders() -> None:
    """A placeholder on one side stands on the other, too."""
    korean, english = catalog("ko"), catalog("en")
    differing = [k for k in korean if placeholders(korean[k]) != placeholders(english.get(k, ""))]
    assert differing == []


def test_an_unknown_sentence_or_a_missing_argument_is_an_error() -> None:
    """`render` never shows a raw id."""
    with pytest.raises(KeyError):
        render("no.such.sentence", "ko")
    with pytest.raises(KeyError):
        render("error.user_not_found", "en")
    assert render("error.user_not_found", "xx", left=2) == render("error.user_not_found", "ko", left=2)


def literal_ids(tree: ast.AST) -> Iterator[str]:
    """Find ids written out in calls such as ``Message("…")`` and ``error("…")``."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        position = 2 if name == "wrong" else 0
        given = node.args[position] if name in NAMES and len(node.args) > position else None
        if isinstance(given, ast.Constant) and isinstance(given.value, str):
            yield f"error.{given.value}" if name in {"error", "wrong"} else given.value


def class_codes(tree: ast.AST) -> Iterator[str]:
    """Find the class-level ``code`` of every error class."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.ClassDef) and node.name.endswith("Error")):
            continue
        for item in node.body:
            if not isinstance(item, (ast.Assign, ast.AnnAssign)):
                continue
            targets = item.targets if isinstance(item, ast.Assign) else [item.target]
            value = item.value.value if isinstance(item.value, ast.Constant) else None
            if isinstance(value, str) and any(getattr(t, "id", "") == "code" for t in targets):
                yield f"error.{value}"


def test_every_sentence_the_journeys_name_exists() -> None:
    """Each literal id in the rooms of journeys and products is in the catalogue."""
    used = set()
    for room in ("journeys", "products"):
        for file in (SOURCE / room).rglob("*.py"):
            used |= set(literal_ids(ast.parse(file.read_text(encoding="utf-8"))))
    assert len(used) > 80
    assert sorted(used - set(catalog("ko"))) == []


def test_every_count_that_refuses_has_its_sentence() -> None:
    """Codes and locks named by counters exist."""
    codes = set()
    for file in (SOURCE / "journeys" / "kinds").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "code" and isinstance(node.value, ast.Constant):
                codes.add(str(node.value.value))
    assert {f"error.{c}" for c in codes} <= set(catalog("ko"))
    locks = {"identify", "lookup", "account_password", "account", "security_card", "otp", "person"}
    locks |= {"sms_reply", "mail_code", "phone_code"}
    assert {f"locked.{f}" for f in locks} <= set(catalog("ko"))


def test_every_error_class_has_its_sentence() -> None:
    """Each class-level ``code`` of an error, in any room, has ``error.<code>`` in the catalogue."""
    codes: set[str] = set()
    for file in SOURCE.rglob("*.py"):
        codes |= set(class_codes(ast.parse(file.read_text(encoding="utf-8"))))
    assert len(codes) > 20
    assert sorted(codes - set(catalog("ko"))) == []


def test_every_step_and_stage_has_its_words() -> None:
    """Titles, reasons, stages, side journeys and needs exist for each journey."""
    wanted = set()
    for journey in JOURNEYS.values():
        wanted |= {f"journey.{journey.id}", f"product.{journey.product.id}.name", *journey.needs}
        wanted |= {f"stage.{stage}" for stage in journey.stages}
        for walked in (journey, *journey.sides):
            wanted |= {f"step.{s.id}.title" for s in walked.steps} | {
                f"step.{s.id}.why" for s in walked.steps
            }
        wanted |= {f"side.{s.id}.action" for s in journey.sides} | {f"journey.{s.id}" for s in journey.sides}
        assert {s.stage for s in journey.steps} == set(journey.stages)
    assert sorted(wanted - set(catalog("ko"))) == []


def test_every_text_agreed_to_can_be_opened_in_its_version() -> None:
    """Nine texts, eight required, each in both languages, with the digest of exactly that text."""
    listed = terms.terms_of(financial.TERMS)
    assert len(listed) == 9
    assert [t.id for t in listed if not t.required] == ["marketing"]
    for term in listed:
        for locale in terms.LANGUAGES:
            text = terms.text_of(term.id, term.version, locale)
            assert hashlib.sha256(text.encode()).hexdigest() == term.sha256[locale]
            assert render(f"terms.{term.id}.text", locale) == text
            assert render(f"terms.{term.id}.title", locale) in text.splitlines()[0]


@pytest.mark.parametrize(
    ("term_id", "version"), [("privacy", "9.9"), ("../ko/privacy", "1.0"), ("privacy", "../1")]
)
def test_no_other_file_is_opened(term_id: str, version: str) -> None:
    """An unknown text, version or path is a `KeyError`."""
    with pytest.raises(KeyError):
        terms.text_of(term_id, version, "ko")
