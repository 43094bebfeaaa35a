"""Side journeys: finding one's ID, changing one's telephone number."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from tests.journeys.app.walker import Walk

from dojang.guard.models import FactorCounter
from dojang.notices.models import Notice

if TYPE_CHECKING:
    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)
NEW = "01000019999"


def test_finding_the_id_returns_to_the_identification(world: World) -> None:
    """The masked user id is shown where it was asked for, and the journey goes on to a certificate."""
    walk = Walk(world).walk_to("identify")
    page = walk.do("side:find-id")
    assert (page.side, page.step) == ("find-id", "find_id")
    page = walk.step()
    assert (page.side, page.step) == (None, "identify")
    shown = next(message for message in page.messages if message.id == "identify.found")
    masked = world.corebank.customer(walk.person.id).user_id_masked
    assert shown.args["user_id"] == masked
    assert page.fields[0].value == masked
    assert walk.finish().state == "done"


def test_the_found_id_is_entered_by_leaving_it_in_its_field(world: World) -> None:
    """The page never has the whole user id; its masked form stands for it, in this run alone."""
    walk = Walk(world).walk_to("identify")
    masked = world.corebank.customer(walk.person.id).user_id_masked
    walk.submit(user_id=masked, rrn=walk.person.rrn)
    assert walk.codes == ["user_id_format"]
    walk.do("side:find-id")
    page = walk.step()
    wrong = f"{walk.person.rrn[:6]}1{'0' * 6}"
    walk.submit(user_id=masked, rrn=wrong)
    assert walk.codes == ["user_not_found"]
    assert walk.page.fields[0].value == masked
    assert FactorCounter.objects.get(factor="identify").errors == 1
    for seen in (page, walk.page):
        assert walk.person.user_id not in repr(seen)
    walk.submit(user_id=masked, rrn=walk.person.rrn)
    assert walk.page.step == "ars"


def test_back_leaves_the_side_journey(world: World) -> None:
    """Going back from the look-up's only step returns to the identification, with nothing found."""
    walk = Walk(world).walk_to("identify")
    walk.do("side:find-id")
    page = walk.do("back")
    assert (page.side, page.step, page.messages) == (None, "identify", ())


def test_five_wrong_look_ups_lock_for_the_day_whatever_the_run(world: World) -> None:
    """Look-ups are counted per account over all runs; the sixth asks nobody, the next day it works again."""
    wrong: dict[str, Any] = {}
    for attempt in range(5):
        walk = Walk(world).walk_to("identify")
        walk.do("side:find-id")
        wrong = {**walk.answers("find_id"), "account_password": f"{attempt}{attempt}{attempt}{attempt}"}
        walk.submit(**wrong)
        assert walk.codes in (["id_not_found"], ["factor_locked"])
    walk = Walk(world).walk_to("identify")
    walk.do("side:find-id")
    walk.submit(**walk.answers("find_id"))
    assert walk.codes == ["factor_locked"]
    assert FactorCounter.objects.get(factor="lookup").errors == 5
    clock: Any = world.clock
    clock.advance(86_400)
    walk = Walk(world).walk_to("identify")
    walk.do("side:find-id")
    assert walk.step().step == "identify"
    assert FactorCounter.objects.get(factor="lookup").errors == 0


def changed(world: World, handle: str = "hong") -> Walk:
    """Change somebody's first number to a new one, up to the return into the ARS step."""
    walk = Walk(world, handle).walk_to("ars")
    walk.do("side:change-phone")
    walk.step()  # account and password
    walk.step()  # which factor
    walk.step()  # security card
    data = {"new_phone": NEW}
    if any(field.name == "old_phone" for field in walk.page.fields):
        data["old_phone"] = walk.page.fields[0].options[0].value
    walk.submit(**data)
    sms: Any = world.sms
    walk.submit(code=re.findall(r"\d{6}", sms.texts(NEW)[-1].text)[0])
    return walk


def test_changing_the_number_returns_to_the_call_and_asks_for_more(world: World) -> None:
    """After the change the new number can be called, and the higher path asks for a mailed code besides."""
    walk = changed(world)
    assert (walk.page.side, walk.page.step) == (None, "ars")
    assert NEW in {phone.number for phone in world.corebank.phones(walk.person.id)}
    steps = []
    while walk.page.state == "open":
        steps.append(walk.page.step)
        walk.step()
    assert walk.page.state == "done"
    assert "mail_code" in steps


def test_the_old_number_is_told_of_the_change_and_of_the_issue(world: World) -> None:
    """Invariant 15: who held the number before hears of the change and of the certificate."""
    walk = Walk(world)
    before = {phone.number for phone in world.corebank.phones(walk.person.id)}
    walk = changed(world)
    after = {phone.number for phone in world.corebank.phones(walk.person.id)}
    assert len(before - after) == 1
    assert Notice.objects.filter(message_id="phone_changed", channel="sms").count() == 3
    while walk.page.state == "open":
        walk.step()
    assert Notice.objects.filter(message_id="certificate_issued", channel="sms").count() == 3


def test_a_wrong_code_does_not_change_the_number(world: World) -> None:
    """Until the code sent to the new number comes back, the bank's record stays."""
    walk = Walk(world, "han").walk_to("ars")
    before = world.corebank.phones(walk.person.id)
    walk.do("side:change-phone")
    for _ in range(3):
        walk.step()
    walk.submit(new_phone=NEW)
    assert walk.page.step == "phone_code"
    walk.submit(code="000000")
    assert walk.codes == ["code_wrong"]
    assert world.corebank.phones(walk.person.id) == before
    assert Notice.objects.filter(message_id="phone_changed").count() == 0
