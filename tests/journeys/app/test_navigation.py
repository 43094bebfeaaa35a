"""Back, refresh, a second tab, repeats, time-outs and resume: what a browser does to a journey."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest
from tests.journeys.app.walker import Walk, in_parallel, with_policy

from dojang.guard.models import FactorCounter
from dojang.pki.day import local
from dojang.ports.acting import Acting
from dojang.ports.policy.bank import ServiceHoursPolicy
from dojang.ra.actions import act, open_page, session_of, start_run
from dojang.ra.actions.upkeep import expire_runs
from dojang.ra.errors import (
    ActionUnknownError,
    JourneyNotFoundError,
    RunNotFoundError,
    ServiceClosedError,
    StaleRevisionError,
    StepMismatchError,
    TooManyStartsError,
)
from dojang.ra.models import Run, StepOutcome

if TYPE_CHECKING:
    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_refresh_changes_nothing(world: World) -> None:
    """Opening the page ten times gives the same page and moves neither revision nor time-out."""
    walk = Walk(world).walk_to("security_card")
    row = Run.objects.get(id=walk.run)
    pages = [walk.refresh() for _ in range(10)]
    assert {(page.revision, page.step, page.expires) for page in pages} == {
        (walk.page.revision, "security_card", pages[0].expires)
    }
    assert len({str(page.show) for page in pages}) == 1
    after = Run.objects.get(id=walk.run)
    assert (after.revision, after.idle_until) == (row.revision, row.idle_until)


def test_back_keeps_what_was_typed_but_no_secret(world: World) -> None:
    """Going back to the account shows the number typed before and an empty password."""
    walk = Walk(world).walk_to("factor")
    page = walk.do("back")
    assert page.step == "account"
    shown = {field.name: field.value for field in page.fields}
    assert shown == {"account": walk.person.accounts[0].number, "account_password": None}


def test_back_from_a_later_step_and_on_again_issues(world: World) -> None:
    """Two steps back and forward again ends with a certificate all the same."""
    walk = Walk(world).walk_to("contact")
    walk.do("back")
    walk.do("back")
    assert walk.finish().state == "done"


def test_the_same_answer_twice_has_one_effect(world: World) -> None:
    """Sending one and the same answer again shows the present page and counts nothing a second time."""
    walk = Walk(world).walk_to("account")
    revision = walk.page.revision
    wrong = {"account": walk.person.accounts[0].number, "account_password": "0000"}
    first = walk.submit(**wrong)
    again = act(walk.run, "account", revision, "submit", wrong, acting=walk.acting, world=world)
    assert (again.revision, again.step) == (first.revision, "account")
    assert FactorCounter.objects.get(factor="account").errors == 1
    assert StepOutcome.objects.filter(run_id=walk.run, step="account").count() == 1


def test_twenty_equal_answers_at_once_have_one_effect(world: World) -> None:
    """A button pressed twenty times in parallel is one answer."""
    walk = Walk(world).walk_to("account")
    revision, data = walk.page.revision, walk.answers("account")

    def press(_index: int) -> Any:
        return act(walk.run, "account", revision, "submit", data, acting=walk.acting, world=world).step

    assert in_parallel(20, press) == ["factor"] * 20
    assert StepOutcome.objects.filter(run_id=walk.run, step="account").count() == 1
    assert Run.objects.get(id=walk.run).revision == revision + 1


def test_a_second_tab_is_shown_where_the_run_is(world: World) -> None:
    """A page left open in another tab cannot act on a run that has moved on; it gets the present page."""
    walk = Walk(world).walk_to("account")
    old = walk.page
    walk.do("back")
    with pytest.raises(StaleRevisionError) as refusal:
        act(
            walk.run,
            old.step,
            old.revision,
            "submit",
            walk.answers("account"),
            acting=walk.acting,
            world=world,
        )
    assert refusal.value.data["page"].step == "ars"
    assert refusal.value.data["page"].revision == walk.page.revision
    assert FactorCounter.objects.filter(factor="account").count() == 0


def test_a_step_cannot_be_skipped(world: World) -> None:
    """Answering a later step than the present one is refused, and nothing moves."""
    walk = Walk(world).walk_to("identify")
    for step in ("account", "pin", "confirm", "no-such-step"):
        with pytest.raises(StepMismatchError) as refusal:
            act(walk.run, step, walk.page.revision, "submit", {}, acting=walk.acting, world=world)
        assert refusal.value.data["page"].step == "identify"
    assert Run.objects.get(id=walk.run).revision == walk.page.revision


def test_an_action_the_page_does_not_offer_is_refused(world: World) -> None:
    """Neither a side journey of another step nor a made-up action does anything."""
    walk = Walk(world).walk_to("account")
    for action in ("side:find-id", "side:", "resend", "issue", "x" * 500):
        with pytest.raises(ActionUnknownError):
            walk.do(action)
    assert Run.objects.get(id=walk.run).revision == walk.page.revision


def test_another_session_finds_no_run(world: World) -> None:
    """Another token, an empty session and a made-up run are answered alike, and nothing changes."""
    walk = Walk(world).walk_to("identify")
    strangers = [
        dataclasses.replace(walk.acting, session=session_of("guess")),
        dataclasses.replace(walk.acting, session=""),
    ]
    for stranger in strangers:
        with pytest.raises(RunNotFoundError):
            open_page(walk.run, acting=stranger, world=world)
        with pytest.raises(RunNotFoundError):
            act(walk.run, "identify", walk.page.revision, "cancel", {}, acting=stranger, world=world)
    with pytest.raises(RunNotFoundError):
        open_page("0" * 32, acting=walk.acting, world=world)
    assert Run.objects.get(id=walk.run).state == "open"


def test_mistakes_of_form_are_shown_and_not_counted(world: World) -> None:
    """A malformed answer keeps what was typed, names the fields and counts nothing."""
    walk = Walk(world).walk_to("identify")
    page = walk.submit(user_id="??", rrn="12")
    assert {error.field for error in page.errors} == {"user_id", "rrn"}
    assert not FactorCounter.objects.exclude(factor="starts").exists()
    assert walk.step().step == "ars"


def test_ten_idle_minutes_end_a_run(world: World) -> None:
    """After the idle time the page says so, and no answer is taken any more."""
    walk = Walk(world).walk_to("account")
    clock: Any = world.clock
    clock.advance(world.policy.sessions.idle + 1)
    page = walk.submit(account="110000000001", account_password="1234")
    assert page.state == "expired"
    assert FactorCounter.objects.filter(factor="account").count() == 0
    assert walk.refresh().state == "expired"


def test_extending_moves_the_idle_end_but_never_the_absolute_one(world: World) -> None:
    """Extending gives ten minutes each time until half an hour is over; the page's revision stays."""
    walk = Walk(world).walk_to("account")
    clock: Any = world.clock
    revision = walk.page.revision
    for _ in range(3):
        clock.advance(world.policy.sessions.idle - 60)
        page = walk.do("extend")
    assert (page.state, page.revision) == ("open", revision)
    row = Run.objects.get(id=walk.run)
    assert row.idle_until == row.absolute_until
    clock.advance(300)
    assert walk.refresh().state == "expired"


def test_a_refresh_does_not_extend(world: World) -> None:
    """A page polling in the background does not keep a run alive."""
    walk = Walk(world).walk_to("account")
    clock: Any = world.clock
    for _ in range(4):
        clock.advance(world.policy.sessions.idle // 4)
        walk.refresh()
    assert walk.refresh().state == "expired"


def test_the_expiry_job_ends_what_ran_out_and_nothing_else(world: World) -> None:
    """Of two runs, the job ends the one whose time is over."""
    old = Walk(world).walk_to("identify")
    clock: Any = world.clock
    clock.advance(world.policy.sessions.idle - 30)
    fresh = Walk(world, "han").walk_to("identify")
    clock.advance(60)
    system = Acting(kind="system", id="expire_runs", channel="job")
    assert expire_runs(acting=system, world=world) == 1
    assert expire_runs(acting=system, world=world) == 0
    states = dict(Run.objects.values_list("id", "state"))
    assert states == {old.run: "expired", fresh.run: "open"}


def test_a_cancelled_run_stays_cancelled(world: World) -> None:
    """After cancelling, every answer gets the last page."""
    walk = Walk(world).walk_to("account")
    assert walk.do("cancel").state == "cancelled"
    assert walk.submit(account="110000000001", account_password="1234").state == "cancelled"
    assert walk.refresh().state == "cancelled"


def test_identifying_again_elsewhere_ends_the_older_run(world: World) -> None:
    """One person has one open run of a product; the older one says that it was replaced."""
    older = Walk(world).walk_to("account")
    newer = Walk(world).walk_to("ars")
    page = older.refresh()
    assert page.state == "cancelled"
    assert [message.id for message in page.messages] == ["run.replaced"]
    assert newer.finish().state == "done"
    assert older.submit().state == "cancelled"


def test_two_people_do_not_end_each_others_runs(world: World) -> None:
    """Runs of different customers live side by side."""
    one, two = Walk(world).walk_to("account"), Walk(world, "han").walk_to("account")
    assert (one.finish().state, two.finish().state) == ("done", "done")


def test_outside_the_hours_nothing_starts(world: World) -> None:
    """A bank that is closed starts no run; hours over midnight work too."""
    visitor = Acting(kind="customer", source="198.51.100.7", channel="web")
    minute = local(world.clock.now())
    hours = f"{(minute.hour + 2) % 24:02d}:00-{(minute.hour + 3) % 24:02d}:00"
    closed = with_policy(world, service_hours={"usual": hours})
    with pytest.raises(ServiceClosedError):
        start_run("financial-web-issue", locale="ko", acting=visitor, world=closed)
    assert Run.objects.count() == 0
    hours = f"{(minute.hour - 1) % 24:02d}:00-{(minute.hour + 2) % 24:02d}:00"
    opened = with_policy(world, service_hours={"usual": hours})
    assert start_run("financial-web-issue", locale="ko", acting=visitor, world=opened).page.step == "terms"


def test_each_product_has_its_own_hours(world: World) -> None:
    """A joint certificate is re-issued from one to eleven; what is not named follows the bank's hours."""
    clock: Any = world.clock
    visitor = Acting(kind="customer", source="198.51.100.7", channel="app")
    usual = dataclasses.replace(
        world, policy=dataclasses.replace(world.policy, service_hours=ServiceHoursPolicy())
    )
    now = local(clock.now())
    clock.advance(int((now.replace(hour=23, minute=30, second=0) - now).total_seconds()) % 86_400 + 1)
    with pytest.raises(ServiceClosedError) as closed:
        start_run("joint-app-reissue", locale="ko", acting=visitor, world=usual)
    assert closed.value.data == {"open": "01:00", "close": "23:00"}
    assert Run.objects.count() == 0
    for journey in ("joint-app-issue", "bank-app-reissue", "financial-app-reissue"):
        start_run(journey, locale="ko", acting=visitor, world=usual)
    clock.advance(2 * 3_600)
    start_run("joint-app-reissue", locale="ko", acting=visitor, world=usual)
    hours = {"bank": "03:00-04:00", "bank-issue": "00:00-00:00"}
    never = with_policy(world, service_hours={"products": hours})
    start_run("bank-app-issue", locale="ko", acting=visitor, world=never)
    with pytest.raises(ServiceClosedError):
        start_run("bank-app-reissue", locale="ko", acting=visitor, world=never)


def test_one_source_begins_so_many_runs_a_day(world: World) -> None:
    """Beyond the number nothing is begun from there; other sources and the next day are free."""
    few = with_policy(world, runs={"starts_per_source": 2})
    here, there = (Acting(kind="customer", source=f"198.51.100.{n}", channel="web") for n in (7, 8))
    for _ in range(2):
        start_run("financial-web-issue", locale="ko", acting=here, world=few)
    with pytest.raises(TooManyStartsError):
        start_run("financial-web-issue", locale="ko", acting=here, world=few)
    assert Run.objects.count() == 2
    start_run("financial-web-issue", locale="ko", acting=there, world=few)
    world.clock.advance(86_400)  # type: ignore[attr-defined]
    start_run("financial-web-issue", locale="ko", acting=here, world=few)
    assert Run.objects.count() == 4


def test_an_unknown_journey_starts_nothing(world: World) -> None:
    """A journey the bank does not offer is refused."""
    with pytest.raises(JourneyNotFoundError):
        start_run("no-such-journey", locale="ko", acting=Acting(kind="customer"), world=world)
    assert Run.objects.count() == 0
