"""``python -m bench.kills [--kills 200] [--seed 1]``: a centre of its own, killed with jobs under way.

Kills one process after another with SIGKILL (HTTP, worker, signer, database, and the supervisor with all its
children), waits until the centre is ready, looks who listens, and prints how long each kind took to come back
and what was left over. Stops by itself.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import statistics
import sys
import time
from collections import defaultdict
from pathlib import Path

SOURCES = Path(__file__).resolve().parent.parent / "src"
sys.path[:0] = [str(SOURCES.parent), str(SOURCES)]

from tests.centres import Centre, running_centre, wait_until  # noqa: E402 - the path comes first
from tests.faults.test_whole_centre import processes_of  # noqa: E402

from dojang.config.listeners import listening  # noqa: E402

KINDS = ("http", "http", "worker", "worker", "signer", "postgres", "up")
_JOBS = (
    "INSERT INTO procrastinate_jobs (queue_name, task_name, args)"
    " SELECT 'upkeep', name, '{}' FROM unnest(ARRAY['issuing.reconcile', 'ra.expire_runs', 'ca.publish_crls',"
    " 'ca.refresh_ocsp_answers', 'ra.clear_away']) AS name"
)
_LEFT = (
    "SELECT count(*) FILTER (WHERE status IN ('todo', 'doing')), count(*) FILTER (WHERE status = 'failed')"
    " FROM procrastinate_jobs"
)


def query(centre: Centre, statement: str) -> tuple[int, ...]:
    """Run one statement in the centre's database; returns the row, if there is one."""
    import psycopg

    from dojang.config.home import Home
    from dojang.config.postgres import PrivatePostgres

    with psycopg.connect(PrivatePostgres(Home(centre.home)).url(), autocommit=True) as link:
        row = link.execute(statement.encode())
        return tuple(row.fetchone() or ()) if row.description else ()


def strike(centre: Centre, kind: str) -> float:
    """Kill a process with its jobs under way; returns the seconds until everything is back."""
    query(centre, _JOBS)
    before = centre.pids()
    began = time.monotonic()
    os.kill(before[kind][0], signal.SIGKILL)
    if kind == "up":
        assert centre.process is not None
        centre.process.wait(10)
        centre.start()
    else:
        gone = set(before[kind])
        wait_until(lambda: bool(set(centre.pids().get(kind, [])) - gone), f"{kind} to come back")
        wait_until(centre.is_ready, "the centre to be ready")
    spent = time.monotonic() - began
    assert listening(centre.port) == centre.pids()["http"], (listening(centre.port), centre.pids())
    return spent


def main() -> None:
    """Kill and count."""
    parser = argparse.ArgumentParser(prog="bench.kills")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    chance = random.Random(chosen.seed)  # noqa: S311 - moments, not secrets
    spent: dict[str, list[float]] = defaultdict(list)
    with running_centre() as centre:
        for _ in range(chosen.kills):
            kind = chance.choice(KINDS)
            time.sleep(chance.uniform(0, 0.5))  # a moment of the centre's work, as chance has it
            spent[kind].append(strike(centre, kind))
        wait_until(lambda: query(centre, _LEFT)[0] == 0, "all jobs to be done", patience=120)
        verified = centre.dojang("audit", "verify", "--json").returncode == 0
        print(f"seed {chosen.seed}, {chosen.kills} kills; jobs left, failed: {query(centre, _LEFT)}")
        print(f"audit trail whole: {verified}; listening: {len(listening(centre.port))} process")
        for kind, times in sorted(spent.items()):
            print(
                f"{kind:9} {len(times):4}  p50 {statistics.median(times):.1f} s, longest {max(times):.1f} s"
            )
    print(f"processes left behind: {processes_of(centre.home)}")


if __name__ == "__main__":
    main()
