"""``python -m bench.expiry``: a look over 1,000,000 certificates, 40,000 due; one killed half-way.

The rows are made by the database itself, with short bodies; the triggers that keep real rows in order are off
for them alone. A look runs as a process of its own, so that its peak of memory is its own, too.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

SOURCES = Path(__file__).resolve().parent.parent / "src"
sys.path[:0] = [str(SOURCES.parent), str(SOURCES)]

import psycopg  # noqa: E402 - the path comes first

from bench.centre import running  # noqa: E402
from bench.meter import Report, machine  # noqa: E402

if TYPE_CHECKING:
    from bench.centre import Centre

ALL = 1_000_000
DUE = 40_000
_FIRST = 10_000_000
_LIMIT = 600.0
_FILL = (
    """INSERT INTO ca_intent (id, order_key, order_sha256, issuer_id, serial, profile, product, customer_id,
         number, tbs, evidence, replaces, shard, state, created_at, closed_at)
       SELECT i, 'fill-' || i, '\\x00', %(issuer)s, '4' || lpad(to_hex(i), 31, '0'), 'financial', 'financial',
         'fill-' || i, '', '\\x00', '[]', '', 0, 'stored', now(), now()
       FROM generate_series(%(first)s::bigint, %(last)s) i""",
    # Every 25th ends within the next thirty days, the others later.
    """INSERT INTO ca_certificate (id, intent_id, issuer_id, serial, der, sha256, subject, profile, product,
         customer_id, policy, shard, state, status_seq, not_before, not_after, issued_at, activated_at)
       SELECT i, i, %(issuer)s, '4' || lpad(to_hex(i), 31, '0'), '\\x00', 'fill', 'fill', 'financial',
         'financial', 'fill-' || i, '', 0, 'active', 2, now() - interval '1 year',
         now() + interval '1 hour' + CASE WHEN i %% 25 = 0 THEN (i / 25 %% 29) * interval '1 day'
                                     ELSE interval '40 days' + (i %% 1000) * interval '1 day' END,
         now(), now()
       FROM generate_series(%(first)s::bigint, %(last)s) i""",
)
_LOOK = """
import resource, time
import django; django.setup()
from dojang.config import wiring
from dojang.notices.actions.expiry import look
from dojang.ports.acting import Acting
world = wiring.get_world()
started = time.perf_counter()
base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print("begun", flush=True)
found = look(acting=Acting(kind="system", id="bench"), world=world).total
took = time.perf_counter() - started
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(found, round(took, 2), base // 1024, peak // 1024, flush=True)
"""


def main() -> None:
    """Fill, look, look again, and look with a kill in the middle."""
    report = Report()
    report.part(f"expiry, {machine()}")
    with running(SOURCES) as centre:
        began = time.perf_counter()
        _fill(centre)
        report.line(f"{ALL:,} certificates put there, {DUE:,} due", f"{time.perf_counter() - began:.0f} s")
        found, took, base, peak = _look()
        report.line(
            "one look over all", f"{took:.1f} s", f"{found:,} found, peak {peak} MiB ({base} at rest)"
        )
        _check(centre)
        found, took, *_ = _look()
        report.line("the same look again", f"{took:.2f} s", f"{found} found")
        _clear(centre)
        before = _kill_half_way(centre)
        found, took, _, peak = _look()
        note = f"{before:,} before the kill, {found:,} after it, peak {peak} MiB"
        report.line("resumed after a kill half-way", f"{took:.1f} s", note)
        _check(centre)
        report.line("told twice / told never", "0 / 0")


def _fill(centre: Centre) -> None:
    issuer = centre.count("SELECT id FROM ca_authority WHERE role = 'issuing'")
    values = {"issuer": issuer, "first": _FIRST + 1, "last": _FIRST + ALL}
    with psycopg.connect(centre.admin, autocommit=True) as link:
        link.execute("SET session_replication_role = replica")
        for statement in _FILL:
            link.execute(statement, values)
        link.execute("ANALYZE ca_certificate")


def _start() -> subprocess.Popen[str]:
    env = os.environ | {"DJANGO_SETTINGS_MODULE": "dojang.config.settings"}
    return subprocess.Popen([sys.executable, "-c", _LOOK], stdout=subprocess.PIPE, text=True, env=env)


def _look() -> tuple[int, float, int, int]:
    """Run a look; return found, seconds, and memory before and at its peak in MiB."""
    output, _ = _start().communicate(timeout=_LIMIT)
    found, took, base, peak = output.split()[1:]
    return int(found), float(took), int(base), int(peak)


def _kill_half_way(centre: Centre) -> int:
    process = _start()
    deadline = time.monotonic() + _LIMIT
    while centre.count("SELECT count(*) FROM notices_expirynotice") < DUE // 2:
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("the look ended before it could be killed")
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return centre.count("SELECT count(*) FROM notices_expirynotice")


def _check(centre: Centre) -> None:
    """Every due certificate has one row and one job; nobody else has any."""
    rows = centre.count("SELECT count(*) FROM notices_expirynotice")
    jobs = "FROM procrastinate_jobs WHERE task_name = 'notices.tell_expiry'"
    distinct = centre.count(f"SELECT count(DISTINCT args ->> 'expiry_id') {jobs}")
    if not rows == distinct == centre.count(f"SELECT count(*) {jobs}") == DUE:
        raise RuntimeError(f"{rows} rows, {distinct} jobs, {DUE} due")


def _clear(centre: Centre) -> None:
    with psycopg.connect(centre.admin, autocommit=True) as link:
        link.execute("TRUNCATE notices_expirynotice")
        link.execute("DELETE FROM procrastinate_jobs")


if __name__ == "__main__":
    main()
