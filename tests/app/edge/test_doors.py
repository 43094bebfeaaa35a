"""The same refusal at every door: page, interface and sandbox agree on status, code, sentence and log."""

from __future__ import annotations

import json
import logging
import re
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.http import Http404
from django.test import RequestFactory
from django.utils import translation
from tests.app.edge.test_statuses import every_error

from dojang.edge import problems
from dojang.edge.middleware import RefusalMiddleware
from dojang.edge.problems import problem
from dojang.edge.refusals import refuse_in_form
from dojang.edge.statuses import STATUS, status_of
from dojang.pki.errors import DojangError, ProfileError
from dojang.ports.errors import CoreBankError
from dojang.ports.signer_errors import KeyUnknownError
from dojang.products.messages import catalog
from dojang.ra.errors import RunNotFoundError, TooManyStartsError
from dojang.wallet.keys.errors import WalletKeyMismatchError, WalletKeyNotFoundError, WalletPinWrongError
from dojang.web.errors import error_page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.http import HttpResponse
    from django.test import Client

    from dojang.ports.world import World

INSIDE = "octet 412 of key wk-77"


@pytest.fixture(autouse=True, params=["ko", "en"])
def locale(request: pytest.FixtureRequest) -> Iterator[str]:
    """Speak one language, and forget it afterwards."""
    translation.activate(request.param)
    yield str(request.param)
    translation.deactivate()


def as_page(error: Exception) -> HttpResponse:
    """Refuse at a page of the site."""
    return error_page(RequestFactory().get("/certs/"), error)


def as_problem(error: Exception, path: str = "/api/v1/runs") -> HttpResponse:
    """Refuse at an interface."""
    return problem(RequestFactory().get(path), error)


def lead(answer: HttpResponse) -> str:
    """Return the sentence of a page."""
    found = re.search(r'<p class="lead">(.*?)</p>', answer.content.decode(), re.DOTALL)
    assert found
    return unescape(found[1]).strip()


def figures(sentence: str) -> dict[str, str]:
    """Return something for every figure of a sentence."""
    return dict.fromkeys(re.findall(r"{(\w+)}", sentence), "7")


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_every_error_is_refused_alike_at_every_door(kind: type[DojangError], locale: str) -> None:
    """Status, code and sentence agree; the text of the exception stands nowhere."""
    error = kind(INSIDE, **figures(catalog(locale)[f"error.{kind.code}"]))
    page, api, sandbox = as_page(error), as_problem(error), as_problem(error, "/sandbox/api/clock")
    told = json.loads(api.content)
    assert {one.status_code for one in (page, api, sandbox)} == {STATUS[kind.code]}
    assert told["code"] == kind.code == json.loads(sandbox.content)["code"]
    assert lead(page) == told["detail"] == json.loads(sandbox.content)["detail"]
    assert all(INSIDE not in one.content.decode() for one in (page, api, sandbox))


@pytest.mark.parametrize(
    "error",
    [
        KeyUnknownError("no key wk-77"),
        ProfileError(INSIDE),
        WalletKeyMismatchError(key="wk-77"),
        WalletKeyNotFoundError(key="wk-77"),
    ],
    ids=lambda error: error.code,
)
def test_what_is_ours_to_mend_is_told_in_the_common_sentence(error: DojangError, locale: str) -> None:
    """A wrong wallet key and its like say nothing of keys: the visitor cannot mend them."""
    common = catalog(locale)["error.internal"]
    assert status_of(error) == 500
    assert lead(as_page(error)) == common == json.loads(as_problem(error).content)["detail"]


def test_a_sentence_whose_figure_is_missing_is_replaced(locale: str) -> None:
    """An error raised without its data is told, not a fault of its own."""
    answer = as_problem(WalletPinWrongError())
    assert (answer.status_code, json.loads(answer.content)["detail"]) == (
        422,
        catalog(locale)["error.internal"],
    )


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (OperationalError("server closed"), 503, "database_unreachable"),
        (Http404("octet 412"), 404, "not_found"),
        (PermissionDenied("octet 412"), 403, "forbidden"),
        (ZeroDivisionError("a secret"), 500, "internal"),
    ],
    ids=str,
)
def test_what_others_raise_is_refused_alike(error: Exception, status: int, code: str) -> None:
    """A lost database, an absent page and what nobody foresaw: the same at each door, without their text."""
    page, api = as_page(error), as_problem(error)
    assert (page.status_code, api.status_code, json.loads(api.content)["code"]) == (status, status, code)
    assert lead(page) == json.loads(api.content)["detail"]
    assert str(error) not in page.content.decode() + api.content.decode()


@pytest.mark.parametrize(
    ("error", "level"),
    [
        (RunNotFoundError(), logging.INFO),
        (TooManyStartsError(), logging.INFO),
        (CoreBankError("away"), logging.ERROR),
        (ProfileError(INSIDE), logging.ERROR),
        (OperationalError("server closed"), logging.ERROR),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_refusal_is_written_down_alike(
    error: Exception, level: int, caplog: pytest.LogCaptureFixture
) -> None:
    """One line for each, whatever the door: code, status and class, never the text."""
    lines = []
    with caplog.at_level(logging.INFO, logger="dojang.edge"):
        for answer in (as_page, as_problem):
            caplog.clear()
            answer(error)
            (record,) = caplog.records
            told: dict[str, Any] = vars(record)
            lines.append((record.levelno, record.getMessage(), told["code"], told["status"], told["error"]))
    assert lines[0] == lines[1]
    assert lines[0][0] == level
    assert INSIDE not in str(lines)


def test_a_form_says_only_what_its_reader_can_mend(caplog: pytest.LogCaptureFixture) -> None:
    """Another status than 409, 422 and 429 is no word of a form: the error goes on, and is written once."""
    assert refuse_in_form(WalletPinWrongError(left=3)).status == 422
    with caplog.at_level(logging.INFO, logger="dojang.edge"):
        caplog.clear()
        with pytest.raises(KeyUnknownError):
            refuse_in_form(KeyUnknownError())
    assert caplog.records == []


def test_the_sandbox_s_pages_refuse_like_its_interface(client: Client, world: World, locale: str) -> None:
    """A person who is not there: the same status and sentence as JSON and as a page."""
    header = {"accept-language": locale}
    page = client.get("/sandbox/drawer/nobody/", headers=header)
    told = client.get("/sandbox/api/people/nobody/drawer", headers=header)
    assert page.status_code == told.status_code == 404
    assert lead(page) == told.json()["detail"]


def test_the_sandbox_leaves_what_nobody_foresaw_to_the_server() -> None:
    """Only what is foreseen has a page there."""
    guard = RefusalMiddleware(lambda _request: None)  # type: ignore[arg-type, return-value]
    assert guard.process_exception(RequestFactory().get("/sandbox/"), ZeroDivisionError()) is None
    assert guard.process_exception(RequestFactory().get("/certs/"), RunNotFoundError()) is None


@pytest.mark.parametrize(
    ("handler", "status", "code"),
    [
        (problems.bad_request, 400, "request_malformed"),
        (problems.permission_denied, 403, "forbidden"),
        (problems.not_found, 404, "not_found"),
        (problems.server_error, 500, "internal"),
    ],
    ids=("malformed", "forbidden", "unknown", "internal"),
)
def test_a_process_without_pages_answers_with_problems(
    handler: Callable[..., HttpResponse], status: int, code: str, locale: str
) -> None:
    """What the framework refuses there has its code and sentence, too."""
    answer = handler(RequestFactory().get("/somewhere"))
    told = json.loads(answer.content)
    assert (answer.status_code, told["code"]) == (status, code)
    assert told["detail"] == catalog(locale)[f"error.{code}"]
