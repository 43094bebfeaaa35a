"""One table of statuses for the whole house."""

from __future__ import annotations

from importlib import import_module
from pkgutil import walk_packages

import dojang
from dojang.edge.statuses import STATUS
from dojang.pki.errors import DojangError
from dojang.products.messages import LOCALES, catalog


def every_error() -> list[type[DojangError]]:
    """Return every class of typed errors in the product, whichever room made it."""
    for module in walk_packages(dojang.__path__, "dojang."):
        if "migrations" in module.name or module.name.endswith(("__main__", "config.wsgi")):
            continue
        import_module(module.name)
    found, todo = [DojangError], [DojangError]
    while todo:
        children = [kind for kind in todo.pop().__subclasses__() if kind.__module__.startswith("dojang.")]
        found += children
        todo += children
    return found


def test_every_error_of_the_house_has_a_status() -> None:
    """No class of errors is left to a default, and the table names none that is gone."""
    assert {kind.code for kind in every_error()} == set(STATUS)


def test_every_status_has_a_sentence_behind_it() -> None:
    """What the table names can be said in both languages."""
    missing = [(code, one) for one in LOCALES for code in STATUS if f"error.{code}" not in catalog(one)]
    assert missing == []


def test_every_error_is_a_refusal() -> None:
    """An error is never told as a success or a redirect."""
    assert {status for status in STATUS.values() if status < 400} == set()
