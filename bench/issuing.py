"""Issuing without the journey: order → intent → signature → certificate → active, in PostgreSQL, durable.

Every safety is on: synchronous commits, the signer's own journal, profile check, lint, audit events, both
status answers signed ahead. The customer's keys are made beforehand, as the signer's wallet would.
"""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec

from bench.centre import own_world
from bench.meter import Report, Spans, in_processes, in_threads
from dojang.pki.signing import public_key_bytes
from dojang.ports.acting import Acting

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.centre import Centre
    from dojang.ports.world import World

ACTING = Acting(kind="system", id="bench", channel="job")
#: Transactions that wrote something, and writes of the log that were waited for (PostgreSQL 14 and newer).
_WRITING = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
_SYNCS = "SELECT wal_sync FROM pg_stat_wal"


def issuer(world: World) -> Callable[[], object]:
    """Return a function that issues one certificate to a new customer."""
    from dojang.ca import actions  # after Django's set-up

    keys = [public_key_bytes(ec.generate_private_key(ec.SECP256R1())) for _ in range(50)]

    def issue() -> None:
        order = actions.Wanted(
            key=secrets.token_hex(8),
            product="financial",
            profile="financial",
            customer_id=secrets.token_hex(8),
            name="홍길동",
            public_key=secrets.choice(keys),
            vid=secrets.token_bytes(32),
            evidence=("run-1/identify", "run-1/ars"),
        )
        with actions.holding_order(order.key):
            intent = actions.intend_certificate(order, acting=ACTING, world=world)
            row = actions.issue_certificate(intent, acting=ACTING, world=world)
            actions.activate_certificate(row.pk, acting=ACTING, world=world)

    return issue


def measure(processes: int, threads: int, seconds: float) -> Spans:
    """Issue in so many processes with so many threads each."""

    def job(_index: int) -> Spans:
        world = own_world()
        return in_threads(threads, seconds, lambda _thread: issuer(world))

    return in_processes(processes, job)


def run(report: Report, centre: Centre, seconds: float) -> None:
    """Print rate and delay for one and for many at once, and what they cost the disk."""
    report.part("issue without the journey (PostgreSQL, signer, lint, audit, status answers; durable)")
    for processes, threads in ((1, 1), (1, 8), (2, 8)):
        writing, syncs = centre.count(_WRITING), _syncs(centre)
        done_before = centre.count("SELECT count(*) FROM ca_certificate")
        found = measure(processes, threads, seconds)
        time.sleep(0.6)  # the server's own statistics come with a delay
        made = centre.count("SELECT count(*) FROM ca_certificate") - done_before
        report.line(
            f"{processes} process(es) of {threads} thread(s)",
            f"{found.rate:,.0f}/s",
            f"p50 {found.ms(0.5):.1f} ms, p99 {found.ms(0.99):.1f} ms, for each certificate "
            f"{(centre.count(_WRITING) - writing) / made:.1f} transactions, "
            f"{(_syncs(centre) - syncs) / made:.2f} waits for the disk",
        )


def _syncs(centre: Centre) -> int:
    return centre.count(_SYNCS)
