"""The auditor's tables and the guides: made from the definitions, complete, and as committed."""

from __future__ import annotations

from pathlib import Path

import pytest

from dojang.ports.policy import Policy
from dojang.products import JOURNEYS
from dojang.products.guides import questions
from dojang.products.messages import render
from dojang.products.printed import PRINTED
from dojang.products.tables import pages, table_of

FOLDER = Path(__file__).parents[3] / "docs" / "journeys"


def test_the_committed_tables_are_those_of_the_definitions() -> None:
    """Every file of the folder is what the definitions make now, and none is missing or left over."""
    made = pages()
    assert {file.name for file in FOLDER.iterdir()} == set(made)
    for name, text in made.items():
        assert (FOLDER / name).read_text("utf-8") == text, f"{name} is out of date"


def test_each_printed_step_has_its_row() -> None:
    """18, 16, 7, 6 and 7 printed steps; each has a row, and each is done by a step or before the run."""
    counts = {journey_id: len(lines) for journey_id, lines in PRINTED.items()}
    assert counts == {
        "financial-web-issue": 18,
        "financial-web-reissue": 18,
        "financial-app-issue": 16,
        "financial-app-reissue": 16,
        "joint-app-issue": 7,
        "joint-app-reissue": 6,
        "bank-app-issue": 7,
        "bank-app-reissue": 7,
    }
    for journey in JOURNEYS.values():
        done = {number for step in journey.steps for number in step.guide}
        before = {1, 2} if journey.channel == "web" else set()
        assert done | before == set(range(1, counts[journey.id] + 1))
        table = table_of(journey.id)
        assert all(f"\n| {number} | " in table for number in range(1, counts[journey.id] + 1))


def test_both_orders_of_a_journey_hold_the_same_steps() -> None:
    """An order is a rearrangement: no step is lost, doubled or invented, and the default exists."""
    ordered = [journey for journey in JOURNEYS.values() if journey.order is not None]
    assert len(ordered) == 3
    for journey in ordered:
        assert journey.order is not None
        steps = sorted(step.id for step in journey.steps)
        assert all(sorted(ids) == steps for ids in journey.order.ways.values())
        assert journey.product.choice_under(Policy(), journey.order.choice) in journey.order.ways
        assert len(set(journey.order.ways.values())) == 2


@pytest.mark.parametrize("locale", ["ko", "en"])
def test_each_journey_has_its_questions(locale: str) -> None:
    """Each guide answers at least five questions, each with a sentence in both languages."""
    for journey_id in JOURNEYS:
        asked = questions(journey_id, Policy())
        assert len(asked) >= 6
        for item in asked:
            assert render(item.question.id, locale, **item.question.args)
            assert render(item.answer.id, locale, **item.answer.args)
