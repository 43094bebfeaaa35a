"""A certificate of the telephone is begun at a desk: the web page hands the journey over, once."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from tests.journeys.app.device import AppWalk, Telephone

from dojang.ports.acting import Acting
from dojang.ra.actions import session_of
from dojang.ra.actions.handoff import accept_handoff, offer_handoff
from dojang.ra.models import Run

if TYPE_CHECKING:
    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)
NUMBER = re.compile(r"\d{4} \d{4} \d{4}")


@pytest.mark.parametrize("purpose", ["issue", "reissue"])
def test_a_journey_begun_at_a_desk_goes_on_at_the_telephone(world: World, purpose: str) -> None:
    """모바일 발급 on the page: a number appears, the telephone brings it, the desk is told."""
    del world
    desk, phone = Client(), Client()
    shown = desk.get("/certs/joint/").content.decode()
    assert "공동인증서 발급/재발급" in shown
    assert f'action="/certs/joint/{purpose}/"' in shown
    page = desk.post(f"/certs/joint/{purpose}/")
    assert page.status_code == 200
    found = NUMBER.search(page.content.decode())
    assert found
    run = Run.objects.get()
    assert (run.journey, run.channel, run.step) == (f"joint-app-{purpose}", "app", "device")
    brought = phone.post("/app/continue/", {"number": found[0]})
    assert (brought.status_code, brought.headers["Location"]) == (303, f"/app/runs/{run.id}/?step=device")
    assert phone.get(f"/app/runs/{run.id}/").status_code == 200
    assert desk.get(f"/app/runs/{run.id}/").status_code in {404, 409, 410}
    assert phone.post("/app/continue/", {"number": found[0]}).status_code == 422


def test_looking_begins_nothing(world: World) -> None:
    """An address typed in leads to the product's page; what is not offered is not found."""
    del world
    visitor = Client()
    looked = visitor.get("/certs/joint/issue/")
    assert (looked.status_code, looked.headers["Location"]) == (302, "/certs/joint/?issue")
    assert visitor.post("/certs/joint/renew/").status_code == 404
    assert visitor.post("/certs/gold/issue/").status_code == 404
    assert Run.objects.count() == 0


def test_after_a_lost_phone_the_new_one_is_led_to(world: World) -> None:
    """The re-issue begun at the desk ends with a certificate on the telephone that brought the number."""
    old = AppWalk(world, journey="joint-app-issue")
    assert old.finish().state == "done"
    walk = AppWalk(world, journey="joint-app-reissue", phone=Telephone())
    made = offer_handoff(walk.run, acting=walk.acting, world=world)
    there = Acting(kind="customer", source="203.0.113.5", channel="app", locale="ko")
    started = accept_handoff(made.number, acting=there, world=world)
    walk.acting, walk.page = dataclasses.replace(there, session=session_of(started.token)), started.page
    walk.finish()
    assert walk.outwait().state == "done"
    assert walk.phone.certificates["joint"] != old.phone.certificates["joint"]
