"""A telephone number proves nothing: no page tells whose it is, in words or in time, and nobody is alarmed.

Time is counted in what is done: the same statements and the same questions to the bank for either number.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from tests.journeys.app.device import AppWalk
from tests.journeys.app.walker import Walk, with_parts, with_policy

from dojang.audit.models import Event
from dojang.edge.holding import NOT_BEFORE, REFUSED_AFTER
from dojang.guard.models import FactorCounter
from dojang.notices.models import Notice
from dojang.sandbox.cast import BY_HANDLE, carrier_of, gender_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)
HONG, HAN = BY_HANDLE["hong"], BY_HANDLE["han"]
THEIRS, NOBODYS = HAN.lines[0].number, "01099990000"


class Asked:
    """The core bank, and the names of the questions put to it."""

    def __init__(self, bank: Any) -> None:
        self.bank, self.names = bank, list[str]()

    def __getattr__(self, name: str) -> Any:
        """Note a question and put it."""
        self.names.append(name)
        return getattr(self.bank, name)


def contact(walk: Walk, number: str) -> None:
    """Give a number for notices."""
    walk.submit(email="a@example.test", phone=number)


def person(walk: Walk, number: str) -> None:
    """Give one's own name and birth date with a number."""
    walk.submit(name=HONG.name, phone=number, birth=f"{HONG.birth:%Y%m%d}")


def ars(walk: Walk, number: str) -> None:
    """Ask to be called on a number, in place of one of the list."""
    walk.submit(phone=number)


def new_phone(walk: Walk, number: str) -> None:
    """Name a number to be registered."""
    (old,) = [field for field in walk.page.fields if field.name == "old_phone"]
    walk.submit(new_phone=number, old_phone=old.options[0].value)


def details(walk: Walk, number: str) -> None:
    """Give a number for notices, in the app."""
    walk.submit(email="a@example.test", address=HONG.address, phone=number)


def phone_check(walk: Walk, number: str) -> None:
    """Call a line one's own."""
    walk.submit(
        name=HONG.name, birth=f"{HONG.birth:%Y%m%d}", gender=gender_of(HONG.rrn),
        carrier=carrier_of(number), phone=number,
    )  # fmt: skip


def at(world: World, step: str) -> Walk:
    """Walk truthfully to a step that asks for a number."""
    if step in {"details", "phone_check"}:
        journey = "financial-app-issue" if step == "details" else "joint-app-issue"
        return AppWalk(world, journey=journey).walk_to(step)
    if step != "new_phone":
        return Walk(world).walk_to(step)
    walk = Walk(world).walk_to("ars")
    walk.do("side:change-phone")
    return walk.walk_to("new_phone")


OFFERS = {
    "ars": ars, "contact": contact, "person": person, "new_phone": new_phone, "details": details,
    "phone_check": phone_check,
}  # fmt: skip


@pytest.mark.parametrize("step", OFFERS)
def test_a_customers_number_and_nobodys_are_the_same(world: World, step: str) -> None:
    """The same page, the same statements and questions to the bank, and nobody is told anything."""
    found = []
    for number in (NOBODYS, THEIRS):
        bank = Asked(world.corebank)
        walk = at(with_parts(world, corebank=bank), step)
        OFFERS[step](walk, NOBODYS)  # counters and caches are warm for either
        if step == "new_phone":
            walk.do("back")
        bank.names.clear()
        with CaptureQueriesContext(connection) as asked:
            OFFERS[step](walk, number)
        found.append((walk.page.step, walk.codes, len(asked), bank.names[:]))
    assert found[0] == found[1]
    assert Event.objects.filter(type="evidence:foreign").count() == 0
    assert Notice.objects.filter(message_id__startswith="evidence").count() == 0
    assert world.sms.texts(THEIRS) == () or step == "new_phone"  # type: ignore[attr-defined]


@pytest.mark.parametrize("step", ["contact", "details"])
def test_numbers_for_notices_are_counted_for_a_day(world: World, step: str) -> None:
    """Six numbers are one too many, whosever they are and in however many runs; tomorrow is another day."""
    few = with_policy(world, wrong_entries={"contact": 5})
    for _ in range(2):
        walk = at(few, step)
        for _ in range(3):
            OFFERS[step](walk, THEIRS)
    assert walk.codes == ["contact_spent"]
    OFFERS[step](walk, HONG.lines[0].number)
    assert (walk.page.step, walk.codes) == (step, ["contact_spent"])
    assert FactorCounter.objects.filter(locked_at__isnull=False).count() == 0
    world.clock.advance(86_400)  # type: ignore[attr-defined]
    walk = at(few, step)
    OFFERS[step](walk, HONG.lines[0].number)
    assert walk.page.step != step


def test_a_telephone_of_another_customer_is_theirs_when_its_code_was_read(world: World) -> None:
    """Named as one's new number it is texted like any; with its code both are told and nothing changes."""
    walk = at(world, "new_phone")
    new_phone(walk, THEIRS)
    assert (walk.page.step, Notice.objects.count()) == ("phone_code", 0)
    (text,) = world.sms.texts(THEIRS)  # type: ignore[attr-defined]
    walk.submit(code=re.findall(r"\d{6}", text.text)[0])
    assert walk.codes == ["phone_unusable"]
    assert Event.objects.filter(type="evidence:foreign").count() == 1
    assert set(Notice.objects.values_list("customer_id", flat=True)) == {HONG.id, HAN.id}
    assert world.corebank.owner_of_phone(THEIRS) == HAN.id


def by_api(client: Client) -> Any:
    """Answer a first step wrongly."""
    started = client.post("/api/v1/runs", {"journey": "financial-web-issue"}, content_type="application/json")
    body = {"revision": 1, "action": "submit", "data": {"agree": []}}
    return client.post(
        f"/api/v1/runs/{started.json()['run']}/steps/terms", body, content_type="application/json"
    )


def by_web(client: Client) -> Any:
    """Answer it wrongly on a page."""
    place = client.post("/certs/financial/issue/").headers["Location"].partition("?")[0]
    return client.post(place, {"step": "terms", "revision": 1, "action": "submit"})


def lost_phone(client: Client) -> Any:
    """Guess at what stops everything."""
    typed = {
        "consent": "yes", "user_id": HONG.user_id, "rrn_front": "900131", "rrn_back": "1000000",
        "account": HONG.accounts[0].number, "account_password": "0000",
    }  # fmt: skip
    return client.post("/help/lost-phone/", typed)


def handoff(client: Client) -> Any:
    """Guess at the number of a hand-off."""
    return client.post("/continue/", {"number": "123456789012"})


@pytest.mark.parametrize("door", [by_api, by_web, lost_phone, handoff])
def test_what_is_refused_is_answered_at_the_same_moment_at_every_door(
    world: World, door: Callable[[Client], Any]
) -> None:
    """A refusal is held back by the front to a full multiple of the same time."""
    asked = time.monotonic()
    answer = door(Client())
    assert answer.status_code >= 400 or "step=terms" in answer.headers["Location"]
    assert answer.wsgi_request.META[NOT_BEFORE] >= asked + REFUSED_AFTER
    assert world.corebank.owner_of_phone(THEIRS) == HAN.id
