"""The emergency stop is never locked: right answers stop at once, wrong ones only wait longer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from tests.app.account.test_me_pages import Visitor, lost
from tests.journeys.app.walker import Walk, with_policy

from dojang.account.actions import locks_of, stop_by_proof
from dojang.account.models import Session
from dojang.audit.models import Event
from dojang.ca.queries import certificates_of
from dojang.edge.holding import NOT_BEFORE
from dojang.guard.models import FactorCounter
from dojang.notices.models import Notice
from dojang.ra.models import Run
from dojang.sandbox.cast import BY_HANDLE

if TYPE_CHECKING:
    from django.http import HttpResponse

    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)
HAN = BY_HANDLE["han"]
#: What a stranger may hold who knows user id and RRN, or the account's number: never all that is right.
STRANGERS: dict[str, dict[str, str]] = {
    "wrong password": {"account_password": "0000"},
    "wrong number": {"rrn_back": "1000000"},
    "another account": {"account": HAN.accounts[0].number},
}


@pytest.fixture
def hong(world: World) -> Visitor:
    """Return somebody with a certificate."""
    walk = Walk(world)
    walk.finish()
    return Visitor(walk)


def waits(answer: HttpResponse, since: float) -> float:
    """Seconds the front holds an answer back, counted from a moment before it was asked."""
    return float(answer.wsgi_request.META.get(NOT_BEFORE, since)) - since


def state(hong: Visitor) -> str:
    """State of the certificate."""
    return certificates_of(hong.walk.person.id)[0].state


@pytest.mark.parametrize("held", STRANGERS)
def test_the_robbed_customer_stops_after_a_stranger_was_wrong(hong: Visitor, held: str) -> None:
    """Twelve wrong ones, and the right one still stops everything: certificates, sessions, runs."""
    Visitor(hong.walk).log_in()
    run = Walk(hong.walk.world, journey="financial-web-reissue").walk_to("ars")
    for _ in range(12):
        lost(hong, **STRANGERS[held])
    assert state(hong) == "active"
    assert lost(hong).status_code == 200
    assert state(hong) == "held"
    assert Session.objects.filter(ended_at=None).count() == 0
    assert Run.objects.get(id=run.run).state == "cancelled"
    assert Notice.objects.filter(message_id="everything_held").exists()


def test_a_source_that_was_wrong_too_often_still_stops(world: World) -> None:
    """Everybody behind one carrier's address is refused elsewhere for today; a stop is not."""
    walk = Walk(world)
    walk.finish()
    few = with_policy(world, wrong_entries={"per_source": 1})
    person = walk.person
    typed = {"user_id": person.user_id, "rrn": person.rrn, "account": person.accounts[0].number}
    for password in ("0000", "0001"):
        stop_by_proof(**typed, account_password=password, acting=walk.visitor, world=few)
    right = person.accounts[0].password
    heard = stop_by_proof(**typed, account_password=right, acting=walk.visitor, world=few)
    assert (heard.held is not None, heard.is_told) == (True, False)
    assert certificates_of(person.id)[0].state == "held"


def test_wrong_answers_wait_longer_and_say_so(hong: Visitor) -> None:
    """One second, two, four; a right one in between is answered at once."""
    said = []
    for expected in (1, 2, 4):
        since = time.monotonic()
        answer = lost(hong, account_password="0000")
        assert expected <= waits(answer, since) < expected + 5
        said.append(f"{expected}초 뒤에 답했어요" in answer.content.decode())
    assert said == [True, True, True]
    since = time.monotonic()
    assert waits(lost(hong), since) == 0.0
    assert state(hong) == "held"


def test_a_password_cannot_be_found_by_trying(hong: Visitor) -> None:
    """From the sixth on, right and wrong are answered with the same page after the same time."""
    for _ in range(5):
        assert lost(hong, account_password="0000").status_code == 422
    pages, held_back = [], []
    for changed in ({"account_password": "0000"}, {}):
        since = time.monotonic()
        answer = lost(hong, **changed)
        held_back.append(round(waits(answer, since), 0) >= 2**hong.walk.world.policy.wrong_entries.stop.count)
        pages.append((answer.status_code, answer.content))
    assert pages[0] == pages[1]
    assert held_back == [True, True]
    assert "접수했어요" in pages[0][1].decode()
    assert state(hong) == "held"
    counter = FactorCounter.objects.get(factor="account_password")
    assert (counter.errors, counter.window) == (5, 86_400)


@pytest.mark.parametrize(
    ("changed", "evidence"),
    [
        ({"rrn_front": HAN.rrn[:6], "rrn_back": HAN.rrn[6:]}, "rrn"),
        ({"account": HAN.accounts[0].number, "account_password": HAN.accounts[0].password}, "account"),
    ],
    ids=["rrn", "account"],
)
def test_what_is_somebody_elses_is_told_to_both(
    hong: Visitor, changed: dict[str, str], evidence: str
) -> None:
    """Once a day, on every channel; nothing is stopped for either of them."""
    for _ in range(3):
        lost(hong, **changed)
    assert state(hong) == "active"
    told = Notice.objects.filter(message_id__in=["stop_of_another", "stop_used_elsewhere"])
    assert told.filter(customer_id=hong.walk.person.id, message_id="stop_of_another").count() == 4
    assert told.filter(customer_id=HAN.id, message_id="stop_used_elsewhere").count() == 3
    assert told.count() == 7
    bodies = [event.body for event in Event.objects.filter(type="evidence:foreign")]
    assert [f'"evidence":"{evidence}"' in body for body in bodies] == [True, True, True]


def test_the_customer_is_told_of_a_lock_made_here_and_can_lift_it(hong: Visitor) -> None:
    """Five wrong numbers for Hong's user id: told on every channel, in Hong's list of locks."""
    for _ in range(6):
        lost(hong, rrn_back="1000000")
    person = hong.walk.person.id
    assert Notice.objects.filter(customer_id=person, message_id="factor_locked").count() == 4
    assert [lock.factor for lock in locks_of(person, world=hong.walk.world)] == [
        "account_password",
        "identify",
    ]
