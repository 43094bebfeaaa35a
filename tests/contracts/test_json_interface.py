"""The JSON interface against its own description, asked by a machine that tries everything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.centres import Centre

pytestmark = pytest.mark.live
CASES = 40  #: for each operation
bounded = settings(
    max_examples=CASES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
CONFORMS = [
    not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
]


def ask_everything(description: str, ask: Callable[[schemathesis.Case], None]) -> int:
    """Put generated requests to each operation of a described interface; return how many operations."""
    operations = [found.ok() for found in schemathesis.openapi.from_url(description).get_all_operations()]
    for operation in operations:
        bounded(given(case=operation.as_strategy())(ask))()
    return len(operations)


def begin(centre: Centre) -> dict[str, Any]:
    """Start a run that the machine may act on."""
    answer = httpx.post(f"{centre.url}/api/v1/runs", json={"journey": "financial-web-issue"})
    document: dict[str, Any] = answer.json()
    return document


def test_no_request_makes_the_interface_fail(live: Centre) -> None:
    """Whatever is sent, with a real run and its token where one is named: no 5xx, and the described form."""
    begun = begin(live)

    def ask(case: schemathesis.Case) -> None:
        if "run" in case.path_parameters:
            case.path_parameters["run"] = begun["run"]
            case.headers = {**(case.headers or {}), "Authorization": f"Bearer {begun['token']}"}
        if "step" in case.path_parameters and len(case.path_parameters["step"]) % 2:
            case.path_parameters["step"] = "terms"
        case.validate_response(case.call(), checks=CONFORMS)

    assert ask_everything(f"{live.url}/api/v1/openapi.json", ask) == 6


STRANGE = (
    "a\0b", "\0", "9" * 1_900, "-1", "1e309", "NaN", "٣", "²", "\u202e", "\u200b", "\ufeff", "'", '"', "\\",
    "%00", "%s", "{}", "{0.__class__}", "../..", "a\r\nb", "\x1b[31m", "𠮷", "💥" * 50, "null", "2026-02-30",
)  # fmt: skip


def test_no_strange_string_makes_the_interface_fail(live: Centre) -> None:
    """NUL, endless digits, marks of direction and the like, in every field and part of an address."""
    begun = begin(live)
    bearer = {"Authorization": f"Bearer {begun['token']}"}
    page = f"{live.url}/api/v1/runs/{begun['run']}"
    agree = [option["value"] for option in begun["fields"][0]["options"]]
    here = httpx.post(
        f"{page}/steps/terms", json={"revision": begun["revision"], "data": {"agree": agree}}, headers=bearer
    ).json()
    assert here["step"] == "identify"
    answers = []
    for text in STRANGE:
        for data in ({"user_id": text, "rrn": text}, {text[:60]: text}, {"user_id": [text], "rrn": None}):
            body = {"revision": here["revision"], "data": data}
            answers.append(httpx.post(f"{page}/steps/identify", json=body, headers=bearer))
            here = httpx.get(page, headers=bearer).json()
        body = {"revision": 1, "action": text[:60]}
        answers.append(httpx.post(f"{page}/steps/{quote(text, safe='')}", json=body, headers=bearer))
        answers.append(httpx.get(f"{live.url}/api/v1/runs/{quote(text, safe='')}", headers=bearer))
        answers.append(httpx.post(f"{live.url}/api/v1/runs", json={"journey": text}))
    # A half of a character cannot be sent by a JSON writer of today, but by an old one.
    raw = b'{"revision": 1, "data": {"user_id": "\\ud800", "rrn": "\\udfff"}}'
    kind = {"Content-Type": "application/json"}
    answers.append(httpx.post(f"{page}/steps/identify", content=raw, headers={**bearer, **kind}))
    assert sorted({answer.status_code for answer in answers} - {400, 404, 409, 422}) == []


def test_no_stranger_makes_the_interface_fail(live: Centre) -> None:
    """The same without any token: the described form too."""

    def ask(case: schemathesis.Case) -> None:
        case.validate_response(case.call(), checks=CONFORMS)

    assert ask_everything(f"{live.url}/api/v1/openapi.json", ask) == 6


def test_no_request_makes_the_sandbox_fail(live: Centre) -> None:
    """The simulated country stands the same treatment, but for its clock, which other tests read."""

    def ask(case: schemathesis.Case) -> None:
        if "clock" not in case.path:
            case.validate_response(case.call(), checks=[not_a_server_error])

    assert ask_everything(f"{live.url}/sandbox/api/openapi.json", ask) >= 10
