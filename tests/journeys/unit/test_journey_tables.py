"""The auditor's tables and the guides: made from the definitions, complete, and as committed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dojang.ports.policy import Policy
from dojang.products import JOURNEYS, PRODUCTS
from dojang.products.guides import questions
from dojang.products.messages import render
from dojang.products.presets import figures_of, policy_of
from dojang.products.printed import PRINTED
from dojang.products.tables import pages, table_of

#: Printed steps done before a run begins: pages of the certificate centre, the menu of the app.
BEFORE = {"financial-web": {1, 2}, "financial-app": {1, 2, 3, 4}}
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
        before = BEFORE.get(journey.id.rpartition("-")[0], set())
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


def test_what_runs_when_nothing_is_set_is_the_printed_preset() -> None:
    """The defaults are the seeds'; the two presets set the same figures, and differ in each of them."""
    printed, unset = policy_of("as-printed"), Policy()
    assert replace(printed, products={}) == unset
    for product in PRODUCTS.values():
        assert product.life_under(printed) == product.life_under(unset) == product.life_days
        for name in product.choices:
            assert product.choice_under(printed, name) == product.choice_under(unset, name)
    first, other = figures_of("as-printed")["products"], figures_of("kisa")["products"]
    assert {id_: set(figures) for id_, figures in first.items()} == {
        id_: set(figures) for id_, figures in other.items()
    }
    assert [n for id_ in first for n in first[id_] if first[id_][n] == other[id_][n]] == []
    financial = PRODUCTS["financial"]
    assert financial.life_under(unset) // 365 == 2
    assert financial.life_under(policy_of("kisa")) // 365 == 3


def test_the_printed_preset_walks_the_printed_order() -> None:
    """The numbers of the guide never go back, in any journey."""
    for journey in JOURNEYS.values():
        numbers = [step.guide[0] for step in journey.walk(Policy()) if step.guide]
        assert numbers == sorted(numbers), journey.id


@pytest.mark.parametrize("locale", ["ko", "en"])
def test_each_journey_has_its_questions(locale: str) -> None:
    """Each guide answers at least five questions, each with a sentence in both languages."""
    for journey_id in JOURNEYS:
        asked = questions(journey_id, Policy())
        assert len(asked) >= 6
        for item in asked:
            assert render(item.question.id, locale, **item.question.args)
            assert render(item.answer.id, locale, **item.answer.args)
