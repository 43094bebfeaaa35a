"""How the centre is: not only whether it answers, but whether what works in the background did work lately.

One look, read by `/readyz`, `/metrics` and (through the running centre) `dojang doctor`.
"""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.db import DatabaseError, connection

from dojang.ca.queries import late_crls, missing_authorities
from dojang.config.home import ROOM_NEEDED
from dojang.config.soundness import missing_steps
from dojang.guard.brakes import brakes_now
from dojang.guard.budgets import EVERYBODY
from dojang.guard.rounds import count_set_aside
from dojang.pki.errors import DojangError

if TYPE_CHECKING:
    from pathlib import Path

    from dojang.ports.world import World

#: Seconds by the database's clock. A worker gives a sign of life every two, and has jobs each minute.
WORKER_SILENT = 30
WORKER_IDLE = 300
QUEUE_OLD = 300

_WORKER = """
    SELECT
        (SELECT extract(epoch FROM now() - max(last_heartbeat)) FROM procrastinate_workers),
        (SELECT extract(epoch FROM now()) - max(defer_timestamp) FROM procrastinate_periodic_defers)
"""
#: Jobs that could be worked at and are not, or were begun and do not end, with the age of their last change.
_QUEUE = """
    SELECT count(*), max(extract(epoch FROM now() - greatest(e.at, j.scheduled_at)))
    FROM procrastinate_jobs j
    CROSS JOIN LATERAL (SELECT max(at) AS at FROM procrastinate_events WHERE job_id = j.id) e
    WHERE j.status IN ('todo', 'doing') AND (j.scheduled_at IS NULL OR j.scheduled_at <= now())
"""
_FAILED = """
    SELECT count(DISTINCT job_id) FROM procrastinate_events
    WHERE type = 'failed' AND at > now() - interval '1 hour'
"""


@dataclass(slots=True)
class Condition:
    """What was found. A part is True when it is well; `figures` are for those who draw curves."""

    database: bool = False
    signer: bool = False
    worker: bool = False
    lists: bool = False
    queue: bool = False
    disk: bool = False
    rounds: bool = False
    brakes: bool = False
    adapters: bool = False
    schema: bool = False
    authorities: bool = False
    figures: dict[str, float] = field(default_factory=dict)

    @property
    def ready(self) -> bool:
        """Whether this process can serve customers now."""
        return self.adapters and self.database and self.schema and self.signer and self.authorities

    @property
    def parts(self) -> dict[str, bool]:
        """Every part by name."""
        serving = ("adapters", "database", "schema", "signer", "authorities")
        names = (*serving, "worker", "lists", "queue", "disk", "rounds", "brakes")
        return {name: getattr(self, name) for name in names}


def look(world: World | None, home: Path) -> Condition:
    """Look over everything. Never raises: what cannot be asked is not well. No World: it cannot be wired."""
    found = Condition(adapters=world is not None)
    with contextlib.suppress(OSError):
        free = shutil.disk_usage(home).free
        found.disk = free > ROOM_NEEDED
        found.figures["disk_free_bytes"] = free
    if world is None:
        return found
    with contextlib.suppress(DojangError):
        found.signer = bool(world.signer.keys())
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            found.database = True
        found.schema = not missing_steps()
        found.authorities = not missing_authorities(world.clock.now())
        with connection.cursor() as cursor:
            cursor.execute(_WORKER)
            silent, idle = cursor.fetchone()
            cursor.execute(_QUEUE)
            waiting, oldest = cursor.fetchone()
            cursor.execute(_FAILED)
            failed = cursor.fetchone()[0]
        late = late_crls(world=world)
        aside = count_set_aside()
        slowed = brakes_now(now=world.clock.now())
    except DatabaseError:
        return found
    found.worker = silent is not None and silent < WORKER_SILENT and idle is not None and idle < WORKER_IDLE
    found.queue = oldest is None or oldest < QUEUE_OLD
    found.lists = late == 0
    found.rounds = aside == 0
    found.brakes = all(item.name != EVERYBODY for item in slowed)
    found.figures |= {
        "worker_silent_seconds": float(silent if silent is not None else "inf"),
        "worker_idle_seconds": float(idle if idle is not None else "inf"),
        "queue_jobs": float(waiting),
        "queue_oldest_seconds": float(oldest or 0),
        "jobs_failed_last_hour": float(failed),
        "lists_late": float(late),
        "rows_set_aside": float(aside),
        "brakes_on": float(len(slowed)),
    }
    return found
