"""The background worker: runs the rooms' tasks and hands each the World.

A worker that was killed leaves its job marked as running; every living worker gives such jobs back to the
queue, at its start and all the while. All tasks are written so that running them twice does no harm.
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
from procrastinate.exceptions import AlreadyEnqueued, UniqueViolation
from procrastinate.jobs import Status

from dojang.ca import tasks as ca
from dojang.config import wiring
from dojang.issuing import tasks as issuing
from dojang.ra import tasks as ra

if TYPE_CHECKING:
    from procrastinate import App

logger = logging.getLogger(__name__)

#: Seconds between two signs of life, without one after which a running job counts as lost, between two looks.
ALIVE_EVERY = 2
LOST_AFTER = 10
LOOK_EVERY = 3
CONCURRENCY = 4
GRACE = 10
#: What is done once at every start, besides the timetable: status first, then what a crash left.
AT_START = (*ca.AT_START, *issuing.AT_START, *ra.AT_START)


async def _give_back(running: App) -> None:
    """Give back each lost job by itself: one that cannot be given back must not keep the others, or us."""
    for job in await running.job_manager.get_stalled_jobs(seconds_since_heartbeat=LOST_AFTER):
        told = {"job": job.id, "task": job.task_name}
        try:
            await running.job_manager.retry_job(job)
        except UniqueViolation:
            # Its queueing lock says that one waiting job of the kind is enough, and one waits.
            await running.job_manager.finish_job(job, Status.FAILED, delete_job=True)
            logger.warning("a job was lost with its worker; the same waits already", extra=told)
        except Exception:
            logger.exception("a job was lost with its worker and cannot be given back", extra=told)
        else:
            logger.warning("a job was lost with its worker; it runs again", extra=told)


async def leave_first_jobs(running: App) -> None:
    """Leave a job for everything that is done at a start; one that is waiting already is enough."""
    for name in AT_START:
        with contextlib.suppress(AlreadyEnqueued):
            await running.configure_task(name, queueing_lock=name).defer_async()


async def _keep_giving_back(running: App) -> None:
    while True:
        try:
            await _give_back(running)
        except Exception as error:  # noqa: BLE001 - the database is away: everything else says so as well
            logger.warning("lost jobs could not be looked for", extra={"error": type(error).__name__})
        await asyncio.sleep(LOOK_EVERY)


async def _work() -> bool:
    """Work until told to stop. Returns whether it was that, and not something that keeps us from working."""
    connector = app.connector
    assert isinstance(connector, DjangoConnector)
    running = app.with_connector(connector.get_worker_connector())
    async with running.open_async():
        await leave_first_jobs(running)
        looking = asyncio.create_task(_keep_giving_back(running))
        working = asyncio.create_task(
            running.run_worker_async(
                concurrency=CONCURRENCY,
                name="dojang",
                install_signal_handlers=False,
                shutdown_graceful_timeout=GRACE,
                fetch_job_polling_interval=2.0,
                update_heartbeat_interval=ALIVE_EVERY,
                stalled_worker_timeout=LOST_AFTER,
                delete_jobs="successful",
                additional_context={"world": wiring.get_world()},
            )
        )
        told = _stop_on_signal(working)
        try:
            await working
            if not told.is_set():  # one of the worker's own helpers fell, as it has logged
                logger.critical("the worker cannot go on")
        except asyncio.CancelledError:
            pass
        except Exception as error:  # the text of a foreign exception may hold anything
            logger.critical("the worker cannot work", extra={"error": type(error).__name__}, exc_info=error)
        looking.cancel()
    return told.is_set()


def _stop_on_signal(working: asyncio.Task[None]) -> threading.Event:
    """End the work in order at SIGTERM or SIGINT, and in any case a little after the grace.

    A worker whose database went first would wait for it for ever to say goodbye. The event tells that the end
    was asked for.
    """
    told = threading.Event()

    def stop() -> None:
        told.set()
        threading.Timer(GRACE + 2, os._exit, (0,)).start()
        working.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    return told


def run() -> None:
    """Work until a signal says otherwise. Django must be set up."""
    asked = asyncio.run(_work())
    # Threads of connection pools that still look for a lost database must not keep the process.
    logging.shutdown()
    os._exit(0 if asked else 1)
