"""Log-in and `/me/` over HTTP: who gets in, what is shown, what can be done, and what nobody may do."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from tests.journeys.app.walker import PIN, Walk

from dojang.account.models import Session
from dojang.ca.models import Certificate
from dojang.ca.queries import active_certificate, certificates_of
from dojang.edge.holding import NOT_BEFORE
from dojang.notices.models import Notice
from dojang.wallet.uses.models import Use
from dojang.web.views.login import REFUSED_AFTER

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse

    from dojang.ports.world import World

CHROME = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/131.0 Safari/537.36"
WRONG = "390462"
PLACES = ("/me/", "/me/certificates/", "/me/uses/", "/me/notices/", "/me/devices/", "/me/log/", "/me/stop/")


class Visitor:
    """A browser that obeys CSRF rules and forms."""

    def __init__(self, walk: Walk) -> None:
        self.walk = walk
        self.client = Client(enforce_csrf_checks=True, headers={"User-Agent": CHROME})

    def get(self, path: str, **more: Any) -> HttpResponse:
        """Open a page."""
        return self.client.get(path, **more)

    def html(self, path: str) -> str:
        """Open a page that is there."""
        answer = self.get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.content.decode()

    def post(self, path: str, form: str = "", **data: str) -> HttpResponse:
        """Send the form of a page (`form`, the same unless told)."""
        page = self.get(form or path).content.decode()
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token, page[:500]
        return self.client.post(path, {"csrfmiddlewaretoken": token[1], **data})

    def log_in(self, pin: str = PIN, **more: str) -> HttpResponse:
        """Log in by user id."""
        return self.post("/login/", user_id=self.walk.person.user_id, pin=pin, **more)

    @property
    def serial(self) -> str:
        """Serial of the certificate issued last."""
        return certificates_of(self.walk.person.id)[0].serial


@pytest.fixture
def hong(world: World) -> Visitor:
    """Return somebody with a fresh certificate and a browser that has seen nothing of it."""
    walk = Walk(world)
    walk.finish()
    return Visitor(walk)


def test_nothing_is_shown_without_logging_in(hong: Visitor) -> None:
    """Every place of `/me/` leads to the log-in page and back; a certificate's page is not there."""
    for place in PLACES:
        answer = hong.get(place)
        if place == "/me/certificates/":
            assert 'class="mine"' not in answer.content.decode()
            continue
        assert (answer.status_code, answer.headers["Location"]) == (303, f"/login/?next={place}")
    assert hong.get(f"/me/certificates/{hong.serial}/").status_code == 404
    for deed in ("stop", "revoke"):
        assert hong.get(f"/me/certificates/{hong.serial}/{deed}/").status_code == 303
    assert certificates_of(hong.walk.person.id)[0].state == "active"


def test_logging_in_leads_where_one_wanted_and_never_elsewhere(hong: Visitor) -> None:
    """The session cookie is HttpOnly and of this site; `next` cannot lead to another host."""
    for wanted, there in (
        ("/me/log/", "/me/log/"),
        ("https://evil.example/", "/me/"),
        ("//evil.example", "/me/"),
    ):
        answer = hong.log_in(next=wanted)
        assert (answer.status_code, answer.headers["Location"]) == (303, there)
        cookie = hong.client.cookies["dojang_me"]
        assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
        hong.post("/logout/", form="/me/")
    assert hong.get("/me/").status_code == 303
    assert Session.objects.filter(ended_at__isnull=True).count() == 0


@pytest.mark.parametrize("language", ["ko", "en"])
def test_every_place_speaks_the_readers_language(
    hong: Visitor, run_jobs: Callable[[], int], language: str
) -> None:
    """Logged in, each place answers 200 in the language asked for, keeps nothing and names no message id."""
    run_jobs()
    hong.log_in()
    one = f"/me/certificates/{hong.serial}/"
    more = (one, f"{one}stop/", f"{one}revoke/")
    for place in (*PLACES, *more, "/help/lost-phone/", "/login/?with=financial"):
        answer = hong.get(place, headers={"Accept-Language": language})
        if place.startswith("/login"):
            assert answer.status_code == 303
            continue
        html = answer.content.decode()
        assert answer.status_code == 200, place
        assert f'<html lang="{language}"' in html
        assert not re.search(r"\b(?:me|web|notice)\.[a-z_]+\.", re.sub(r"<[^>]*>", "", html)), place
        assert answer.headers["Cache-Control"] == "no-store", place
        assert not re.search(r"<style|<script(?![^>]*src=)|\son\w+=|\sstyle=", html), place


def test_what_is_in_my_name_is_shown(hong: Visitor, run_jobs: Callable[[], int]) -> None:
    """Seal, use with browser and place, notice with its channels, log of the issue, where it came from."""
    run_jobs()
    hong.log_in()
    home = hong.html("/me/")
    assert hong.walk.person.name in home
    assert 'class="mine"' in home
    assert "Chrome, Windows" in hong.html("/me/uses/")
    notices = hong.html("/me/notices/")
    assert "금융인증서가 발급됐어요" in notices
    assert "문자" in notices
    assert "메일" in notices
    assert "금융인증서 발급을 시작했어요" in hong.html("/me/log/")
    one = hong.html(f"/me/certificates/{hong.serial}/")
    assert "웹사이트" in one
    assert "198.51.100.*" in one
    assert "로그인" in one


def test_a_wrong_pin_is_refused_without_saying_whose_id_exists(hong: Visitor) -> None:
    """An unknown id and a wrong PIN get pages that differ in the id typed alone; both are held back."""
    pages = []
    for user_id in (hong.walk.person.user_id, "nobody7"):
        asked = time.monotonic()
        answer = hong.post("/login/", user_id=user_id, pin=WRONG)
        assert answer.status_code == 422
        assert answer.wsgi_request.META[NOT_BEFORE] >= asked + REFUSED_AFTER
        html = answer.content.decode()
        assert WRONG not in html
        pages.append(re.sub(r'value="[^"]*"', "", html))
    assert pages[0] == pages[1]
    assert 'role="alert"' in pages[0]
    assert Session.objects.count() == 0


def test_empty_boxes_are_named(hong: Visitor) -> None:
    """Nothing typed is told at the field, and no try is counted."""
    answer = hong.post("/login/", user_id="", pin="")
    html = answer.content.decode()
    assert answer.status_code == 422
    assert 'href="#f-user_id"' in html
    assert 'href="#f-pin"' in html
    assert Use.objects.count() == 0


def test_a_browser_may_remember_and_forget(hong: Visitor) -> None:
    """It asks for the PIN alone next time, says how many tries are left, and forgets when told so."""
    hong.log_in(remember="yes")
    hong.post("/logout/", form="/me/")
    page = hong.html("/login/")
    assert hong.walk.person.name in page
    assert 'name="user_id"' not in page
    assert "4번 더 틀리면" in hong.post("/login/", pin=WRONG).content.decode()
    assert hong.post("/login/", pin=PIN).status_code == 303
    assert "지금 이 브라우저" in hong.html("/me/devices/")
    browser = re.search(r'name="browser" value="([^"]+)"', hong.html("/me/devices/"))
    assert browser
    assert hong.post("/me/devices/", browser=browser[1]).status_code == 303
    assert "나를 기억하는 브라우저" in hong.html("/me/devices/")
    hong.post("/logout/", form="/me/")
    assert 'name="user_id"' in hong.html("/login/")


def test_that_was_not_me_stops_the_certificate_at_once(hong: Visitor) -> None:
    """One confirmation: on hold, told to four channels, logged out everywhere; the way out is named."""
    thief = Visitor(hong.walk)
    thief.log_in()
    hong.log_in(remember="yes")
    before = Notice.objects.count()
    place = f"/me/certificates/{hong.serial}/stop/"
    answer = hong.post(place)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login/?ended=held")
    assert thief.get("/me/").headers["Location"] == "/login/?next=/me/&ended=certificate"
    assert Session.objects.filter(ended_at__isnull=True, token="").count() == 0
    assert hong.get(place).status_code == thief.get("/me/").status_code == 303
    assert Certificate.objects.get(serial=hong.serial).state == "held"
    assert Notice.objects.filter(message_id="certificate_suspended").count() == 4
    assert Notice.objects.count() == before + 4
    assert "인증서를 멈췄어요" in hong.html(answer.headers["Location"])
    refused = hong.post("/login/", pin=PIN)
    assert refused.status_code == 422
    assert "정지된 인증서예요" in refused.content.decode()
    assert "/certs/financial/reissue/" in refused.content.decode()
    stranger = Visitor(hong.walk).log_in().content.decode()
    assert "정지된 인증서예요" not in stranger
    assert "맞지 않아요" in stranger
    assert Use.objects.filter(outcome="held").count() == 2


def test_revoking_wants_a_reason_a_confirmation_and_the_pin(hong: Visitor) -> None:
    """Without any of them nothing happens; with all it is final, and so is the session that began with it."""
    hong.log_in()
    place = f"/me/certificates/{hong.serial}/revoke/"
    whole = {"reason": "keyCompromise", "sure": "yes", "pin": PIN}
    for spoilt in ({"reason": "boredom"}, {"pin": WRONG}, {"pin": ""}):
        assert hong.post(place, **{**whole, **spoilt}).status_code == 422
    assert hong.post(place, reason="keyCompromise", pin=PIN).status_code == 422
    assert Certificate.objects.get(serial=hong.serial).state == "active"
    answer = hong.post(place, **whole)
    assert answer.headers["Location"] == "/login/?ended=revoked"
    assert hong.get("/me/").status_code == 303
    assert Certificate.objects.get(serial=hong.serial).state == "revoked"
    assert Notice.objects.filter(message_id="certificate_revoked").count() == 4
    assert "인증서를 폐기했어요" in hong.html(answer.headers["Location"])


def test_another_customer_reaches_nothing(hong: Visitor, world: World) -> None:
    """Logged in as somebody else, the certificate is not there: to see, to stop or to revoke."""
    walk = Walk(world, "han")
    walk.finish()
    han = Visitor(walk)
    han.log_in()
    for place in ("", "stop/", "revoke/"):
        assert han.get(f"/me/certificates/{hong.serial}/{place}").status_code == 404
    assert han.post(f"/me/certificates/{hong.serial}/stop/", form="/me/stop/").status_code == 404
    assert Certificate.objects.get(serial=hong.serial).state == "active"


def test_everything_stops_with_one_button(hong: Visitor) -> None:
    """The panic page holds every certificate, logs out everywhere and forgets every browser."""
    other = Visitor(hong.walk)
    other.log_in()
    hong.log_in(remember="yes")
    answer = hong.post("/me/stop/")
    assert answer.status_code == 200
    assert "모두 멈췄어요" in answer.content.decode()
    assert active_certificate(hong.walk.person.id, "financial") is None
    assert other.get("/me/").status_code == hong.get("/me/").status_code == 303
    assert 'name="user_id"' in hong.html("/login/")


def lost(hong: Visitor, **changed: str) -> HttpResponse:
    """Fill in the page for a lost phone."""
    person = hong.walk.person
    typed = {
        "consent": "yes",
        "user_id": person.user_id,
        "rrn_front": person.rrn[:6],
        "rrn_back": person.rrn[6:],
        "account": person.accounts[0].number,
        "account_password": person.accounts[0].password,
    }
    return hong.post("/help/lost-phone/", **{**typed, **changed})


def test_a_lost_phone_is_reported_without_phone_or_certificate(hong: Visitor) -> None:
    """Who proves to be the customer stops everything; no secret comes back in the page."""
    Visitor(hong.walk).log_in()
    answer = lost(hong)
    assert answer.status_code == 200
    html = answer.content.decode()
    assert "모두 멈췄어요" in html
    assert hong.walk.person.rrn[6:] not in html
    assert certificates_of(hong.walk.person.id)[0].state == "held"
    assert Session.objects.filter(ended_at__isnull=True).count() == 0


def test_a_stranger_cannot_stop_anybody_and_learns_nothing(hong: Visitor) -> None:
    """Wrong in any part, or an id that does not exist: the same refusal, and nothing is stopped."""
    for changed in ({"account_password": "0000"}, {"rrn_back": "1000000"}, {"user_id": "nobody7"}):
        answer = lost(hong, **changed)
        assert answer.status_code == 422
        assert "맞지 않아" in answer.content.decode()
    assert "동의" in lost(hong, consent="").content.decode()
    assert certificates_of(hong.walk.person.id)[0].state == "active"


def test_a_near_end_is_said_on_the_screen(hong: Visitor, world: World) -> None:
    """Thirty days ahead the home page says so, with the way to a new one; afterwards log-in says it ended."""
    view = active_certificate(hong.walk.person.id, "financial")
    assert view is not None
    clock: Any = world.clock
    clock.advance(int((view.not_after - world.clock.now()).total_seconds()) - 20 * 86_400)
    hong.log_in()
    home = hong.html("/me/")
    assert "20일 남았어요" in home
    assert "/certs/financial/reissue/" in home
    hong.post("/logout/", form="/me/")
    clock.advance(21 * 86_400)
    ended = hong.log_in()
    assert ended.status_code == 422
    assert "기간" in ended.content.decode()
    assert "/certs/financial/reissue/" in ended.content.decode()
