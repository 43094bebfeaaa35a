"""A joint re-issue for which only what leaks was proven waits a day, is told, and can be stopped."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from tests.journeys.app.device import AppWalk, Telephone
from tests.journeys.app.walker import Walk, with_policy

from dojang.ca.models import Certificate
from dojang.issuing.actions import reconcile, stop_reissue, waiting_by_link
from dojang.issuing.actions.waiting import stop_tag
from dojang.issuing.errors import NothingWaitsError
from dojang.issuing.models import Order
from dojang.notices.models import Notice
from dojang.notices.reading import letters_of
from dojang.ports.acting import Acting
from dojang.ra.actions import hold_everything
from dojang.sandbox.cast import BY_HANDLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)
JOB = Acting(kind="system", id="reconcile", channel="job")
HONG = BY_HANDLE["hong"]
DAY = 86_400


def states() -> list[str]:
    """Return the states of the joint certificates, oldest first."""
    rows = Certificate.objects.filter(product="joint").order_by("id")
    return list(rows.values_list("state", flat=True))


def reissue(world: World, *, phone: Telephone | None = None, journey: str = "joint-app-reissue") -> AppWalk:
    """Re-issue on a telephone, a new one unless told; walk to the end."""
    walk = AppWalk(world, journey=journey, phone=phone or Telephone())
    walk.finish()
    return walk


def later(world: World, seconds: int) -> None:
    """Let time pass, and the round of reconciling."""
    world.clock.advance(seconds)  # type: ignore[attr-defined]
    reconcile(acting=JOB, world=world)


@pytest.fixture
def first(world: World) -> AppWalk:
    """Return Hong with a joint certificate, issued at once."""
    walk = AppWalk(world, journey="joint-app-issue")
    assert walk.finish().state == "done"
    return walk


@pytest.mark.parametrize("journey", ["joint-app-reissue", "joint-app-issue"])
@pytest.mark.usefixtures("first")
def test_on_a_new_telephone_it_waits_a_day_and_every_channel_is_told(world: World, journey: str) -> None:
    """The old one lives; rounds and reloads change nothing; when the day is over the new one is active."""
    walk = reissue(world, journey=journey)
    assert (walk.page.state, states()) == ("waiting", ["active", "issued"])
    order = Order.objects.get(waits_until__isnull=False)
    assert (order.waits_until - order.placed_at).total_seconds() == world.policy.reissue.wait == DAY
    told = Notice.objects.filter(message_id="reissue_waits", customer_id=HONG.id)
    assert set(told.values_list("channel", flat=True)) == {"mail", "push", "sms"}
    for seconds in (1, 700, 3_600):
        later(world, seconds)
        assert (walk.refresh().state, states()) == ("waiting", ["active", "issued"])
    later(world, DAY)
    assert (walk.refresh().state, states()) == ("done", ["revoked", "active"])
    assert told.count() == 4  # two numbers, mail and push, once each


@pytest.mark.parametrize("given", ["own telephone", "bank certificate", "a bank that asks", "no wait"])
def test_it_is_at_once_where_more_was_proven(world: World, first: AppWalk, given: str) -> None:
    """The customer's own telephone, a second factor, or a bank that wants no waiting."""
    phone: Telephone | None = None
    asked = world
    if given == "own telephone":
        phone = first.phone
    elif given == "bank certificate":
        phone = Telephone()
        assert AppWalk(world, journey="bank-app-issue", phone=phone).finish().state == "done"
    elif given == "a bank that asks":
        asked = with_policy(world, products={"joint": {"needs_factor": True}})
    else:
        asked = with_policy(world, reissue={"wait": 0})
    assert (reissue(asked, phone=phone).page.state, states()) == ("done", ["revoked", "active"])
    assert Notice.objects.filter(message_id="reissue_waits").count() == 0


def test_the_telephone_of_somebody_else_is_nobodys_second_factor(world: World, first: AppWalk) -> None:
    """A device id that is Hong's is not Han's: Han's re-issue on it waits."""
    assert AppWalk(world, "han", journey="joint-app-issue").finish().state == "done"
    walk = AppWalk(world, "han", journey="joint-app-reissue", phone=first.phone)
    walk.finish()
    assert walk.page.state == "waiting"


@pytest.mark.usefixtures("first")
def test_the_link_of_the_mail_stops_it_with_one_press(world: World, run_jobs: Callable[[], int]) -> None:
    """Looking stops nothing; pressing does, without a log-in, once; text messages have no link."""
    walk, mail, sms = reissue(world), world.mail, world.sms
    run_jobs()
    letter: Any = mail.letters(HONG.email)[0]  # type: ignore[attr-defined]
    link = re.search(r"https?://\S+(/stop/\S+)", letter.text)
    assert link
    assert all("/stop/" not in text.text for text in sms.texts(walk.number))  # type: ignore[attr-defined]
    browser = Client()
    assert "이 재발급 멈추기" in browser.get(link[1]).content.decode()
    assert states() == ["active", "issued"]
    answer = browser.post(link[1])
    assert (answer.status_code, "재발급을 멈췄어요" in answer.content.decode()) == (200, True)
    assert (walk.refresh().state, states()) == ("failed", ["active", "revoked"])
    assert walk.codes == ["reissue_stopped"]
    assert browser.post(link[1]).status_code == browser.get(link[1]).status_code == 410
    later(world, DAY + 60)
    assert states() == ["active", "revoked"]


@pytest.mark.usefixtures("first")
def test_nobody_stops_it_by_guessing(world: World) -> None:
    """Another tag, another order, another customer: all are refused alike, and it still waits."""
    reissue(world)
    order = Order.objects.get(waits_until__isnull=False)
    for order_id, tag in ((order.id, "0" * 32), ("0" * 32, stop_tag(order.id)), (order.id, "가")):
        with pytest.raises(NothingWaitsError):
            waiting_by_link(order_id, tag, world=world)
    with pytest.raises(NothingWaitsError):
        stop_reissue(order.id, customer_id=BY_HANDLE["han"].id, acting=JOB, world=world)
    assert states() == ["active", "issued"]


def test_its_holder_sees_and_stops_it_at_home(world: World) -> None:
    """Logged in with another certificate: the page names it, one press ends it."""
    from tests.app.account.test_me_pages import Visitor  # its own world of tests

    assert AppWalk(world, journey="joint-app-issue").finish().state == "done"
    other = Walk(world)
    assert other.finish().state == "done"
    walk = reissue(world)
    hong = Visitor(other)
    hong.log_in()
    place = re.search(r'action="(/me/reissues/[^"]+)"', hong.html("/me/"))
    assert place
    assert hong.post(place[1], form="/me/").status_code == 303
    assert (walk.refresh().state, states()) == ("failed", ["active", "revoked"])
    assert "/me/reissues/" not in hong.html("/me/")
    assert hong.post(place[1], form="/me/stop/").status_code == 303
    assert any("재발급" in letter.subject for letter in letters_of(HONG.id, locale="ko", world=world))


@pytest.mark.usefixtures("first")
def test_stopping_everything_stops_it_too(world: World) -> None:
    """What waits never becomes active after its holder has stopped everything."""
    reissue(world)
    hold_everything(HONG.id, acting=JOB, world=world)
    later(world, DAY + 60)
    assert states() == ["held", "revoked"]
