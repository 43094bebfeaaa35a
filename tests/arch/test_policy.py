"""The policy's figures: each is read, says what it is a figure of, and stands once."""

from __future__ import annotations

import ast
import dataclasses
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pytest
from tests.arch.test_house import ROOT, tracked

from dojang.ports.limits import DAY, RUN, Limit
from dojang.ports.policy import Policy, PolicyError
from dojang.ports.policy.moved import GONE, MOVED
from dojang.ports.policy.reading import figure_at, figure_names
from dojang.ports.policy.units import UNIT
from dojang.products import JOURNEYS, PRODUCTS
from dojang.products.presets import AS_PRINTED, KISA, PRESETS, figures_of, policy_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

POLICY = "src/dojang/ports/policy/"
#: Refuses figures that cannot be; reading one there changes nothing for anybody.
JUDGE = "src/dojang/config/options.py"
CONCERNS = {
    item.name: getattr(Policy(), item.name)
    for item in dataclasses.fields(Policy)
    if dataclasses.is_dataclass(getattr(Policy(), item.name))
}
#: Where a limit is made of another one, with the reason.
MADE_OF_ANOTHER = {
    "src/dojang/journeys/claims.py": "of a claim, the same number over the day",
    "src/dojang/journeys/kinds/phone_check.py": "the first text, and then so many again",
}


def sources() -> list[Path]:
    """Return the program's Python files outside the policy itself."""
    files = [path for path in tracked("*.py") if str(path.relative_to(ROOT)).startswith("src/dojang/")]
    return [path for path in files if not str(path.relative_to(ROOT)).startswith(POLICY)]


def figures_read(source: str) -> Iterator[str]:
    """Yield ``concern.name`` for each ``policy.concern.name``, wherever the policy comes from."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Attribute):
            continue
        concern, whole = node.value.attr, node.value.value
        whole = whole.func if isinstance(whole, ast.Call) else whole
        name = getattr(whole, "attr", "") or getattr(whole, "id", "")
        if "policy" in name and concern in CONCERNS:
            yield f"{concern}.{node.attr}"


def behind(concern: str, name: str) -> set[str]:
    """Return the figures a method of a concern reads; the name itself when it is no method."""
    method = getattr(type(CONCERNS[concern]), name, None)
    names = method.__code__.co_names if callable(method) else (name,)
    return {f"{concern}.{read}" for read in names}


def test_every_figure_is_read() -> None:
    """No figure stands in the policy that nothing outside it reads: a setting that does nothing is a lie."""
    read: set[str] = set()
    for path in sources():
        if str(path.relative_to(ROOT)) != JUDGE:
            for figure in figures_read(path.read_text("utf-8")):
                read |= behind(*figure.split("."))
    assert sorted(set(figure_names(Policy())) - read) == []


def test_the_reader_of_sources_sees_a_figure_that_is_read_and_none_that_is_not() -> None:
    """It knows a policy by its name, and takes neither a text nor another's attribute for a figure."""
    code = "def f(run, policy):\n"
    code += "    return run.policy.ars.ttl, 'ars.digits', run.handoff.ttl, policy.bank.name('ko')\n"
    code += "def g(request):\n    return policy_for(request).bank.theme\n"
    assert set(figures_read(code)) == {"ars.ttl", "bank.name", "bank.theme"}
    assert behind("bank", "name") == {"bank.name_en", "bank.name_ko"}


def test_every_figure_says_what_it_is_a_figure_of() -> None:
    """A number has a unit; a count is a limit, which says what it is counted over."""
    kinds: Counter[str] = Counter()
    for concern, value in CONCERNS.items():
        for item in dataclasses.fields(value):
            figure = getattr(value, item.name)
            kinds[type(figure).__name__] += 1
            assert isinstance(figure, Limit | Mapping | str | bool | int), (concern, item.name)
            assert type(figure) is not int or item.metadata[UNIT], f"{concern}.{item.name} of what?"
            if item.name.endswith("_per_day"):
                assert figure.per == DAY, (concern, item.name)
            if item.name.endswith("_per_run") or (concern == "runs" and item.name != "starts_per_source"):
                assert figure.per == RUN, (concern, item.name)
    assert kinds["Limit"] >= 30


def test_limits_are_made_in_the_policy_alone() -> None:
    """Nobody else says how often something may happen, or over what that is counted."""
    made = set()
    for path in sources():
        calls = (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call))
        if any(isinstance(call.func, ast.Name) and call.func.id == "Limit" for call in calls):
            made.add(str(path.relative_to(ROOT)))
    assert made == set(MADE_OF_ANOTHER)


def test_a_figure_that_moved_points_to_one_that_is_there() -> None:
    """Every former name leads to figures of today or says why there is none, and none is known any more."""
    for former, paths in MOVED.items():
        assert [figure_at(Policy(), path) for path in paths], former
    for former in (*MOVED, *GONE):
        with pytest.raises(PolicyError) as refused:
            Policy().changed({former: 1})
        assert refused.value.why.startswith("no such figure any more: ")


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_is_what_its_file_says_and_nothing_else(preset: str) -> None:
    """Every figure of a preset's file stands in its policy; all others are the defaults."""
    given, made, usual = figures_of(preset), policy_of(preset), Policy()
    for item in dataclasses.fields(Policy):
        figures, now = given.get(item.name, {}), getattr(made, item.name)
        if item.name == "products":
            assert now == figures
        else:
            assert now == getattr(usual.changed({item.name: figures}), item.name)
    assert set(given) <= {item.name for item in dataclasses.fields(Policy)}


def test_the_second_preset_says_only_what_differs() -> None:
    """A figure of `kisa` that `as-printed` has too would be no decision."""
    printed, lawful = figures_of(AS_PRINTED), figures_of(KISA)
    for product, figures in lawful["products"].items():
        for name, value in figures.items():
            assert printed["products"][product][name] != value, (product, name)


def choices() -> Iterator[tuple[str, str, tuple[Any, ...]]]:
    """Yield every choice a product offers its bank."""
    for product in PRODUCTS.values():
        for name, ways in product.choices.items():
            yield product.id, name, tuple(ways)


@pytest.mark.parametrize(("product", "name", "ways"), list(choices()))
def test_every_choice_of_a_product_changes_a_journey(product: str, name: str, ways: tuple[Any, ...]) -> None:
    """Each way a bank may choose walks some journey of the product otherwise than every other way."""
    walked = set()
    for way in ways:
        policy = Policy().changed({"products": {product: {name: way}}})
        own = [journey for journey in JOURNEYS.values() if journey.product.id == product]
        walked.add(
            tuple(
                (journey.id, step.id)
                for journey in own
                for step in journey.walk(policy)
                if step.is_asked(journey.product, policy)
            )
        )
    assert len(walked) == len(ways) > 1
