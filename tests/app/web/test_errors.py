"""Refusals as pages: a status, a sentence, a way out; nothing of the inside."""

from __future__ import annotations

import pytest
from django.test import RequestFactory

from dojang.edge.statuses import status_of
from dojang.pki.errors import DojangError, ProfileError
from dojang.ra.errors import RunNotFoundError, ServiceClosedError
from dojang.web.errors import error_page, server_error


class UnheardOfError(DojangError):
    """An error no table knows."""

    code = "never_heard_of"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RunNotFoundError(), 404),
        (ServiceClosedError(open="09:00", close="18:00"), 503),
        (ProfileError("key usage at octet 412"), 500),
        (UnheardOfError(), 500),
    ],
)
@pytest.mark.parametrize("path", ["/certs/", "/api/v1/x"])
def test_a_typed_error_is_a_page_or_a_problem(error: DojangError, status: int, path: str) -> None:
    """The status comes from the table; the detail stays inside; machines get a problem document."""
    answer = error_page(RequestFactory().get(path), error)
    assert answer.status_code == status == status_of(error)
    assert b"octet 412" not in answer.content
    kind = "application/problem+json" if path.startswith("/api/") else "text/html; charset=utf-8"
    assert answer.headers["Content-Type"] == kind


def test_the_sentence_of_the_error_is_shown() -> None:
    """What the error has to say is said, with its figures."""
    request = RequestFactory().get("/certs/")
    html = error_page(request, ServiceClosedError(open="09:00", close="18:00")).content.decode()
    assert "09:00" in html


def test_our_own_fault_says_so() -> None:
    """500 has a page, too."""
    answer = server_error(RequestFactory().get("/"))
    assert answer.status_code == 500
    assert "인증센터로 가기" in answer.content.decode()
