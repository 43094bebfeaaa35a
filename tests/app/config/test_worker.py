"""Lost jobs, and whether the centre knows how its worker is."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from procrastinate.contrib.django import app

from dojang.ca.actions.publishing import publish_crls
from dojang.ca.models import Crl
from dojang.config import worker
from dojang.config.condition import look
from dojang.ports.acting import Acting

if TYPE_CHECKING:
    from django.test import Client

    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)


def _run(query: str, *values: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchone() if cursor.description else None


def _lost(task: str, lock: str | None = None, *, status: str = "doing") -> int:
    """Leave a job as a worker leaves it that was killed while at it."""
    gone = _run(
        "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour') RETURNING id"
    )
    job = _run(
        "INSERT INTO procrastinate_jobs (queue_name, task_name) VALUES ('upkeep', %s) RETURNING id", task
    )[0]
    _run(
        "UPDATE procrastinate_jobs SET queueing_lock = %s, status = %s::procrastinate_job_status,"
        " worker_id = %s WHERE id = %s",
        lock, status, gone[0], job,
    )  # fmt: skip
    return int(job)


def _states() -> dict[int, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, status FROM procrastinate_jobs")
        return dict(cursor.fetchall())


def _give_back() -> None:
    async def main() -> None:
        running = app.with_connector(app.connector.get_worker_connector())  # type: ignore[attr-defined]
        async with running.open_async():
            await worker._give_back(running)

    asyncio.run(main())


def test_two_lost_jobs_of_one_queueing_lock_leave_one(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Two lost jobs of a kind that waits once become one that waits; other lost ones are given back."""
    first, second = _lost("ca.publish_crls", "crls"), _lost("ca.publish_crls", "crls")
    others = [_lost("ra.expire_runs"), _lost("issuing.reconcile")]
    with caplog.at_level(logging.WARNING, "dojang.config.worker"):
        _give_back()
    states = _states()
    assert [states.pop(job) for job in others] == ["todo", "todo"]
    assert list(states.values()) == ["todo"]
    assert set(states) < {first, second}
    assert len(caplog.records) == 4
    _give_back()
    assert list(_states().values()) == ["todo"] * 3


def test_a_lost_job_whose_like_waits_already_is_put_away(world: World) -> None:
    """A lost job whose queueing lock is taken by a waiting one leaves that one alone."""
    waits = _lost("ca.publish_crls", "crls", status="todo")
    _lost("ca.publish_crls", "crls")
    _give_back()
    assert _states() == {waits: "todo"}


def test_a_lost_job_nobody_can_run_keeps_nobody(world: World) -> None:
    """A job of a task that is not there any more is given back like others; the worker marks it failed."""
    strange, other = _lost("gone.away"), _lost("ra.expire_runs")
    _give_back()
    assert _states() == {strange: "todo", other: "todo"}


def _sign_of_life(*, seconds: int, deferred: int) -> None:
    _run("DELETE FROM procrastinate_workers")
    _run("DELETE FROM procrastinate_periodic_defers")
    _run(
        "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - %s * interval '1 second')",
        seconds,
    )
    _run(
        "INSERT INTO procrastinate_periodic_defers (task_name, defer_timestamp)"
        " VALUES ('issuing.reconcile', extract(epoch FROM now()) - %s)",
        deferred,
    )


@pytest.mark.parametrize(
    ("seconds", "deferred", "well"),
    [(5, 30, True), (31, 30, False), (5, 301, False), (3600, 3600, False)],
)
def test_the_worker_is_well_while_it_worked_lately(
    world: World,
    tmp_path: Path,
    seconds: int,
    deferred: int,
    well: bool,  # noqa: FBT001 - a column of the table
) -> None:
    """A worker without a sign of life, or without a job in five minutes, is not well."""
    _sign_of_life(seconds=seconds, deferred=deferred)
    found = look(world, tmp_path)
    assert (found.worker, found.database, found.signer, found.ready) == (well, True, True, True)


def test_no_worker_ever_is_not_well(world: World, tmp_path: Path) -> None:
    """A centre whose worker was never started says so, and serves customers."""
    found = look(world, tmp_path)
    assert (found.worker, found.queue, found.ready) == (False, True, True)


@pytest.mark.parametrize(("age", "well"), [(299, True), (301, False)])
@pytest.mark.parametrize("status", ["todo", "doing"])
def test_an_old_queue_is_told(world: World, tmp_path: Path, status: str, age: int, well: bool) -> None:  # noqa: FBT001
    """A job that nobody takes, or that never ends, makes the queue old; one for later does not."""
    job = _lost("ra.expire_runs", status=status)
    _run("UPDATE procrastinate_events SET at = now() - %s * interval '1 second' WHERE job_id = %s", age, job)
    later = _lost("ra.expire_runs", status="todo")
    _run("UPDATE procrastinate_events SET at = now() - interval '1 day' WHERE job_id = %s", later)
    _run("UPDATE procrastinate_jobs SET scheduled_at = now() + interval '1 hour' WHERE id = %s", later)
    found = look(world, tmp_path)
    assert (found.queue, found.figures["queue_jobs"]) == (well, 1)


@dataclass(frozen=True)
class _Later:
    """The clock of a moment to come."""

    now_is: datetime

    def now(self) -> datetime:
        """Tell that moment."""
        return self.now_is


def test_late_lists_are_told(world: World, tmp_path: Path) -> None:
    """A list past three quarters of its life is late, and customers are served meanwhile."""
    publish_crls(acting=Acting(kind="system", id="test", channel="job"), world=world)
    assert look(world, tmp_path).lists
    lists = Crl.objects.count()
    for share, late in ((0.7, 0), (0.8, lists)):
        at = world.clock.now() + timedelta(seconds=world.policy.status.crl_life * share)
        found = look(replace(world, clock=_Later(at)), tmp_path)
        assert (found.lists, found.figures["lists_late"], found.ready) == (late == 0, late, True)


def test_monitors_are_told_and_customers_kept(world: World, client: Client) -> None:
    """`readyz` names what is not well and stays 200; metrics have the figures, for this machine alone."""
    told = client.get("/readyz")
    assert (told.status_code, told.json()["ready"], told.json()["well"], told.json()["worker"]) == (
        200,
        True,
        False,
        False,
    )
    _sign_of_life(seconds=1, deferred=1)
    assert client.get("/readyz").json()["worker"] is True
    lines = client.get("/metrics").content.decode().splitlines()
    assert 'dojang_well{part="worker"} 1' in lines
    assert "dojang_lists_late 0" in lines
    assert client.get("/metrics", REMOTE_ADDR="203.0.113.9").status_code == 404
    assert client.get("/metrics", HTTP_X_FORWARDED_FOR="203.0.113.9").status_code == 404


def test_without_a_signer_customers_are_sent_elsewhere(world: World, client: Client) -> None:
    """A centre whose signer is away is not ready, and says which part."""
    from dojang.adapters.signer_client import SocketSigner
    from dojang.config import wiring

    away = SocketSigner(Path("/nowhere/signer.sock"), timeout=1, patience=0)
    former = wiring.set_world(replace(world, signer=away))
    told = client.get("/readyz")
    wiring.set_world(former)
    assert (told.status_code, told.json()["signer"], told.json()["database"]) == (503, False, True)
