"""Middleware: request ids and the visitor's address."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from dojang.config.middleware import RequestIdMiddleware, SourceMiddleware


@dataclass
class _Options:
    proxies: int


@pytest.mark.parametrize(
    ("proxies", "told", "expected"),
    [
        (0, "203.0.113.9", "127.0.0.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        (2, "203.0.113.9, 10.0.0.1", "203.0.113.9"),
        (2, "203.0.113.9", "127.0.0.1"),
        (1, "", "127.0.0.1"),
    ],
)
def test_only_as_many_proxies_are_believed_as_there_are(
    proxies: int, told: str, expected: str, settings: pytest.FixtureRequest
) -> None:
    """The visitor's address is the one our outermost proxy saw; what a visitor claims further left is not."""
    settings.DOJANG_OPTIONS = _Options(proxies)  # type: ignore[attr-defined]
    seen: list[str] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(request.META["REMOTE_ADDR"])
        return HttpResponse()

    SourceMiddleware(view)(RequestFactory(headers={"X-Forwarded-For": told}).get("/"))
    assert seen == [expected]


@pytest.mark.parametrize(
    ("given", "kept"), [("abcdef-1234", True), ("short", False), ("a b c d e f g h", False)]
)
def test_request_ids_are_kept_only_when_well_formed(given: str, kept: bool) -> None:  # noqa: FBT001 - a parameter
    """A well-formed id of the caller comes back; anything else is replaced by a fresh one."""
    answer = RequestIdMiddleware(lambda _: HttpResponse())(
        RequestFactory(headers={"X-Request-Id": given}).get("/")
    )
    assert (answer["X-Request-Id"] == given) is kept
    assert answer["Cache-Control"] == "no-store"
