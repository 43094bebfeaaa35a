"""Invariant 9: numbers on the screen are for one use, one run, one purpose and a short time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.journeys.app.walker import Walk, with_policy

from dojang.journeys.model import Progress
from dojang.ra.actions import turn_of
from dojang.ra.models import Run

if TYPE_CHECKING:
    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_reply_after_three_minutes_is_too_late(world: World) -> None:
    """The right number, a second after its time, does not pass; a new text brings a new number that does."""
    wide = with_policy(world, sms_reply={"digits": 6})
    walk = Walk(wide).walk_to("sms_reply")
    old, clock = walk.code, wide.clock
    moving: Any = clock
    moving.advance(wide.policy.sms_reply.ttl + 1)
    walk.reply(old)
    walk.submit()
    assert walk.page.step == "sms_reply"
    walk.do("resend")
    assert walk.code != old
    walk.reply(walk.code)
    assert walk.submit().step == "pin"


def test_a_call_approved_too_late_does_not_pass(world: World) -> None:
    """A call whose number has lapsed proves nothing, whatever was keyed."""
    short = with_policy(world, ars={"ttl": 5})
    walk = Walk(short, "han").walk_to("ars")
    walk.submit(phone=short.corebank.phones(walk.person.id)[0].id)
    clock: Any = short.clock
    clock.advance(10)
    telephony: Any = short.telephony
    call = telephony.calls(walk.number)[0]
    telephony.answer(call.number, call.id)
    code = walk.code
    telephony.press(call.number, call.id, code)
    walk.refresh()
    if walk.page.step == "ars" and walk.page.wait is not None:
        walk.submit()
    assert walk.page.step == "ars"


def test_numbers_differ_by_run_step_visit_and_purpose(world: World) -> None:
    """Six-digit numbers of two runs, two visits and two purposes are all different."""
    walks = [Walk(world, handle).walk_to("ars") for handle in ("hong", "han")]
    codes = []
    for walk in walks:
        turn = turn_of(Run.objects.get(id=walk.run), walk.acting, world)
        view = turn.view()
        codes += [view.code("a", 6), view.code("b", 6), view.code("a", 6)]
    assert codes[0] == codes[2]
    assert len(set(codes)) == 4
    walks[0].do("back")
    walks[0].walk_to("ars")
    turn = turn_of(Run.objects.get(id=walks[0].run), walks[0].acting, world)
    assert turn.view().code("a", 6) not in codes


def test_the_number_of_one_run_does_not_serve_another(world: World) -> None:
    """A reply with another run's number is a wrong one."""
    wide = with_policy(world, sms_reply={"digits": 6})
    other = Walk(wide, "han").walk_to("sms_reply")
    walk = Walk(wide).walk_to("sms_reply")
    walk.reply(other.code)
    walk.submit()
    assert (walk.page.step, walk.codes) == ("sms_reply", ["mo_mismatch"])


def test_an_approved_call_is_used_once(world: World) -> None:
    """Going back behind the call asks for a new one: the old approval does not pass a second time."""
    walk = Walk(world, "han").walk_to("account")
    walk.do("back")
    assert walk.page.step == "ars"
    assert walk.page.wait is None
    body = turn_of(Run.objects.get(id=walk.run), walk.acting, world).body
    assert isinstance(body.progress, Progress)
    assert "ars_call" not in body.progress.facts
    for codes in ([], ["phone_required"]):  # the call is asked for, then a number
        walk.submit()
        assert (walk.page.step, walk.codes) == ("ars", codes)
