"""Invariant 8 at the end: issuing needs each proof, live, unused, of one person, one run, one purpose."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from tests.journeys.app.walker import Walk

from dojang.audit.models import Event
from dojang.ca.models import Intent
from dojang.issuing.models import UsedEvidence
from dojang.journeys.store import dump_progress, load_progress
from dojang.notices.models import Notice
from dojang.ra.actions import turn_of
from dojang.ra.models import Run
from dojang.ra.store import open_body, seal_body
from dojang.sandbox.cast import BY_HANDLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from dojang.journeys.model import Fact
    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)

FACTS = ("terms", "ars_call", "account", "security_card", "contact", "person", "sms_reply", "pin")
FAULTS: dict[str, Callable[[Fact], Fact | None]] = {
    "missing": lambda _fact: None,
    "expired": lambda fact: replace(fact, expires=fact.at - timedelta(seconds=1)),
    "foreign": lambda fact: replace(fact, customer=BY_HANDLE["han"].id),
    "other_run": lambda fact: replace(fact, run="0" * 32),
    "other_purpose": lambda fact: replace(fact, purpose="financial-web-reissue"),
    "used": lambda fact: replace(fact, used=True),
}


def spoil(walk: Walk, name: str, fault: str) -> None:
    """Put a proof of another kind in the place of a good one, as a bug or a forger with our keys would."""
    row = Run.objects.get(id=walk.run)
    body = open_body(row)
    facts = dict(body.progress.facts)
    spoiled = FAULTS[fault](facts.pop(name))
    if spoiled is not None:
        facts[name] = spoiled
    seal_body(row, body.at(replace(body.progress, facts=facts)))
    row.save()


def test_a_proof_of_another_person_is_refused_at_the_last_step(world: World) -> None:
    """Another's proof among one's own is dropped and both are told; what is then missing is asked anew."""
    walk = Walk(world).walk_to("confirm")
    spoil(walk, "security_card", "foreign")
    walk.submit()
    assert (walk.page.state, walk.codes) == ("open", ["person_mismatch"])
    told = set(Notice.objects.values_list("customer_id", flat=True))
    assert told == {walk.person.id, BY_HANDLE["han"].id}
    walk.submit()
    assert (walk.page.state, walk.page.step) == ("open", "security_card")
    assert Intent.objects.filter(product="financial").count() == 0


@pytest.mark.parametrize("fault", sorted(FAULTS.keys() - {"foreign"}))
def test_a_proof_that_does_not_hold_stops_the_issue(world: World, fault: str) -> None:
    """Whatever is wrong with one proof, the run fails before an intent exists, and the trail says why."""
    walk = Walk(world).walk_to("confirm")
    spoil(walk, "security_card", fault)
    walk.refresh()
    walk.submit()
    assert walk.page.state == "failed"
    assert walk.codes == ["evidence_missing"]
    assert Intent.objects.filter(product="financial").count() == 0
    assert UsedEvidence.objects.count() == 0
    (event,) = Event.objects.filter(type="run:refused")
    assert any(problem.startswith("security_card:") for problem in json.loads(event.body)["data"]["problems"])


@pytest.mark.parametrize("name", FACTS)
def test_no_proof_can_be_left_out(world: World, name: str) -> None:
    """Each proof of the journey is needed: without any one of them nothing is issued."""
    walk = Walk(world).walk_to("confirm")
    spoil(walk, name, "missing")
    walk.submit()
    assert walk.page.state == "failed"
    assert Intent.objects.filter(product="financial").count() == 0


def test_proofs_of_a_finished_run_cannot_be_spent_again(world: World) -> None:
    """A body copied from a finished run into another one's row does not even open there."""
    done = Walk(world)
    done.finish()
    fresh = Walk(world, journey="financial-web-reissue", pin="840271").walk_to("confirm")
    used = open_body(Run.objects.get(id=done.run)).progress
    row = Run.objects.get(id=fresh.run)
    body = open_body(row)
    names = body.progress.facts.keys() & used.facts.keys()
    facts = {name: replace(used.facts[name], used=False) for name in names}
    seal_body(row, body.at(replace(body.progress, facts={**body.progress.facts, **facts})))
    row.save()
    fresh.submit()
    assert fresh.page.state == "failed"
    assert Intent.objects.filter(product="financial").count() == 1


def test_another_runs_reply_is_not_mistaken_for_a_strangers(world: World) -> None:
    """Two people waiting at once with the same two digits: neither is warned of the other's reply."""
    one, two = Walk(world).walk_to("sms_reply"), Walk(world, "han").walk_to("sms_reply")
    two.reply(one.code)  # from Han's own telephone, whose run waits, too
    one.refresh()
    one.submit()
    assert (one.page.step, one.codes) == ("sms_reply", [])
    assert Event.objects.filter(type="evidence:foreign").count() == 0
    turn = turn_of(Run.objects.get(id=one.run), one.acting, world)
    assert turn.view().context.reply_awaited(two.number)
    assert not turn.view().context.reply_awaited(BY_HANDLE["lee"].lines[0].number)


def test_a_runs_body_survives_its_round_trip(world: World) -> None:
    """What is sealed and opened again is the same progress."""
    walk = Walk(world).walk_to("confirm")
    body = open_body(Run.objects.get(id=walk.run))
    assert load_progress(dump_progress(body.progress)) == body.progress
