"""Strings that scanners, broken tools and strange keyboards send, wherever the site reads: no door fails."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from django.test import Client
from django.urls import get_resolver
from tests.app.account.connected import connect
from tests.app.web.test_site import PLACES, agree, begin, hidden
from tests.journeys.app.walker import PIN, Walk

from dojang.ca.queries import certificates_of
from dojang.ports.acting import Acting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)

STRINGS = (
    "a\0b", "\0", "9" * 5_000, "-1", "1e309", "NaN", "٣", "²", "①", "\u202e", "\u200b", "\ufeff", "\u1160",
    "'", '"', "\\", "%00", "%s", "{}", "{0.__class__}", "../..", "a\r\nb", "\x1b[31m", "𠮷", "💥" * 50,
    "x" * 20_000, "null", "[]", "true", "<script>", "2026-02-30", "9999-99-99T99:99:99Z", " ",
)  # fmt: skip
#: Every field any form of the site has.
FIELDS = (
    "user_id", "pin", "new_pin", "again", "rrn_front", "rrn_back", "account", "account_password", "consent",
    "number", "step", "revision", "action", "reason", "by", "sure", "remember", "challenge_id", "challenge",
    "mac", "signature", "assertion", "signed", "proof_key", "content", "locator", "previous", "subscription",
    "browser", "biometric", "next", "text", "call", "digit", "days", "jump", "medium", "state", "language",
)  # fmt: skip
_PARAMETER = re.compile(r"<(?:\w+:)?\w+>")


def addresses() -> list[str]:
    """Return every address of the site, with its parameters as they are written in the table."""

    def walk(patterns: list[Any], before: str) -> Iterator[str]:
        for entry in patterns:
            route = before + str(entry.pattern)
            if hasattr(entry, "url_patterns"):
                yield from walk(entry.url_patterns, route)
            else:
                yield "/" + route

    found = walk(get_resolver().url_patterns, "")
    return sorted({place for place in found if "/api/" not in place and "static" not in place})


@pytest.fixture
def visitor(world: World) -> Client:
    """Return a browser at a site with a World; an error of ours is an answer, not an exception."""
    del world
    return Client(raise_request_exception=False)


def test_no_address_fails_whatever_stands_in_it(visitor: Client) -> None:
    """Each string in each parameter of each address, and in the query: never our fault, never a trace."""
    places = addresses()
    assert len(places) >= 60
    failed = []
    for place in places:
        for text in STRINGS:
            wanted = _PARAMETER.sub(lambda _, text=text: quote(text[:4000], safe=""), place)
            for address in {wanted, f"{wanted}?q={quote(text[:4000])}&step={quote(text[:4000])}"}:
                status = visitor.get(address).status_code
                if status >= 500:
                    failed.append((place, text[:20], status))
            if wanted == place and text != STRINGS[0]:
                break  # nothing to put in
    assert failed == []


def test_a_nul_in_a_path_is_nothing_there(visitor: Client) -> None:
    """A run, a step or a file with a NUL in its name is not found, at each door."""
    for place in ("/runs/a%00b/", "/api/v1/runs/a%00b", "/me/certificates/a%00b/", "/sandbox/phone/0%0010/"):
        assert visitor.get(place, headers={"authorization": "Bearer x"}).status_code == 404
    answer = visitor.post("/api/v1/runs/x/steps/a%00b", {"revision": 1}, content_type="application/json")
    assert answer.status_code == 404
    assert visitor.post("/login/", {"user_id": "a\0b", "pin": "123456"}).status_code == 400


def test_no_form_fails_whatever_is_posted(visitor: Client) -> None:
    """Every field name of the site with each string, posted to every address that takes a form."""
    failed = []
    for place in addresses():
        filled = _PARAMETER.sub("x", place)
        for text in STRINGS:
            status = visitor.post(filled, dict.fromkeys(FIELDS, text)).status_code
            if status >= 500:
                failed.append((place, text[:20], status))
            if status in {404, 405}:
                break
    assert failed == []


def test_no_form_of_my_pages_fails_whatever_is_posted(visitor: Client, world: World) -> None:
    """The same for somebody logged in, on the pages about their own certificates; they stay logged in."""
    walk = Walk(world)
    assert walk.finish().state == "done"
    acting = Acting(kind="customer", source="198.51.100.7", channel="web")
    visitor.cookies["dojang_seen"] = connect(world, walk.person.handle, acting=acting)
    entered = visitor.post("/login/", {"user_id": walk.person.user_id, "pin": PIN})
    assert entered.status_code == 303
    (held,) = certificates_of(walk.person.id)
    failed = []
    places = [one for one in addresses() if one.startswith(("/me/", "/app/")) and "stop" not in one]
    assert len(places) >= 20
    for place in places:
        filled = _PARAMETER.sub(held.serial if "serial" in place else "financial", place)
        for text in STRINGS[::3]:  # each address takes all fields, so a third of the strings tells as much
            posted = visitor.post(filled, dict.fromkeys(FIELDS, text))
            opened = visitor.get(f"{filled}?by={quote(text[:4000])}&said={quote(text[:4000])}")
            if max(posted.status_code, opened.status_code) >= 500:
                failed.append((place, text[:20]))
    assert failed == []
    assert visitor.get("/me/").status_code == 200
    assert [one.state for one in certificates_of(walk.person.id)] == ["active"]


def test_no_step_fails_whatever_is_typed(visitor: Client) -> None:
    """At a step of a journey each field takes each string and says what is wrong; none moves the run on."""
    place = begin(visitor)
    agree(visitor, place)
    page = visitor.get(place)
    assert page.context["page"].step == "identify"
    for text in STRINGS:
        for name in ("user_id", "rrn", "rrn_front", "rrn_back", "step", "revision", "action"):
            answer = visitor.post(place.split("?")[0], {**hidden(visitor.get(place)), name: text})
            assert answer.status_code in {303, 400}, (name, text[:20], answer.status_code)
    assert visitor.get(place).context["page"].step == "identify"


@pytest.mark.parametrize("revision", ["9" * 5_000, "-1", "٣", "²", "1.0", "1e3", "10000000"])
def test_a_revision_that_cannot_be_is_an_old_one(visitor: Client, revision: str) -> None:
    """A page's number is a small one; any other text gets the present page, and nothing is done."""
    place = begin(visitor)
    sent = {**hidden(visitor.get(place)), "action": "submit", "revision": revision}
    answer = visitor.post(place.split("?")[0], sent)
    assert answer.status_code == 303
    assert answer.headers["Location"].endswith("&moved")
    shown = visitor.get(answer.headers["Location"]).context["page"]
    assert (shown.step, shown.revision) == ("terms", 1)


@pytest.mark.parametrize("place", [*PLACES, "/app/", "/login/", "/api/v1/journeys", "/api/v1/openapi.json"])
def test_head_answers_as_get_without_a_body(visitor: Client, place: str) -> None:
    """Uptime checks and previews get the status and the headers of the page, and nothing else."""
    whole, head = visitor.get(place), visitor.head(place)
    assert head.status_code == whole.status_code
    assert head.content == b""
    assert head.headers["Content-Type"] == whole.headers["Content-Type"]
    assert int(head.headers["Content-Length"]) > 0 or whole.content == b""


@pytest.mark.parametrize(
    ("wanted", "language"),
    [
        ("en; q=0.9", "en"),
        ("en;q=0.9", "en"),
        ("ko;q=0.3 , en ; q=0.9", "en"),
        ("ko, en;q=0.9", "ko"),
        ("de, en;q=0.1", "en"),
        ("", "ko"),
    ],
)
def test_a_language_is_asked_for_in_one_way_at_both_doors(
    visitor: Client, wanted: str, language: str
) -> None:
    """White space around parameters is legal; pages and interface understand the header alike."""
    headers = {"accept-language": wanted} if wanted else {}
    assert f'<html lang="{language}"' in visitor.get("/certs/", headers=headers).content.decode()
    told = visitor.get("/api/v1/runs/nobody", headers=headers).json()["detail"]
    assert told.isascii() is (language == "en")
