"""The background worker: runs the rooms' tasks and hands each the World.

A worker that was killed leaves its job marked as running; such jobs are given back to the queue at every
start and once a minute. All tasks are written so that running them twice does no harm.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import threading
from typing import TYPE_CHECKING

from procrastinate.contrib.django import app
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.exceptions import AlreadyEnqueued

from dojang.ca import tasks as ca
from dojang.config import wiring
from dojang.issuing import tasks as issuing
from dojang.ra import tasks as ra

if TYPE_CHECKING:
    from procrastinate import App, JobContext

logger = logging.getLogger(__name__)

#: Seconds without a sign of life after which a running job counts as lost.
LOST_AFTER = 30
CONCURRENCY = 4
GRACE = 10
#: What is done once at every start, besides the timetable: status first, then what a crash left.
AT_START = (*ca.AT_START, *issuing.AT_START, *ra.AT_START)


@app.periodic(cron="* * * * *")
@app.task(name="config.give_back", queue="upkeep", queueing_lock="give_back", pass_context=True)
async def give_back(context: JobContext, timestamp: int) -> None:
    """Give lost jobs back to the queue."""
    del timestamp
    assert context.app is not None
    await _give_back(context.app)


async def _give_back(running: App) -> None:
    for job in await running.job_manager.get_stalled_jobs(seconds_since_heartbeat=LOST_AFTER):
        logger.warning("job %s (%s) was lost with its worker; it runs again", job.id, job.task_name)
        await running.job_manager.retry_job(job)


async def leave_first_jobs(running: App) -> None:
    """Leave a job for everything that is done at a start; one that is waiting already is enough."""
    for name in AT_START:
        with contextlib.suppress(AlreadyEnqueued):
            await running.configure_task(name, queueing_lock=name).defer_async()


async def _work() -> None:
    connector = app.connector
    assert isinstance(connector, DjangoConnector)
    running = app.with_connector(connector.get_worker_connector())
    async with running.open_async():
        await _give_back(running)
        await leave_first_jobs(running)
        working = asyncio.create_task(
            running.run_worker_async(
                concurrency=CONCURRENCY,
                name="dojang",
                install_signal_handlers=False,
                shutdown_graceful_timeout=GRACE,
                fetch_job_polling_interval=2.0,
                delete_jobs="successful",
                additional_context={"world": wiring.get_world()},
            )
        )
        _stop_on_signal(working)
        with contextlib.suppress(asyncio.CancelledError):
            await working


def _stop_on_signal(working: asyncio.Task[None]) -> None:
    """End the work in order at SIGTERM or SIGINT, and in any case a little after the grace.

    A worker whose database went first would wait for it for ever to say goodbye.
    """

    def stop() -> None:
        threading.Timer(GRACE + 2, os._exit, (0,)).start()
        working.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)


def run() -> None:
    """Work until a signal says otherwise. Django must be set up."""
    asyncio.run(_work())
    # Threads of connection pools that still look for a lost database must not keep the process.
    logging.shutdown()
    os._exit(0)
