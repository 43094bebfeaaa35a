"""Invariant 15: a look-up tells nothing by its time. What is counted here is work, not seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from procrastinate.contrib.django.models import ProcrastinateJob
from tests.journeys.app.device import AppWalk, run_dispatches
from tests.journeys.app.walker import with_parts

from dojang.ra.actions import act
from dojang.ra.actions.steps import dispatch_step
from dojang.sandbox.cast import carrier_of, gender_of

if TYPE_CHECKING:
    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)


class Noting:
    """An adapter that notes which of its verbs were asked."""

    def __init__(self, inner: Any, asked: list[str]) -> None:
        self._inner, self._asked = inner, asked

    def __getattr__(self, name: str) -> Any:
        """Note a verb and pass it on."""
        verb = getattr(self._inner, name)
        if callable(verb):
            self._asked.append(name)
        return verb


def look_up(world: World, *, stranger: bool) -> tuple[dict[str, Any], AppWalk]:
    """Name a line, a customer's own or one nobody has; return the work that made, and the walk."""
    walk = AppWalk(world).walk_to("phone_check")
    person, number = walk.person, walk.number
    line = {
        "name": "아무개" if stranger else person.name, "birth": f"{person.birth:%Y%m%d}",
        "gender": gender_of(person.rrn), "carrier": carrier_of(number), "phone": number,
    }  # fmt: skip
    asked: list[str] = []
    noting = with_parts(
        world,
        corebank=Noting(world.corebank, asked),
        sms=Noting(world.sms, asked),
        mail=Noting(world.mail, asked),
    )
    statements: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: Any, context: Any) -> Any:
        statements.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        walk.page = act(
            walk.run, "phone_check", walk.page.revision, "submit", line, acting=walk.acting, world=noting
        )
    jobs = ProcrastinateJob.objects.filter(status="todo", task_name="ra.dispatch").count()
    return {"asked": asked, "statements": statements, "jobs": jobs}, walk


def test_a_line_of_a_customer_and_one_of_nobody_make_the_same_work(world: World) -> None:
    """The same questions outside, the same statements, one job each; only then does a text go out, or not."""
    sms: Any = world.sms
    look_up(world, stranger=False)  # the first ever makes the number's counter
    run_dispatches(world)
    mine, walk = look_up(world, stranger=False)
    assert (mine["asked"], mine["jobs"]) == (["check_line"], 1)
    own = walk.page
    before = len(sms.texts(walk.number))
    assert run_dispatches(world) == 1
    assert len(sms.texts(walk.number)) == before + 1
    nobodys, other = look_up(world, stranger=True)
    assert nobodys == mine
    assert (other.page.title, other.page.wait and other.page.wait.state) == (
        own.title,
        own.wait and own.wait.state,
    )
    assert run_dispatches(world) == 1
    assert len(sms.texts(walk.number)) == before + 1


def test_a_job_that_runs_twice_or_late_sends_nothing_more(world: World) -> None:
    """The same job again is the same text; after the step was passed, or begun anew, it is none."""
    sms: Any = world.sms
    _, walk = look_up(world, stranger=False)
    job = ProcrastinateJob.objects.get(task_name="ra.dispatch")
    before = len(sms.texts(walk.number))
    run_dispatches(world)
    again = {"run_id": walk.run, **{name: job.args[name] for name in ("step", "visit", "what")}}
    for _ in range(2):
        dispatch_step(**again, acting=walk.acting, world=world)
    assert len(sms.texts(walk.number)) == before + 1
    walk.submit(code=walk.texted(walk.number))
    assert walk.page.step != "phone_check"
    dispatch_step(**again, acting=walk.acting, world=world)
    assert len(sms.texts(walk.number)) == before + 1
    assert set(job.args) == {"run_id", "step", "visit", "what"}
