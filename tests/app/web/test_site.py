"""The site over HTTP: addresses, languages, headers, errors, and a run from its form to its page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from tests.journeys.app.walker import Walk, with_policy

from dojang.config import wiring

if TYPE_CHECKING:
    from django.http import HttpResponse

    from dojang.ports.world import World

PLACES = (
    "/", "/certs/", "/certs/?who=business", "/certs/financial/", "/certs/financial/issue/",
    "/certs/financial/reissue/", "/help/", "/help/?q=otp", "/help/financial-web-issue/",
    "/help/joint-app-reissue/",
    "/language/", "/me/certificates/",
)  # fmt: skip
CANARY = "8803159999999"


@pytest.fixture
def visitor(world: World) -> Client:
    """Return a browser that obeys CSRF rules, at a site with a World."""
    del world
    return Client(enforce_csrf_checks=True)


def csrf(response: HttpResponse) -> str:
    """Return the token of the form on a page."""
    match = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', response.content.decode())
    assert match
    return match[1]


def hidden(response: HttpResponse) -> dict[str, str]:
    """Return what the page's form sends along by itself."""
    html = response.content.decode()
    form = html[html.index('id="act"') :]
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))


def begin(visitor: Client) -> str:
    """Begin a journey; return the address of its run."""
    page = visitor.get("/certs/financial/issue/")
    answer = visitor.post("/certs/financial/issue/", {"csrfmiddlewaretoken": csrf(page)})
    assert answer.status_code == 303
    return str(answer.headers["Location"])


def agree(visitor: Client, place: str) -> HttpResponse:
    """Agree to all terms; return the answer."""
    page = visitor.get(place)
    boxes = re.findall(r'name="agree" value="([^"]+)"', page.content.decode())
    assert len(boxes) > 1
    return visitor.post(place.split("?", maxsplit=1)[0], {**hidden(page), "action": "submit", "agree": boxes})


@pytest.mark.parametrize("language", ["ko", "en"])
def test_every_place_speaks_the_readers_language(visitor: Client, language: str) -> None:
    """Each place answers 200, says its language, and leaves no sentence without words."""
    for place in PLACES:
        answer = visitor.get(place, headers={"Accept-Language": language})
        html = answer.content.decode()
        assert answer.status_code == 200, place
        assert f'<html lang="{language}"' in html, place
        assert "web." not in re.sub(r"<[^>]*>", "", html), place


def test_korean_is_the_default_and_the_choice_is_remembered(visitor: Client) -> None:
    """``?lang=`` sets a cookie and leads to the clean address; the cookie outweighs the browser."""
    assert '<html lang="ko"' in visitor.get("/", headers={"Accept-Language": "de"}).content.decode()
    answer = visitor.get("/certs/?who=business&lang=en")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/certs/?who=business")
    assert '<html lang="en"' in visitor.get("/", headers={"Accept-Language": "ko"}).content.decode()


def test_language_never_leads_to_another_host(visitor: Client) -> None:
    """Neither the switch nor the form can be used to send somebody elsewhere."""
    answer = visitor.get("/", {"lang": "en"}, PATH_INFO="//evil.example/")
    assert answer.headers["Location"] == "/evil.example/"
    page = visitor.get("/language/")
    data = {"csrfmiddlewaretoken": csrf(page), "next": "https://evil.example/", "language": "en"}
    assert visitor.post("/language/", data).headers["Location"] == "/"


def test_the_display_is_chosen_without_javascript(visitor: Client) -> None:
    """High contrast is a cookie and an attribute; ``auto`` follows the device again."""
    data = {"csrfmiddlewaretoken": csrf(visitor.get("/language/")), "display": "contrast", "next": "/help/"}
    assert visitor.post("/language/", data).headers["Location"] == "/help/"
    assert 'data-display="contrast"' in visitor.get("/").content.decode()
    visitor.post("/language/", {**data, "display": "auto"})
    assert "data-display" not in visitor.get("/").content.decode()


def test_the_policy_allows_nothing_inline_and_nobody_else(visitor: Client) -> None:
    """Strict content security policy, and no style, script or handler inside any page."""
    for place in (*PLACES, begin(visitor)):
        answer = visitor.get(place)
        policy = answer.headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        html = answer.content.decode()
        assert not re.search(r"<style|<script(?![^>]*src=)|\son\w+=|\sstyle=|javascript:", html), place
        assert not re.search(r'(?:src|href|action)="(?:https?:)?//', html), place


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("get", "/nothing/here/", 404),
        ("get", "/certs/gold/", 404),
        ("get", "/certs/financial/steal/", 404),
        ("get", "/runs/unknown/", 404),
        ("get", "/runs/unknown/state", 404),
        ("get", "/me/certificates/00ff/", 404),
        ("get", "/me/certificates/00ff.pem", 404),
        ("put", "/certs/", 405),
        ("post", "/help/", 403),
        ("post", "/certs/financial/issue/", 403),
    ],
)
def test_every_refusal_has_a_sentence_and_a_way_out(
    visitor: Client, method: str, path: str, status: int
) -> None:
    """Errors are pages of the site in the reader's language, with a way back."""
    caller = Client(enforce_csrf_checks=status == 403)
    for language, words in (("ko", "인증센터로 가기"), ("en", "To the certificate centre")):
        answer = getattr(caller, method)(path, headers={"Accept-Language": language})
        assert answer.status_code == status
        assert words in answer.content.decode()
        assert f'<html lang="{language}"' in answer.content.decode()


def test_the_interface_for_machines_is_not_answered_in_html(visitor: Client) -> None:
    """An unknown address below ``/api/`` is a problem document."""
    answer = visitor.get("/api/v1/nothing")
    assert answer.status_code == 404
    assert "text/html" not in answer.headers["Content-Type"]


def test_a_run_begins_with_a_cookie_that_scripts_cannot_read(visitor: Client) -> None:
    """The token is in an HttpOnly cookie of this site only, and each run has its own."""
    first = begin(visitor)
    cookie = visitor.cookies["dojang_run"]
    assert cookie["httponly"] is True
    assert cookie["samesite"] == "Lax"
    assert cookie["path"] == "/"
    second = begin(visitor)
    pairs = dict(pair.split(".") for pair in visitor.cookies["dojang_run"].value.split("~"))
    assert [f"/runs/{run}/?step=terms" for run in pairs] == [second, first]
    assert len(set(pairs.values())) == 2
    for token in pairs.values():
        assert token not in visitor.get(second).content.decode()


def test_over_https_the_cookie_is_bound_to_the_host(visitor: Client) -> None:
    """Encrypted connections use the ``__Host-`` name and ``Secure``."""
    page = visitor.get("/certs/financial/issue/", secure=True)
    visitor.post(
        "/certs/financial/issue/", {"csrfmiddlewaretoken": csrf(page)}, secure=True,
        headers={"Referer": "https://testserver/certs/financial/issue/"},
    )  # fmt: skip
    assert visitor.cookies["__Host-dojang_run"]["secure"] is True


def test_another_browser_cannot_open_the_run(visitor: Client) -> None:
    """A run's address alone opens nothing; absent and somebody else's look alike."""
    place = begin(visitor)
    stranger = Client()
    theirs, absent = stranger.get(place), stranger.get("/runs/0123456789/")
    assert theirs.status_code == absent.status_code == 404
    assert visitor.get(place).status_code == 200


def test_the_page_asks_as_long_before_its_end_as_the_bank_says(visitor: Client, world: World) -> None:
    """How long before the time-out a page asks whether somebody is there is the bank's figure."""
    place = begin(visitor)
    assert 'data-before="60"' in visitor.get(place).content.decode()
    wiring.set_world(with_policy(world, sessions={"idle_warning": 90}))
    assert 'data-before="90"' in visitor.get(place).content.decode()


def test_a_right_answer_redirects_and_a_wrong_one_says_what_is_wrong(visitor: Client) -> None:
    """Post, redirect, get, after a mistake too: a focused summary, and nothing secret comes back."""
    place = begin(visitor)
    page = visitor.get(place)
    nothing = visitor.post(place.split("?")[0], {**hidden(page), "action": "submit"})
    assert (nothing.status_code, nothing.headers["Location"]) == (303, place)
    for _ in range(2):
        assert 'role="alert"' in visitor.get(place).content.decode()
    answer = agree(visitor, place)
    assert answer.status_code == 303
    assert answer.headers["Location"].endswith("?step=identify")
    page = visitor.get(answer.headers["Location"])
    typed = {"user_id": "x", "rrn_front": CANARY[:6], "rrn_back": CANARY[6:]}
    wrong = visitor.post(place.split("?")[0], {**hidden(page), "action": "submit", **typed})
    assert wrong.status_code == 303
    html = visitor.get(wrong.headers["Location"]).content.decode()
    assert 'role="alert"' in html
    assert CANARY[:6] not in html
    assert CANARY[6:] not in html
    assert 'name="user_id"' in html
    assert 'value="x"' in html, "what is not secret is kept"


def test_run_pages_are_never_kept(visitor: Client) -> None:
    """Pages of a run, its live state and its redirects forbid caching."""
    place = begin(visitor)
    for path in (place, place.split("?")[0] + "state"):
        assert visitor.get(path).headers["Cache-Control"] == "no-store"
    assert agree(visitor, place).headers["Cache-Control"] == "no-store"


def test_a_second_tab_is_shown_the_present_page(visitor: Client) -> None:
    """Answering a page that has been answered elsewhere changes nothing and shows where the run is."""
    place = begin(visitor)
    old = visitor.get(place)
    identify = agree(visitor, place).headers["Location"]
    again = visitor.post(place.split("?")[0], {**hidden(old), "action": "back"})
    assert again.status_code == 303
    shown = visitor.get(again.headers["Location"]).content.decode()
    assert 'name="user_id"' in shown
    assert "이미 진행됐어요" in shown
    assert visitor.get(identify).status_code == 200


def test_sending_a_form_twice_has_one_effect(visitor: Client) -> None:
    """A double click leads to the same next page both times."""
    place = begin(visitor)
    page = visitor.get(place)
    boxes = re.findall(r'name="agree" value="([^"]+)"', page.content.decode())
    data = {**hidden(page), "action": "submit", "agree": boxes}
    answers = [visitor.post(place.split("?")[0], data) for _ in range(2)]
    assert [(a.status_code, a.headers["Location"]) for a in answers] == [
        (303, f"{place.split('?')[0]}?step=identify")
    ] * 2


def test_the_browsers_back_shows_the_present_step_and_says_how_to_go_back(visitor: Client) -> None:
    """The address of an earlier step shows the present one with a hint; refreshing changes nothing."""
    place = begin(visitor)
    identify = agree(visitor, place).headers["Location"]
    html = visitor.get(place).content.decode()
    assert 'name="user_id"' in html
    assert "뒤로 가기" in html
    assert "뒤로 가기" not in visitor.get(identify).content.decode()


def test_live_state_is_small_and_costs_nothing_unchanged(visitor: Client) -> None:
    """The state has an entity tag; asking again with it is answered 304 without a body."""
    place = begin(visitor).split("?")[0]
    answer = visitor.get(f"{place}state")
    assert answer.json().keys() == {
        "step",
        "revision",
        "state",
        "expires",
        "expiresText",
        "told",
        "wait",
        "serverTime",
    }
    assert len(answer.content) < 1000
    again = visitor.get(f"{place}state", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_more_time_can_be_asked_for_without_leaving_the_page(visitor: Client, world: World) -> None:
    """Extending answers scripts with the new deadline and forms with a redirect; the page stays the same."""
    place = begin(visitor)
    page = visitor.get(place)
    before = visitor.get(place.split("?")[0] + "state").json()
    world.clock.advance(120)  # type: ignore[attr-defined]
    data = {**hidden(page), "action": "extend"}
    answer = visitor.post(place.split("?")[0], data, headers={"Accept": "application/json"})
    assert answer.status_code == 200
    assert answer.json()["expires"] > before["expires"]
    assert answer.json()["revision"] == before["revision"]
    assert visitor.post(place.split("?")[0], data).status_code == 303


def test_giving_up_and_running_out_of_time_end_on_a_page_with_a_way_out(
    visitor: Client, world: World
) -> None:
    """Cancelled and expired runs say what happened and how to begin again."""
    place = begin(visitor)
    page = visitor.get(place)
    visitor.post(place.split("?")[0], {**hidden(page), "action": "cancel"})
    assert "다시 하기" in visitor.get(place).content.decode()
    late = begin(visitor)
    world.clock.advance(3600)  # type: ignore[attr-defined]
    html = visitor.get(late).content.decode()
    assert "시간이 지나" in html
    assert 'id="act"' not in html


def test_a_begun_journey_is_offered_again(visitor: Client) -> None:
    """The certificate centre offers to go on where one stopped, only to the browser that began."""
    assert "이어서 하기" not in visitor.get("/certs/").content.decode()
    place = begin(visitor)
    assert place in visitor.get("/certs/").content.decode()
    assert "이어서 하기" not in Client().get("/certs/").content.decode()


def test_no_certificates_are_shown_to_a_stranger(visitor: Client) -> None:
    """Without a finished run there is nothing to see, even for the one who has just begun."""
    begin(visitor)
    assert 'class="mine"' not in visitor.get("/me/certificates/").content.decode()


def test_a_shared_computer_can_forget(visitor: Client) -> None:
    """Asking to forget empties the cookie, and the run cannot be opened from this browser any more."""
    place = begin(visitor)
    token = csrf(visitor.get(place))
    answer = visitor.post("/me/certificates/", {"csrfmiddlewaretoken": token})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/me/certificates/")
    assert visitor.cookies["dojang_run"].value == ""
    assert visitor.get(place).status_code == 404


def test_what_was_issued_here_is_shown_for_half_an_hour(visitor: Client, world: World) -> None:
    """Whoever comes to the computer later sees no certificates without logging in, nor one by its address."""
    walk = Walk(world)
    assert walk.finish().state == "done"
    visitor.cookies["dojang_run"] = f"{walk.run}.{walk.started.token}"
    shown = visitor.get("/me/certificates/").content.decode()
    serial = re.findall(r"/me/certificates/([0-9a-f]{20,})/", shown)[0]
    assert visitor.get(f"/me/certificates/{serial}.pem").status_code == 200
    world.clock.advance(1801)  # type: ignore[attr-defined]
    assert 'class="mine"' not in visitor.get("/me/certificates/").content.decode()
    for address in (f"/me/certificates/{serial}/", f"/me/certificates/{serial}.pem"):
        assert visitor.get(address).status_code == 404
