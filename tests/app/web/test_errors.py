"""Typed errors at the edge: a status, a sentence, a way out; nothing of the inside."""

from __future__ import annotations

from importlib import import_module
from pkgutil import walk_packages
from typing import TYPE_CHECKING

import pytest
from django.test import RequestFactory

import dojang
from dojang.api.errors import STATUS as API_STATUS
from dojang.pki.errors import DojangError, ProfileError
from dojang.ra.errors import RunNotFoundError, ServiceClosedError
from dojang.web.errors import STATUS, server_error, status_of, typed_error_page

if TYPE_CHECKING:
    from collections.abc import Mapping
    from http import HTTPStatus


class UnheardOfError(DojangError):
    """An error no table knows."""

    code = "never_heard_of"


def every_code() -> set[str]:
    """Return the codes of all typed errors of the project."""
    for module in walk_packages(dojang.__path__, "dojang."):
        if "migrations" not in module.name and not module.name.endswith("__main__"):
            import_module(module.name)
    found, todo = {DojangError.code}, [DojangError]
    while todo:
        for child in todo.pop().__subclasses__():
            found.add(child.code)
            todo.append(child)
    return found


@pytest.mark.parametrize("table", [STATUS, API_STATUS], ids=["pages", "interface"])
def test_the_table_names_only_errors_that_exist(table: Mapping[str, HTTPStatus]) -> None:
    """A renamed error cannot leave its status behind."""
    assert set(table) - every_code() == set()


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RunNotFoundError(), 404),
        (ServiceClosedError(open="09:00", close="18:00"), 503),
        (ProfileError("key usage at octet 412"), 500),
        (UnheardOfError(), 400),
    ],
)
@pytest.mark.parametrize("path", ["/certs/", "/api/v1/x"])
def test_a_typed_error_is_a_page_or_a_problem(error: DojangError, status: int, path: str) -> None:
    """The status comes from the table; the detail stays inside; machines get a problem document."""
    answer = typed_error_page(RequestFactory().get(path), error)
    assert answer.status_code == status == status_of(error)
    assert b"octet 412" not in answer.content
    kind = "application/problem+json" if path.startswith("/api/") else "text/html; charset=utf-8"
    assert answer.headers["Content-Type"] == kind


def test_the_sentence_of_the_error_is_shown() -> None:
    """What the error has to say is said, with its figures."""
    request = RequestFactory().get("/certs/")
    html = typed_error_page(request, ServiceClosedError(open="09:00", close="18:00")).content.decode()
    assert "09:00" in html


def test_our_own_fault_says_so() -> None:
    """500 has a page, too."""
    answer = server_error(RequestFactory().get("/"))
    assert answer.status_code == 500
    assert "인증센터로 가기" in answer.content.decode()
