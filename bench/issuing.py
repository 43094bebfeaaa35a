"""Issuing without the journey: order → intent → signature → certificate → active, in PostgreSQL, durable.

Every safety is on: synchronous commits, the signer's own journal, profile check, lint, audit events, both
status answers signed ahead. The customer's keys are made beforehand, as the signer's wallet would. Callers of
one process are gathered by the same means as orders are (`dojang.guard.gathering`).
"""

from __future__ import annotations

import contextlib
import secrets
import statistics
import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import ec

from bench import cfssl
from bench.centre import own_world
from bench.meter import Report, Spans, cpu_of, in_processes, in_threads, in_threads_for
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
_NAMED = 32  #: callers of the figure without a number in its name
CROWD = 1450  #: people who walk journeys (`bench.walking`); those behind them order without one


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


@dataclass(frozen=True, slots=True)
class Found:
    """What issuing came to: spans of the callers, certificates, and milliseconds of CPU for each."""

    spans: Spans
    made: int
    own_ms: float
    signer_ms: float
    database_ms: float
    transactions: float
    syncs: float

    @property
    def cpu_ms(self) -> float:
        """Of all processes of ours together, the database's included."""
        return self.own_ms + self.signer_ms + self.database_ms


def measure(centre: Centre, processes: int, threads: int, seconds: float) -> Found:
    """Issue in so many processes with so many threads each."""

    def job(_index: int) -> Spans:
        issue = issuer(own_world())
        return in_threads(threads, seconds, lambda _thread: issue)

    return watched(centre, lambda: in_processes(processes, job))


def watched(centre: Centre, work: Callable[[], Spans]) -> Found:
    """Do something that issues, and count what it cost."""
    before = [centre.count(query) for query in (_MADE, _WRITING, _SYNCS)]
    signer, database = cpu_of(centre.signer.pid), cpu_of(centre.postmaster)
    spans = work()
    signer, database = cpu_of(centre.signer.pid) - signer, cpu_of(centre.postmaster) - database
    time.sleep(0.6)  # the server's own statistics come with a delay
    made, writing, syncs = (
        centre.count(query) - then for query, then in zip((_MADE, _WRITING, _SYNCS), before, strict=True)
    )
    own_ms = 1000 * spans.cpu / len(spans.spans)
    return Found(
        spans, made, own_ms, 1000 * signer / made, 1000 * database / made, writing / made, syncs / made
    )


def run(report: Report, centre: Centre, seconds: float, *, quick: bool = False) -> None:
    """Print rate and delay for one and for many at once, the peer's in turn, and what each costs."""
    report.part("issue without the journey (PostgreSQL, signer, lint, audit, status answers; durable)")
    rounds = 2 if quick else 3
    with contextlib.ExitStack() as stack:
        peer = None
        if cfssl.is_there():
            peer = stack.enter_context(cfssl.running(centre, centre.options.folder.path / "cfssl"))
        else:
            report.line("cfssl", "not installed", "apt install golang-cfssl")
        for processes, threads in CALLERS:
            _compare(report, centre, peer, (processes, threads), seconds=seconds, rounds=rounds)
    _orders(report, centre, 320 if quick else 640)


def _compare(
    report: Report,
    centre: Centre,
    peer: cfssl.Peer | None,
    callers: tuple[int, int],
    *,
    seconds: float,
    rounds: int,
) -> None:
    processes, threads = callers
    many = processes * threads
    ours: list[Found] = []
    theirs: list[tuple[float, float]] = []
    for _ in range(rounds if many > 1 else 1):
        if peer is not None:
            database = cpu_of(centre.postmaster)
            rate, cpu = peer.measure(many, seconds)
            used = cpu + cpu_of(centre.postmaster) - database
            theirs.append((rate, 1000 * used / max(1.0, rate * seconds)))
        ours.append(measure(centre, processes, threads, seconds))
    middle = sorted(ours, key=lambda found: found.spans.rate)[len(ours) // 2]
    report.line(
        f"{many} caller(s), {processes} process(es) of {threads} thread(s)",
        f"{middle.spans.rate:,.0f}/s",
        f"p50 {middle.spans.ms(0.5):.1f} ms, p99 {middle.spans.ms(0.99):.1f} ms; CPU {middle.cpu_ms:.2f} ms "
        f"(own {middle.own_ms:.2f}, signer {middle.signer_ms:.2f}, PostgreSQL {middle.database_ms:.2f}), "
        f"{middle.transactions:.2f} transactions, {middle.syncs:.2f} waits for the disk each",
    )
    if many == _NAMED:
        report.figure("issue_per_s", middle.spans.rate)
        report.figure("issue_cpu_ms", middle.cpu_ms)
    if many == 1:
        report.figure("issue_alone_ms", middle.spans.ms(0.5))
    if theirs:
        rate = statistics.median(rate for rate, _ in theirs)
        share = statistics.median(
            found.spans.rate / rate for found, (rate, _) in zip(ours, theirs, strict=True)
        )
        report.line(
            f"cfssl with the same PostgreSQL, {many} caller(s)",
            f"{rate:,.0f}/s",
            f"ours {share:.2f} times as many; CPU {statistics.median(cpu for _, cpu in theirs):.2f} ms",
        )
        report.figure("issue_vs_cfssl" if many == _NAMED else f"issue_vs_cfssl_{many}", share)


def _orders(report: Report, centre: Centre, count: int) -> None:
    """Carry out orders placed before: everything above, and wallet, notices with their jobs, the bank."""
    ids = _place(centre, count)

    def job(index: int) -> Spans:
        from dojang.issuing.actions import carry_out  # after Django's set-up

        world, mine = own_world(), iter(ids[index::2])
        lock = threading.Lock()

        def work(_thread: int) -> Callable[[], object]:
            def one() -> None:
                with lock:
                    order = next(mine)
                carry_out([order], acting=ACTING, world=world)

            return one

        return in_threads_for(16, count // 2 // 16, work)

    found = watched(centre, lambda: in_processes(2, job))
    report.line(
        "whole orders (wallet, notices, bank asked), 32 callers",
        f"{found.spans.rate:,.0f}/s",
        f"p50 {found.spans.ms(0.5):.1f} ms; CPU {found.cpu_ms:.2f} ms (own {found.own_ms:.2f}, "
        f"signer {found.signer_ms:.2f}, PostgreSQL {found.database_ms:.2f}), "
        f"{found.transactions:.2f} transactions each",
    )
    report.figure("order_per_s", found.spans.rate)
    report.figure("order_cpu_ms", found.cpu_ms)


def _place(centre: Centre, count: int) -> list[str]:
    """Place orders for people of the crowd who walk no journeys here."""
    from django.db import transaction  # after the set-up

    from dojang.issuing.actions import offer_key, place_order
    from dojang.issuing.values import Evidence, OfferedKey, OrderRequest
    from dojang.sandbox.casting import add_crowd

    world, now = centre.world, centre.world.clock.now()
    bank: Any = world.corebank
    people = add_crowd(bank.store, world.clock, CROWD + count)[-count:]
    key = public_key_bytes(ec.generate_private_key(ec.SECP256R1()))
    ids = []
    for person in people:
        name = secrets.token_hex(16)
        offered = OfferedKey(
            key_id=name, order_id=name, custody="wallet", customer_id=person.id, product="financial",
            public_key=key, vid=secrets.token_bytes(32), sealed=b"sealed elsewhere",
        )  # fmt: skip
        seen = Evidence(
            id=name, name="seen", purpose="counter", customer_id=person.id, at=now,
            expires=now + timedelta(hours=1),
        )  # fmt: skip
        asked = OrderRequest(
            id=name, product="financial", profile="financial", customer_id=person.id, origin="bench",
            custody="wallet", key_id=name, evidence=(seen,),
        )  # fmt: skip
        with transaction.atomic():
            offer_key(offered, acting=ACTING, world=world)
            place_order(asked, acting=ACTING, world=world)
        ids.append(name)
    return ids
