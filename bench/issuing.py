"""Issuing without the journey: order → intent → signature → certificate → active, in PostgreSQL, durable.

Every safety is on: synchronous commits, the signer's own journal, profile check, lint, audit events, both
status answers signed ahead. The customer's keys are made beforehand, as the signer's wallet would. Callers of
one process are gathered by the same means as orders are (`dojang.guard.gathering`).
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec

from bench.centre import own_world
from bench.meter import Report, Spans, in_processes, in_threads
from dojang.pki.signing import public_key_bytes
from dojang.ports.acting import Acting

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench.centre import Centre
    from dojang.ca.actions import Wanted
    from dojang.ports.world import World

ACTING = Acting(kind="system", id="bench", channel="job")
#: Transactions that wrote something, and writes of the log that were waited for (PostgreSQL 14 and newer).
_WRITING = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
_SYNCS = "SELECT wal_sync FROM pg_stat_wal"
_MADE = "SELECT count(*) FROM ca_certificate WHERE state = 'active'"
#: Callers at once: (processes, threads in each).
CALLERS = ((1, 1), (2, 16), (2, 64))


def issuer(world: World) -> Callable[[], object]:
    """Return a function that issues one certificate to a new customer; callers in other threads share it."""
    from dojang.guard.gathering import Gathering  # after Django's set-up
    from dojang.issuing.actions.carrying import BATCH

    keys = [public_key_bytes(ec.generate_private_key(ec.SECP256R1())) for _ in range(50)]
    gathering = Gathering(
        lambda orders: _together(orders, world), most=BATCH, fits=lambda _first, _other: True
    )

    def issue() -> None:
        from dojang.ca.actions import Wanted

        gathering.do(
            Wanted(
                key=secrets.token_hex(8),
                product="financial",
                profile="financial",
                customer_id=secrets.token_hex(8),
                name="홍길동",
                public_key=secrets.choice(keys),
                vid=secrets.token_bytes(32),
                evidence=("run-1/identify", "run-1/ars"),
            )
        )

    return issue


def _together(orders: Sequence[Wanted], world: World) -> list[str]:
    """Take orders from intent to activation, with the locks and steps of `carry_out`."""
    from dojang.ca import actions  # after Django's set-up
    from dojang.ca.apart import sure
    from dojang.guard.locks import trying_each

    with trying_each([("order", order.key) for order in orders]) as mine:
        assert all(mine)
        who = [ACTING] * len(orders)
        intents = [sure(one) for one in actions.intend_certificates(orders, acting=who, world=world)]
        made = [sure(one) for one in actions.sign_intents(intents, world=world)]
        wanted = [actions.Activation(one, ACTING) for one in made]
        done = actions.activate_certificates(wanted, world=world)
        return [sure(one).serial for one in done]


def measure(processes: int, threads: int, seconds: float) -> Spans:
    """Issue in so many processes with so many threads each."""

    def job(_index: int) -> Spans:
        issue = issuer(own_world())
        return in_threads(threads, seconds, lambda _thread: issue)

    return in_processes(processes, job)
