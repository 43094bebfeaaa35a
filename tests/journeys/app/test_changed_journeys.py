"""A journey's definition changes while people are on it: what was proven and still means the same is kept."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.journeys.app.walker import Walk, in_parallel

from dojang.audit.models import Event
from dojang.ca.models import Certificate
from dojang.ra.actions import act, find_journey, open_page
from dojang.ra.actions.steps import dispatch_step
from dojang.ra.actions.upkeep import expire_runs
from dojang.ra.errors import StaleRevisionError
from dojang.ra.locks import walking
from dojang.ra.models import Run
from dojang.ra.store import open_body, seal_body

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)

JOURNEY = "financial-web-issue"


def age(walk: Walk, *, otherwise: Mapping[str, str] | None = None, missing: tuple[str, ...] = ()) -> None:
    """Put a run back to an older definition: some steps meant something else, some did not exist."""
    row = Run.objects.get(id=walk.run)
    body = open_body(row)
    present = find_journey(JOURNEY).meanings
    meanings = {**present, **{f"{JOURNEY}/{step}": meant for step, meant in (otherwise or {}).items()}}
    progress = replace(body.progress, version="00000000", meanings=meanings)
    gone = {f"{JOURNEY}/{step}" for step in missing}
    progress = replace(progress, meanings={k: v for k, v in meanings.items() if k not in gone})
    row.version = "00000000"
    seal_body(row, body.at(progress))
    row.save()


def rename_present_step(walk: Walk) -> None:
    """Put a run back to an older definition in which the present step had a name that is gone."""
    row = Run.objects.get(id=walk.run)
    body = open_body(row)
    seal_body(row, body.at(body.progress.with_top(replace(body.progress.top, step="of_old"))))
    row.step = "of_old"
    row.save()
    age(walk, otherwise={"of_old": "contact/contact/1"})


def adopted() -> list[str]:
    """Return the steps runs went on with after their definition had changed."""
    events = Event.objects.filter(type="run:adopted").order_by("id")
    return [json.loads(event.body)["data"]["now"] for event in events]


def test_the_page_stays_where_its_step_stays(world: World) -> None:
    """The present step means what it meant: revision and page stay, an answer to it counts, all is issued."""
    walk = Walk(world).walk_to("contact")
    before = walk.page
    age(walk)
    after = walk.refresh()
    assert (after.step, after.revision, after.messages) == ("contact", before.revision, before.messages)
    assert adopted() == ["contact"]
    assert Run.objects.get(id=walk.run).version == find_journey(JOURNEY).version
    walk.finish()
    assert Certificate.objects.get(customer_id=walk.person.id).state == Certificate.State.ACTIVE


def test_an_answer_sent_across_the_change_counts(world: World) -> None:
    """Whoever had the page open before the change may answer it after it."""
    walk = Walk(world).walk_to("account")
    age(walk)
    account = walk.person.accounts[0]
    page = walk.submit(account=account.number, account_password=account.password)
    assert page.step == "factor"
    assert walk.codes == []


def test_a_present_step_that_means_something_else_is_asked_anew(world: World) -> None:
    """The page is another one, says why, keeps what was proven, and its old form is refused as stale."""
    walk = Walk(world).walk_to("contact")
    old = walk.page
    proven = set(open_body(Run.objects.get(id=walk.run)).progress.facts)
    age(walk, otherwise={"contact": "contact/contact/0"})
    page = walk.refresh()
    assert (page.step, page.revision) == ("contact", old.revision + 1)
    assert [message.id for message in page.messages] == ["run.changed"]
    assert set(open_body(Run.objects.get(id=walk.run)).progress.facts) == proven
    with pytest.raises(StaleRevisionError):
        act(walk.run, "contact", old.revision, "submit", {}, acting=walk.acting, world=world)
    walk.finish()
    assert Certificate.objects.get(customer_id=walk.person.id).state == Certificate.State.ACTIVE


def test_a_passed_step_that_means_something_else_is_asked_before_the_end(world: World) -> None:
    """What it proved is forgotten; the run comes back to it and only then issues."""
    walk = Walk(world).walk_to("contact")
    age(walk, otherwise={"account": "account/account/0"})
    assert walk.refresh().step == "contact"
    facts = open_body(Run.objects.get(id=walk.run)).progress.facts
    assert "account" not in facts
    assert "ars_call" in facts
    walk.finish()
    assert Certificate.objects.get(customer_id=walk.person.id).state == Certificate.State.ACTIVE
    assert "account" in open_body(Run.objects.get(id=walk.run)).progress.facts


def test_a_step_that_is_new_is_asked(world: World) -> None:
    """A step the older definition did not have is on the way like any other; nothing is proven by itself."""
    walk = Walk(world).walk_to("account")
    row = Run.objects.get(id=walk.run)
    body = open_body(row)
    top = replace(body.progress.top, passed=tuple(s for s in body.progress.top.passed if s != "ars"))
    facts = {name: fact for name, fact in body.progress.facts.items() if name != "ars_call"}
    seal_body(row, body.at(replace(body.progress.with_top(top), facts=facts)))
    row.save()
    age(walk, missing=("ars",))
    account = walk.person.accounts[0]
    assert walk.refresh().step == "account"
    page = walk.submit(account=account.number, account_password=account.password)
    assert page.step == "ars"


def test_a_present_step_that_is_gone_gives_way_to_the_next(world: World) -> None:
    """The page shows the first step that is not passed, and the run is walked to its end."""
    walk = Walk(world).walk_to("contact")
    rename_present_step(walk)
    assert walk.refresh().step == "contact"
    assert [message.id for message in walk.page.messages] == ["run.changed"]
    walk.finish()
    assert Certificate.objects.get(customer_id=walk.person.id).state == Certificate.State.ACTIVE


def test_a_page_is_shown_while_somebody_else_walks_the_run(world: World) -> None:
    """Whoever only looks sees a page by the present definition, and stores nothing."""
    walk = Walk(world).walk_to("contact")
    rename_present_step(walk)
    taken, looked = threading.Event(), threading.Event()

    def walk_it(_number: int) -> None:
        with walking(walk.run) as held:
            assert held
            taken.set()
            assert looked.wait(30)

    other = threading.Thread(target=in_parallel, args=(1, walk_it))
    other.start()
    assert taken.wait(30)
    page = open_page(walk.run, acting=walk.acting, world=world)
    looked.set()
    other.join()
    assert page.state == "open"
    assert adopted() == []


def test_time_ends_a_run_whose_present_step_is_gone(world: World) -> None:
    """An overdue run of an older definition ends like any other, by opening its page and by answering it."""
    looked, answered = Walk(world).walk_to("contact"), Walk(world, "han")
    for walk in (looked, answered):
        rename_present_step(walk)
    Run.objects.update(idle_until=world.clock.now())
    assert looked.refresh().state == "expired"
    assert answered.do("submit").state == "expired"


def test_a_job_left_by_a_step_that_is_gone_does_nothing(world: World) -> None:
    """What a step of the older definition left to be done is not done in the name of another."""
    walk = Walk(world).walk_to("contact")
    top = open_body(Run.objects.get(id=walk.run)).progress.top
    rename_present_step(walk)
    named = {"step": f"{JOURNEY}/of_old", "visit": top.visit, "what": "send"}
    dispatch_step(walk.run, **named, acting=walk.acting, world=world)
    assert walk.refresh().step == "contact"


def test_a_journey_offered_no_more_ends_with_its_time(world: World) -> None:
    """A run of a journey that is gone stops nobody else's run from being ended, and ends as they do."""
    gone, other = Walk(world), Walk(world, "han")
    Run.objects.filter(id=gone.run).update(journey="financial-by-letter")
    Run.objects.update(idle_until=world.clock.now(), absolute_until=world.clock.now())
    assert expire_runs(acting=gone.acting, world=world) == 2
    states = {row.id: row.state for row in Run.objects.all()}
    assert states == {gone.run: Run.State.EXPIRED, other.run: Run.State.EXPIRED}
