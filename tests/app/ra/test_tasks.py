"""The jobs a worker runs do what the functions beneath them do, and may run twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob
from tests.journeys.app.walker import Walk

from dojang.audit.tasks import anchor_audit
from dojang.ca import tasks as ca
from dojang.ca.models import Crl
from dojang.config.worker import AT_START, leave_first_jobs
from dojang.issuing.tasks import reconcile
from dojang.notices.models import Notice
from dojang.ra import tasks
from dojang.ra.models import Run

if TYPE_CHECKING:
    from collections.abc import Callable

    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)

#: What jobs were called before each room had its own.
EARLIER = {
    "ra.reconcile": "issuing.reconcile",
    "ra.suspend_left": "issuing.suspend_left",
    "ra.end_long_holds": "issuing.end_long_holds",
    "ra.publish_crls": "ca.publish_crls",
    "ra.refresh_ocsp_answers": "ca.refresh_ocsp_answers",
    "ra.renew_ocsp_responders": "ca.renew_ocsp_responders",
    "ra.anchor_audit": "audit.anchor_heads",
}


def test_every_task_runs_twice_without_harm(world: World, run_jobs: Callable[[], int]) -> None:
    """All tasks of the timetable run, in any order and again, on a centre in the middle of its work."""
    Walk(world).finish()
    waiting = Walk(world, "han").walk_to("account")
    for _ in range(2):
        for task in (
            reconcile,
            tasks.expire_runs,
            ca.publish_crls,
            ca.refresh_ocsp_answers,
            anchor_audit,
        ):
            task.defer()
        assert run_jobs() >= 5
    assert waiting.refresh().step == "account"
    assert set(Notice.objects.values_list("state", flat=True)) == {"sent"}


def test_a_run_left_alone_is_ended_by_its_job(world: World, run_jobs: Callable[[], int]) -> None:
    """The expiry job ends a run whose time is over."""
    walk = Walk(world).walk_to("identify")
    clock: Any = world.clock
    clock.advance(world.policy.sessions.idle + 1)
    tasks.expire_runs.defer()
    assert run_jobs() == 1
    assert Run.objects.get(id=walk.run).state == "expired"


def test_a_reissue_asks_for_a_list_at_once(world: World, run_jobs: Callable[[], int]) -> None:
    """After a re-issue one job is waiting that publishes the list with the old certificate on it."""
    Walk(world).finish()
    run_jobs()
    Walk(world, journey="financial-web-reissue", pin="840271").finish()
    run_jobs()
    newest = Crl.objects.filter(issuer__role="issuing").order_by("-number")
    assert sum(crl.entries for crl in newest.order_by("shard", "-number").distinct("shard")) == 1


def test_the_names_a_worker_is_given_exist() -> None:
    """What is to run at start is registered under that name, and so is what waited under an earlier one."""
    assert set(AT_START) <= set(app.tasks)
    assert "notices.deliver_notice" in app.tasks
    assert {name: app.tasks[name].name for name in EARLIER} == EARLIER


def test_a_start_leaves_each_job_once(world: World, run_jobs: Callable[[], int]) -> None:
    """A worker that starts, and another beside it, leave one job for everything that is done at a start."""
    for _ in range(2):
        _start_on_its_own_thread()
    waiting = ProcrastinateJob.objects.filter(status="todo").order_by("id")
    assert tuple(waiting.values_list("task_name", flat=True)) == AT_START
    assert run_jobs() == len(AT_START)


def _start_on_its_own_thread() -> None:
    """Start as a worker does, with its own event loop: a browser's tests keep one on the tests' thread."""

    def start() -> None:
        async_to_sync(leave_first_jobs)(app)
        connection.close()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(start).result()
