"""Invariant 8: evidence of person B at any step of person A's run is refused, and both are told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.journeys.app.walker import Walk

from dojang.audit.models import Event
from dojang.ca.queries import certificates_of
from dojang.notices.models import Notice
from dojang.sandbox.cast import BY_HANDLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)

HONG, HAN, BAEK, LEE = (BY_HANDLE[handle] for handle in ("hong", "han", "baek", "lee"))
NOBODYS = next(
    tail
    for tail in ("0000", "1111", "2222")
    if not any(person.card and person.card.serial.endswith(tail) for person in BY_HANDLE.values())
)


def rrn(walk: Walk) -> None:
    """Offer A's user id with B's number."""
    walk.submit(user_id=HONG.user_id, rrn=HAN.rrn)


def ars(walk: Walk) -> None:
    """Ask to be called on B's telephone by its id, in place of one of the list."""
    walk.submit(phone=walk.world.corebank.phones(HAN.id)[0].id)


def account(walk: Walk) -> None:
    """Offer B's account with its right password."""
    walk.submit(account=HAN.accounts[0].number, account_password=HAN.accounts[0].password)


def security_card(walk: Walk) -> None:
    """Read the cells off B's card."""
    walk.submit(**walk.card_answer(HAN))


def person(walk: Walk) -> None:
    """Give B's name, telephone and birth date."""
    walk.submit(name=HAN.name, phone=HAN.lines[0].number, birth=f"{HAN.birth:%Y%m%d}")


def sms_reply(walk: Walk) -> None:
    """Reply with the right number from B's telephone."""
    walk.reply(walk.code, number=HAN.lines[0].number)
    walk.submit()


STEPS: dict[str, Callable[[Walk], None]] = {
    "identify": rrn,
    "ars": ars,
    "account": account,
    "security_card": security_card,
    "person": person,
    "sms_reply": sms_reply,
}


@pytest.mark.parametrize("step", STEPS)
def test_evidence_of_another_is_refused_and_both_are_told(world: World, step: str) -> None:
    """B's evidence at a step of A's run does not pass, names both in the trail, and reaches both people."""
    walk = Walk(world).walk_to(step)
    revision = walk.page.revision
    STEPS[step](walk)
    assert walk.page.step == step
    assert walk.page.errors != ()
    assert walk.page.revision > revision
    (event,) = Event.objects.filter(type="evidence:foreign")
    body = json.loads(event.body)
    named = {body["data"]["customer"], *body["data"]["owners"]} - {""}
    assert named == {HONG.id, HAN.id}
    told = Notice.objects.filter(message_id__in=["evidence_of_another", "evidence_used_elsewhere"])
    assert set(told.values_list("customer_id", flat=True)) == {HONG.id, HAN.id}
    assert told.filter(customer_id=HAN.id, message_id="evidence_used_elsewhere").count() == 3
    assert certificates_of(HONG.id) == certificates_of(HAN.id) == []


@pytest.mark.parametrize("step", STEPS)
def test_after_the_refusal_only_the_true_evidence_leads_on(world: World, step: str) -> None:
    """A, having been refused B's evidence, still reaches a certificate in A's name with A's own."""
    walk = Walk(world).walk_to(step)
    STEPS[step](walk)
    assert walk.finish().state == "done"
    assert [view.state for view in certificates_of(HONG.id)] == ["active"]
    assert certificates_of(HAN.id) == []


def test_a_found_id_of_another_does_not_mix_with_the_run(world: World) -> None:
    """Finding B's ID and then identifying as A is refused, both are told, the found id is dropped."""
    walk = Walk(world).walk_to("identify")
    walk.do("side:find-id")
    other = BY_HANDLE["han"]
    walk.submit(
        name=other.name,
        birth=f"{other.birth:%Y%m%d}",
        account=other.accounts[0].number,
        account_password=other.accounts[0].password,
    )
    assert walk.page.step == "identify"
    walk.step()
    assert (walk.page.step, walk.codes) == ("identify", ["person_mismatch"])
    told = set(Notice.objects.values_list("customer_id", flat=True))
    assert told == {HONG.id, HAN.id}
    walk.step()
    assert walk.page.step == "ars"


def test_a_card_of_another_counts_as_wrong_and_locks(world: World) -> None:
    """B's card is counted like a wrong one: five times, and A's card is locked; B is told, too."""
    walk = Walk(world).walk_to("security_card")
    for _ in range(5):
        security_card(walk)
    assert walk.page.state == "locked"
    assert set(Notice.objects.values_list("customer_id", flat=True)) == {HONG.id, HAN.id}
    assert certificates_of(HONG.id) == certificates_of(HAN.id) == []


def test_card_codes_that_fit_nobody_tell_nobody_else(world: World) -> None:
    """B's codes under a serial that is nobody's warn no one else: only A hears, at the lock."""
    walk = Walk(world).walk_to("security_card")
    for _ in range(5):
        walk.submit(**walk.card_answer(HAN) | {"serial_tail": NOBODYS})
    assert walk.page.state == "locked"
    assert set(Notice.objects.values_list("customer_id", flat=True)) == {HONG.id}
    assert certificates_of(HONG.id) == certificates_of(HAN.id) == []


def test_a_token_of_another_is_refused(world: World) -> None:
    """B's one-time password does not pass A's step, and both are told."""
    walk = Walk(world, "lee").walk_to("otp")
    stranger = Walk.__new__(Walk)
    stranger.world, stranger.person = world, BAEK
    walk.submit(code=stranger.otp())
    assert walk.page.step == "otp"
    told = set(Notice.objects.values_list("customer_id", flat=True))
    assert told == {LEE.id, BAEK.id}
    assert certificates_of(LEE.id) == certificates_of(BAEK.id) == []


def test_a_thousand_wrong_entries_write_one_pair_of_notices(world: World) -> None:
    """Repeating foreign evidence in one run does not flood anybody: one notice a channel."""
    walk = Walk(world).walk_to("account")
    for _ in range(3):
        account(walk)
    rows: Any = Notice.objects.filter(message_id="evidence_used_elsewhere")
    assert rows.count() == 3
    assert Event.objects.filter(type="evidence:foreign").count() == 3
