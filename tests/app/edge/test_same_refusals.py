"""The same refusal through a page and through JSON: what a customer and an app are answered agrees."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest
from django.test import Client

from dojang.config import wiring
from dojang.ports.errors import CoreBankError
from dojang.ports.signer_errors import CrlNumberError, KeyUnknownError
from dojang.products.messages import catalog
from dojang.ra.models import Run

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse

    from dojang.pki.errors import DojangError
    from dojang.ports.corebank import CoreBank, Match
    from dojang.ports.world import World

JOURNEY = "financial-web-issue"
BEGIN = "/certs/financial/issue/"


class Away:
    """A core bank that answers nothing."""

    def __init__(self, bank: CoreBank, error: DojangError) -> None:
        self._bank, self._error = bank, error

    def find_customer(self, **_: str) -> Match:
        """Fail as an adapter does that cannot reach its system."""
        raise self._error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bank, name)


class Doors:
    """One visitor at both doors, with a run begun at each."""

    def __init__(self) -> None:
        self.site, self.app = Client(), Client()
        self.begin_here()
        answer = self.json("/api/v1/runs", {"journey": JOURNEY})
        self.there, self.page = answer.json()["run"], answer.json()

    def begin_here(self) -> None:
        """Begin a run on the site."""
        location = self.site.post(BEGIN).headers["Location"]
        self.here = location.split("/runs/")[1].split("/")[0]

    def json(self, path: str, body: Any) -> HttpResponse:
        """Send JSON."""
        return self.app.post(path, json.dumps(body), content_type="application/json")

    def act(self, **body: Any) -> tuple[HttpResponse, HttpResponse]:
        """Do the same at both runs; `step` is `terms` where nothing else is said."""
        step, action = str(body.get("step", "terms")), str(body.get("action", "submit"))
        revision, agreed = int(body.get("revision", 1)), list(body.get("agree", ()))
        site = self.site.post(
            f"/runs/{self.here}/", {"step": step, "revision": revision, "action": action, "agree": agreed}
        )
        told = {"revision": revision, "action": action, "data": {"agree": agreed}}
        return site, self.json(f"/api/v1/runs/{self.there}/steps/{step}", told)


def unknown_run(doors: Doors) -> tuple[HttpResponse, HttpResponse]:
    """Open a run that is not there."""
    return doors.site.get("/runs/nothing-here/"), doors.app.get("/api/v1/runs/nothing-here")


def foreign_run(doors: Doors) -> tuple[HttpResponse, HttpResponse]:
    """Open somebody else's run."""
    return doors.site.get(f"/runs/{doors.there}/"), doors.app.get(f"/api/v1/runs/{doors.here}")


def no_address(doors: Doors) -> tuple[HttpResponse, HttpResponse]:
    """Open what never was there."""
    return doors.site.get("/nothing/"), doors.app.get("/api/v1/nothing")


def other_method(doors: Doors) -> tuple[HttpResponse, HttpResponse]:
    """Ask with a method the address does not have."""
    return doors.site.put(f"/runs/{doors.here}/"), doors.app.put(f"/api/v1/runs/{doors.there}")


def too_large(doors: Doors) -> tuple[HttpResponse, HttpResponse]:
    """Send more than anybody reads."""
    much = "x" * 300_000
    site = doors.site.post(f"/runs/{doors.here}/", f"a={much}", "application/x-www-form-urlencoded")
    return site, doors.json(f"/api/v1/runs/{doors.there}/steps/terms", {"revision": 1, "x": much})


def behind(doors: Doors) -> tuple[HttpResponse, HttpResponse]:
    """Answer a page that is not the present one any more."""
    return doors.act(revision=0)


def elsewhere(doors: Doors) -> tuple[HttpResponse, HttpResponse]:
    """Answer a step that is not the present one."""
    return doors.act(step="confirm")


def impossible(doors: Doors) -> tuple[HttpResponse, HttpResponse]:
    """Do what the page does not offer."""
    return doors.act(action="fly")


def nothing_agreed(doors: Doors) -> tuple[HttpResponse, HttpResponse]:
    """Answer a step wrongly: no refusal of the door, but the same page again."""
    return doors.act()


@pytest.mark.parametrize(
    ("refused", "status", "code"),
    [
        (unknown_run, 404, "run_not_found"),
        (foreign_run, 404, "run_not_found"),
        (no_address, 404, "not_found"),
        (other_method, 405, "method_not_allowed"),
        (too_large, 413, "request_too_large"),
        (behind, 409, "stale_revision"),
        (elsewhere, 409, "step_mismatch"),
        (impossible, 409, "action_unknown"),
        (nothing_agreed, 422, ""),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_both_doors_refuse_alike(
    world: World,
    caplog: pytest.LogCaptureFixture,
    refused: Callable[[Doors], tuple[HttpResponse, HttpResponse]],
    status: int,
    code: str,
) -> None:
    """One status, one code and one line in the log at each; both runs stand where they stood."""
    doors = Doors()
    with caplog.at_level(logging.INFO, logger="dojang.edge"):
        caplog.clear()
        page, told = refused(doors)
        lines = [
            (vars(line)["code"], vars(line)["status"])
            for line in caplog.records
            if line.name.startswith("dojang.edge")
        ]
    # A page of a run leads on to the present one: a refusal must not stay in the browser's history.
    shown = 303 if refused in {behind, elsewhere, impossible, nothing_agreed} else status
    assert (page.status_code, told.status_code) == (shown, status)
    assert lines == ([(code, status)] * 2 if code else [])
    assert page.headers["Content-Type"].startswith("text/html")
    if code:
        assert told.json()["code"] == code
    assert [run.state for run in Run.objects.order_by("pk")] == ["open", "open"]
    assert doors.app.get(f"/api/v1/runs/{doors.there}").json()["step"] == "terms"


@pytest.mark.parametrize(
    ("figures", "status"),
    [({"runs": {"starts_per_source": 1}}, 429), ({"service_hours": {"usual": "00:00-00:01"}}, 503)],
)
def test_both_doors_tell_alike_that_nobody_begins_now(
    world: World, figures: dict[str, Any], status: int
) -> None:
    """Too many beginnings, and hours in which nothing is issued: the same at each, and nothing begins."""
    Client().post(BEGIN)
    wiring.set_world(replace(world, policy=world.policy.changed(figures)))
    page = Client().post(BEGIN)
    told = Client().post("/api/v1/runs", json.dumps({"journey": JOURNEY}), content_type="application/json")
    assert (page.status_code, told.status_code) == (status, status)
    assert told.json()["detail"] in page.content.decode()
    assert Run.objects.count() == 1


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (CoreBankError("core-7 at octet 412 is away"), "error.corebank_unavailable"),
        (KeyUnknownError("no key wk-77 at octet 412"), "error.internal"),
        (CrlNumberError("octet 412"), "error.internal"),
    ],
    ids=lambda value: getattr(value, "code", value),
)
def test_a_step_that_nobody_could_be_asked_says_alike_what_a_visitor_may_know(
    world: World, caplog: pytest.LogCaptureFixture, error: DojangError, sentence: str
) -> None:
    """A lost core bank is named, a wrong key and its like are not; both are written down at each door."""
    doors = Doors()
    agree = [option["value"] for option in doors.page["fields"][0]["options"]]
    for answer, good in zip(doors.act(agree=agree), (303, 200), strict=True):
        assert answer.status_code == good
    wiring.set_world(replace(world, corebank=cast("CoreBank", Away(world.corebank, error))))
    person = {"user_id": "hong1234", "rrn": "8803151000007"}
    with caplog.at_level(logging.ERROR, logger="dojang.ra"):
        caplog.clear()
        page = doors.site.post(f"/runs/{doors.here}/", {"step": "identify", "revision": 2, **person})
        told = doors.json(f"/api/v1/runs/{doors.there}/steps/identify", {"revision": 2, "data": person})
        codes = [vars(line)["code"] for line in caplog.records if line.name == "dojang.ra"]
    assert (page.status_code, told.status_code, codes) == (303, 422, [error.code] * 2)
    page = doors.site.get(page.headers["Location"])
    text = catalog("ko")[sentence]
    assert [one["message"]["text"] for one in told.json()["errors"]] == [text]
    assert text in page.content.decode()
    assert "octet 412" not in page.content.decode() + told.content.decode() + str(caplog.records)
    assert [run.state for run in Run.objects.all()] == ["open", "open"]
