"""The JSON interface: pages, problems, languages, and who may see a run."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from dojang.config import wiring
from dojang.ra.models import Run

if TYPE_CHECKING:
    from dojang.ports.world import World

JOURNEY = "financial-web-issue"


def begin(client: Client, **headers: str) -> dict[str, Any]:
    """Start the journey and return its first page."""
    response = client.post(
        "/api/v1/runs", json.dumps({"journey": JOURNEY}), content_type="application/json", headers=headers
    )
    assert response.status_code == 201
    document: dict[str, Any] = response.json()
    return document


def test_a_run_begins_with_its_first_page_and_a_token(client: Client, world: World) -> None:
    """Starting a journey answers 201 with the terms page, a token, and the run's address."""
    page = begin(client)
    assert (page["schema"], page["step"], page["state"], page["revision"]) == (
        "dojang.page/1",
        "terms",
        "open",
        1,
    )
    assert page["position"]["guide_steps"] == [3, 4]
    assert len(page["token"]) >= 32
    assert Run.objects.count() == 1


def test_the_same_page_speaks_korean_and_english(client: Client, world: World) -> None:
    """Ids stay, sentences follow Accept-Language, Korean is the default."""
    korean = begin(client)
    english = begin(client, **{"accept-language": "en-GB,en;q=0.9,ko;q=0.1"})
    assert korean["title"]["id"] == english["title"]["id"]
    assert korean["title"]["text"] != english["title"]["text"]
    assert english["title"]["text"].isascii()


def test_a_stranger_sees_no_run(client: Client, world: World) -> None:
    """Without the token, with another run's token, or with an invented id the answer is the same 404."""
    mine = begin(client)
    other = begin(Client())
    stranger = Client()
    answers = [
        stranger.get(f"/api/v1/runs/{mine['run']}"),
        stranger.get(f"/api/v1/runs/{mine['run']}", headers={"authorization": f"Bearer {other['token']}"}),
        stranger.get("/api/v1/runs/nothing-here", headers={"authorization": f"Bearer {mine['token']}"}),
    ]
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert {answer.content for answer in answers} == {answers[0].content}
    assert answers[0]["Content-Type"] == "application/problem+json"
    assert answers[0].json()["code"] == "run_not_found"


def test_the_token_or_the_cookie_opens_the_run(client: Client, world: World) -> None:
    """The client that started the run reads it by cookie; another one with the token by header."""
    page = begin(client)
    by_cookie = client.get(f"/api/v1/runs/{page['run']}")
    by_header = Client().get(
        f"/api/v1/runs/{page['run']}", headers={"authorization": f"Bearer {page['token']}"}
    )
    assert (by_cookie.status_code, by_header.status_code) == (200, 200)
    assert by_cookie.json()["step"] == by_header.json()["step"] == "terms"
    assert "token" not in by_header.json()


def test_a_refused_answer_is_the_same_page_with_its_errors(client: Client, world: World) -> None:
    """Required terms left out: 422, the same step again with its mistake named, nothing agreed to."""
    page = begin(client)
    response = client.post(
        f"/api/v1/runs/{page['run']}/steps/terms",
        json.dumps({"revision": page["revision"], "data": {"agree": []}}),
        content_type="application/json",
    )
    assert response.status_code == 422
    refused = response.json()
    assert (refused["step"], refused["revision"]) == ("terms", page["revision"] + 1)
    assert [error["code"] for error in refused["errors"]] == ["terms_required"]
    assert refused["errors"][0]["message"]["text"]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"revision": -1}',
        '{"revision": 0, "data": {"a": {"b": 1}}}',
        '{"revision": 0, "x": 1}',
    ],
)
def test_malformed_bodies_are_problems(client: Client, world: World, body: str) -> None:
    """A body of another form is answered 400 with problem details that do not repeat what was sent."""
    page = begin(client)
    response = client.post(f"/api/v1/runs/{page['run']}/steps/terms", body, content_type="application/json")
    assert response.status_code == 400
    problem = response.json()
    assert (problem["code"], problem["status"]) == ("request_malformed", 400)
    assert client.get(f"/api/v1/runs/{page['run']}").json()["revision"] == page["revision"]


def test_an_unknown_journey_is_told(client: Client, world: World) -> None:
    """A journey that is not offered answers 404 and begins nothing."""
    response = client.post(
        "/api/v1/runs", json.dumps({"journey": "no-such-journey"}), content_type="application/json"
    )
    assert (response.status_code, response.json()["code"]) == (404, "journey_not_found")
    assert Run.objects.count() == 0


def test_openapi_is_3_1_and_documented_locally(client: Client, world: World) -> None:
    """The description is OpenAPI 3.1 and its page loads nothing from elsewhere."""
    description = client.get("/api/v1/openapi.json").json()
    assert description["openapi"].startswith("3.1")
    assert sorted(description["paths"]) == [
        "/api/v1/errors",
        "/api/v1/journeys",
        "/api/v1/runs",
        "/api/v1/runs/{run}",
        "/api/v1/runs/{run}/steps/{step}",
        "/api/v1/work",
    ]
    page = client.get("/api/v1/docs").content.decode()
    assert "https://" not in page


def test_every_error_of_the_catalogue_has_both_sentences(client: Client, world: World) -> None:
    """The catalogue lists each code once, in Korean and in English."""
    entries = client.get("/api/v1/errors").json()
    codes = [entry["code"] for entry in entries]
    assert len(codes) == len(set(codes))
    assert {"run_not_found", "stale_revision", "terms_required", "internal"} <= set(codes)
    assert all(entry["ko"] and entry["en"] for entry in entries)


def test_what_is_too_large_is_refused_as_such(client: Client, world: World) -> None:
    """A body beyond the bound is 413 at both interfaces, with its sentence, and begins nothing."""
    body = json.dumps({"journey": "x" * 300_000})
    for address in ("/api/v1/runs", "/sandbox/api/clock"):
        answer = client.post(address, body, content_type="application/json")
        assert (answer.status_code, answer.json()["code"]) == (413, "request_too_large"), address
    assert Run.objects.count() == 0


def test_too_many_runs_from_one_place_are_429(client: Client, world: World) -> None:
    """The refusal has its own status and code, on the interface and on the pages."""
    wiring.set_world(replace(world, policy=world.policy.changed({"runs": {"starts_per_source": 1}})))
    begin(client)
    body = json.dumps({"journey": JOURNEY})
    refused = client.post("/api/v1/runs", body, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
    page = client.post("/certs/financial/issue/")
    assert page.status_code == 429
    assert "요청이 너무 많아요" in page.content.decode()
    assert Run.objects.count() == 1
