"""A browser that is connected is told of once, on every channel; a log-in from there is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.test import Client
from tests.app.account.test_me_pages import CHROME, Visitor
from tests.journeys.app.walker import Walk

from dojang.account.browsers.actions import clear_browsers
from dojang.account.browsers.queries import LIFE
from dojang.account.models import SeenBrowser
from dojang.audit.models import Event
from dojang.notices.models import Notice

if TYPE_CHECKING:
    from collections.abc import Callable

    from dojang.ports.world import World


MESSAGES = ("browser_connected", "login_new_browser")


@pytest.fixture
def hong(world: World) -> Visitor:
    """Return somebody with a fresh certificate and a browser that has seen nothing of it."""
    walk = Walk(world)
    walk.finish()
    return Visitor(walk)


def told() -> int:
    """How often a browser was told of."""
    return Notice.objects.filter(message_id__in=MESSAGES, channel="push").count()


def out(visitor: Visitor) -> None:
    """Log out."""
    visitor.post("/logout/", form="/me/")


def test_a_new_browser_is_told_on_every_channel_with_the_way_out(
    hong: Visitor, world: World, run_jobs: Callable[[], int]
) -> None:
    """Once for a browser; the text message has no link; the log-in that follows tells nothing more."""
    hong.log_in("390462")
    assert (told(), SeenBrowser.objects.count()) == (1, 1)
    hong.log_in()
    channels = Notice.objects.filter(message_id="browser_connected").values_list("channel", flat=True)
    assert sorted(channels) == ["mail", "push", "sms", "sms"]
    assert Event.objects.filter(type="browser:connected").count() == 1
    run_jobs()
    sms = world.sms.texts(hong.walk.number)[-1].text  # type: ignore[attr-defined]
    assert "Chrome, Windows" in sms
    assert world.policy.bank.phone in sms
    assert "http" not in sms
    assert "/" not in sms
    assert "새 브라우저를 연결했어요" in hong.html("/me/notices/")
    out(hong)
    hong.log_in()
    assert told() == 1
    stranger = Visitor(hong.walk)
    stranger.log_in()
    assert (told(), SeenBrowser.objects.count()) == (2, 2)


def test_the_cookie_is_new_each_time_and_stored_nowhere(hong: Visitor) -> None:
    """A stolen or planted one is worth nothing after the next log-in."""
    seen = []
    for _ in range(2):
        hong.log_in()
        cookie = hong.client.cookies["dojang_seen"]
        assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
        seen.append(cookie.value)
        out(hong)
    assert seen[0] != seen[1]
    assert SeenBrowser.objects.filter(token__in=seen).count() == 0
    thief = Visitor(hong.walk)
    thief.client.cookies["dojang_seen"] = seen[0]
    assert 'href="/login/connect/?next=/me/"' in thief.html("/login/")
    assert told() == 1


def test_one_browser_is_known_to_all_its_people(hong: Visitor, world: World) -> None:
    """Somebody else's log-in there is told to that one, and makes it new for nobody."""
    walk = Walk(world, "han")
    walk.finish()
    hong.log_in()
    out(hong)
    other = Visitor(walk)
    other.client = hong.client
    other.log_in()
    out(other)
    assert told() == 2
    hong.log_in()
    out(hong)
    other.log_in()
    assert told() == 2


def test_a_browser_is_new_again_after_stopping_everything_and_after_a_long_time(
    hong: Visitor, world: World
) -> None:
    """Both forget it; clearing away deletes what time has made new."""
    hong.log_in()
    hong.post("/me/stop/")
    assert SeenBrowser.objects.count() == 0
    han = Visitor(Walk(world, "han"))
    han.walk.finish()
    han.log_in()
    before = told()
    world.clock.advance(int(LIFE.total_seconds()) + 1)  # type: ignore[attr-defined]
    assert clear_browsers(world=world) == 1
    han.client.cookies.pop("dojang_me")
    han.is_connected = False
    han.log_in()
    assert told() == before + 1


def test_the_header_of_a_browser_may_say_nothing(world: World, run_jobs: Callable[[], int]) -> None:
    """Then the notice calls it an unknown browser."""
    walk = Walk(world)
    walk.finish()
    visitor = Visitor(walk)
    visitor.client = Client(enforce_csrf_checks=True)
    visitor.log_in()
    run_jobs()
    assert "알 수 없는 브라우저" in world.sms.texts(walk.number)[-1].text  # type: ignore[attr-defined]
    assert CHROME not in str(list(SeenBrowser.objects.values()))
