"""Carrying orders out: from the placed row to a certificate in its holder's custody, resumable anywhere.

1. look: the row, the name (fixed once), the key, the evidence spent on it;
2. intend: the exact bytes, stored before any key is used;
3. sign, check (`dojang.ca.actions.issuing`);
4. deliver: a key that is not ours waits in ``delivering`` until its holder has stored the certificate;
5. activate: one transaction stores the new one and makes it active, revokes the old one, closes the order
   and tells;
6. tidy: what follows outside the database (`dojang.issuing.actions.tidying`).

Each phase takes every order of the batch together; one that fails is taken out and told, the rest go on. One
alone is a batch of one. Orders that come one by one, in as many threads, are gathered (`carry_out`). Whatever
stops an order in between, the next call (a page that is opened, the reconcile job) takes it up again.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import InterfaceError, OperationalError, connection

from dojang.audit.errors import AuditUnwrittenError
from dojang.ca import actions as ca
from dojang.ca.apart import apart
from dojang.ca.errors import AuthorityMissingError, CertificateRevokedError, IntentVoidError, OrderBusyError
from dojang.guard.gathering import Gathering
from dojang.guard.locks import holds, trying_each
from dojang.guard.statements import columns_of, pipelined, row_of
from dojang.issuing.actions.custodies import CUSTODIES, custody_of
from dojang.issuing.actions.delivering import Handover, begin_deliveries
from dojang.issuing.actions.ending import Ending, complete_orders, fail_order, leaves_nothing
from dojang.issuing.actions.tidying import tidy_orders
from dojang.issuing.models import Order
from dojang.issuing.store import OrderBody, open_body, sealed_body
from dojang.notices.letters import gather
from dojang.pki.errors import DojangError, IndeterminateError, ProfileError
from dojang.ports.errors import PortError
from dojang.ports.signer_errors import SignerError
from dojang.wallet.keys.errors import WalletKeyNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from dojang.audit.actions import Draft
    from dojang.ca.models import Certificate, Intent
    from dojang.issuing.values import PublicKey
    from dojang.notices.actions import Audience
    from dojang.ports.acting import Acting
    from dojang.ports.world import World

log = logging.getLogger(__name__)
#: Orders carried out together at most; bounds a transaction, a call of the signer and what one crash leaves.
BATCH: Final = 64
#: Passing states of the outside: the order stays as it is and is taken up again.
_LATER: Final = (
    PortError,
    SignerError,
    AuthorityMissingError,
    OrderBusyError,
    AuditUnwrittenError,
    IndeterminateError,
    OperationalError,
)


@dataclass(frozen=True, slots=True)
class _Task:
    """One order that somebody wants carried out."""

    order_id: str
    acting: Acting
    world: World


@dataclass(slots=True)
class _Job:
    """One order on its way through the phases."""

    order: Order
    acting: Acting
    body: OrderBody | None = None
    wanted: ca.Wanted | None = None
    intent: Intent | None = None
    made: ca.Made | None = None
    named: bytes | None = None  #: the body with its name, where that is still to be stored
    is_old: bool = False  #: the signer would not sign its intent any more


def carry_out(order_ids: Collection[str], *, acting: Acting, world: World) -> list[str]:
    """Take orders up wherever each stopped, as far as it goes now; return those nobody else was at.

    An order that has ended or waits for its holder stays as it is. What is passing (signer away, bank away)
    leaves an order to be taken up again; what cannot be mended fails it, and so does time. Outside any
    transaction. One order is carried out with those other threads of this process bring meanwhile.
    """
    if connection.in_atomic_block:
        raise RuntimeError("orders are carried out outside any transaction")
    tasks = [_Task(order_id, acting, world) for order_id in order_ids]
    if len(tasks) == 1 and not holds("order", tasks[0].order_id):
        taken = [_gathering.do(tasks[0])]
    else:
        taken = []
        for begin in range(0, len(tasks), BATCH):
            taken += _carry_together(tasks[begin : begin + BATCH])
    return [task.order_id for task, is_mine in zip(tasks, taken, strict=True) if is_mine]


def _carry_together(tasks: Sequence[_Task]) -> list[bool]:
    """Carry out orders of one world together; tell for each whether nobody else was at it."""
    if not tasks:
        return []
    phases = _Phases(tasks[0].world)
    with trying_each([("order", task.order_id) for task in tasks]) as mine:
        acting = {task.order_id: task.acting for task, is_mine in zip(tasks, mine, strict=True) if is_mine}
        untidy = phases.run(acting)
    # 6.
    tidy_orders([(job.order, job.acting) for job in untidy], world=phases.world)
    return mine


_gathering: Final = Gathering(
    _carry_together, most=BATCH, fits=lambda first, other: first.world is other.world
)

_LOOK: Final = (
    f"SELECT {columns_of(Order, 'o')} FROM issuing_order o"  # noqa: S608 - our own columns
    " WHERE o.id = ANY(%b::text[]) AND o.state IN ('placed', 'delivering') ORDER BY o.placed_at, o.id"
)
_SPENT: Final = "SELECT order_id, id, customer_id FROM issuing_usedevidence WHERE order_id = ANY(%b::text[])"
_NAME: Final = """
    UPDATE issuing_order o SET body = w.body FROM unnest(%b::text[], %b::bytea[]) AS w (id, body)
    WHERE o.id = w.id AND o.state = 'placed' RETURNING o.id
"""


@dataclass(frozen=True, slots=True)
class _Phases:
    """The phases. Each takes the jobs of a batch and returns those that go on to the next."""

    world: World

    def run(self, acting: dict[str, Acting]) -> list[_Job]:
        """Take orders through all phases, each for who acts on it; return those that are to be tidied."""
        with connection.cursor() as orders, connection.cursor() as evidence:
            with pipelined():
                orders.execute(_LOOK, [list(acting)])
                evidence.execute(_SPENT, [list(acting)])
            rows = [row_of(Order, values) for values in orders.fetchall()]
            spent: dict[str, dict[str, str]] = {}
            for order_id, evidence_id, customer_id in evidence.fetchall():
                spent.setdefault(order_id, {})[evidence_id] = customer_id
        jobs = [_Job(order, acting[order.id]) for order in rows]
        jobs = self.each(jobs, self.is_due)
        # 1.
        jobs = self.look(jobs, spent)
        # 2. and 3.
        jobs = self.sign(self.intend(jobs))
        # 4.
        jobs = self.deliver(jobs)
        # 5.
        return self.activate(jobs)

    # ------------------------------------------------------------------ one order's failure

    def each(self, jobs: Iterable[_Job], phase: Callable[[_Job], bool]) -> list[_Job]:
        """Do something for every order by itself; return those that go on."""
        going = []
        for job in jobs:
            try:
                if phase(job):
                    going.append(job)
            except (OperationalError, InterfaceError):
                raise  # the database is away, for all of them
            except Exception as error:  # noqa: BLE001 - one damaged order never stops the others
                self.stop(job, error)
        return going

    def settled(self, jobs: Sequence[_Job], outcomes: Sequence[object]) -> list[_Job]:
        """Stop the orders that failed in what was done together; return those that go on."""
        going = []
        for job, outcome in zip(jobs, outcomes, strict=True):
            if isinstance(outcome, Exception):
                self.stop(job, outcome)
            else:
                going.append(job)
        return going

    def stop(self, job: _Job, error: Exception) -> None:
        """Leave an order to be taken up again, or fail it for good, by what stopped it."""
        if isinstance(error, _LATER):
            log.warning("order %s waits: %s", job.order.id, getattr(error, "code", type(error).__name__))
            self._give_up_if_late(job)
        elif isinstance(error, CertificateRevokedError):
            self._fail(job, "issue_timed_out")
        elif isinstance(error, DojangError):
            log.error("order %s failed: %s", job.order.id, error.code)
            self._fail(job, "issue_failed")
        else:
            # Its name alone: what an exception says may be somebody's data.
            log.error("order %s stopped: %s", job.order.id, type(error).__name__)
            self._give_up_if_late(job)

    def _fail(self, job: _Job, why: str) -> None:
        fail_order(job.order.id, why, acting=job.acting, world=self.world)

    def _give_up_if_late(self, job: _Job) -> None:
        within = timedelta(seconds=self.world.policy.issue.confirm_within)
        if self.world.clock.now() >= (job.order.waits_until or job.order.placed_at) + within:
            self._fail(job, "issue_timed_out")

    # ------------------------------------------------------------------ the phases

    def is_due(self, job: _Job) -> bool:
        """Leave an order its holder's time to store the certificate, no longer, and then what it waits."""
        order = job.order
        if order.state != Order.State.DELIVERING or order.stored_at is not None:
            until = order.waits_until if order.stored_at is not None else None
            return until is None or self.world.clock.now() >= until
        assert order.deliver_until is not None
        if self.world.clock.now() > order.deliver_until:
            self._fail(job, "delivery_timed_out")
        return False

    def look(self, jobs: list[_Job], spent: dict[str, dict[str, str]]) -> list[_Job]:
        """Compose what is asked of the authority; the evidence must be what each order spent (re-checked)."""
        jobs = self.each(jobs, lambda job: self._holds(job, spent.get(job.order.id, {})))
        keys: dict[str, PublicKey | None] = {}
        for name, custody in CUSTODIES.items():
            orders = [job.order for job in jobs if job.order.custody == name]
            if orders:
                found = custody.keys_of([(order.key_id, order.customer_id) for order in orders])
                keys.update(zip([order.id for order in orders], found, strict=True))
        jobs = self.each(jobs, lambda job: self._ask_name(job, keys[job.order.id]))
        return self._fix_names(jobs)

    def _holds(self, job: _Job, spent: dict[str, str]) -> bool:
        order = job.order
        if set(spent) != set(order.evidence) or set(spent.values()) - {"", order.customer_id}:
            raise DojangError("the evidence of an order is not what was spent on it")
        job.body = open_body(order.id, order.body)
        return True

    def _ask_name(self, job: _Job, key: PublicKey | None) -> bool:
        """Take the name that goes into the certificate from the order, or once from the bank."""
        order, body = job.order, job.body
        assert body is not None
        if key is None:
            raise WalletKeyNotFoundError(key=order.key_id)
        if not body.name:
            body = replace(body, name=self.world.corebank.customer(order.customer_id).name)
            job.named = sealed_body(order.id, body)
            job.body = body
        job.wanted = ca.Wanted(
            key=order.id,
            product=order.product,
            profile=order.profile,
            customer_id=order.customer_id,
            name=body.name,
            public_key=key.public_key,
            vid=key.vid,
            not_after=order.not_after,
            replaces=order.replaces or None,
            evidence=tuple(order.evidence),
        )
        return True

    def _fix_names(self, jobs: list[_Job]) -> list[_Job]:
        """Store the names that were asked: an order is the same order after a crash."""
        fresh = {job.order.id: job.named for job in jobs if job.named is not None}
        if not fresh:
            return jobs
        with connection.cursor() as cursor:
            cursor.execute(_NAME, [list(fresh), list(fresh.values())])
            kept = {row[0] for row in cursor.fetchall()}

        def is_kept(job: _Job) -> bool:
            if job.named is not None:
                if job.order.id not in kept:
                    raise DojangError("the order was ended while its certificate was being made")
                job.order.body = job.named
            return True

        return self.each(jobs, is_kept)

    def intend(self, jobs: list[_Job]) -> list[_Job]:
        """Store what is going to be signed."""
        wanted = [job.wanted for job in jobs if job.wanted is not None]
        made = ca.intend_certificates(wanted, acting=[job.acting for job in jobs], world=self.world)
        for job, outcome in zip(jobs, made, strict=True):
            job.intent = None if isinstance(outcome, Exception) else outcome
        return self.settled(jobs, made)

    def sign(self, jobs: list[_Job]) -> list[_Job]:
        """Have it signed and check it."""
        outcomes = self._signed(jobs)
        # Given up by the reconcile job between our two calls, or so old (the signer was away) that signing it
        # now would back-date it. What was signed before is kept; else the same key is ordered again, once.
        refused = {id(job): isinstance(one, IntentVoidError | ProfileError) for job, one in outcomes}
        again = [(job, outcome) for job, outcome in outcomes if refused[id(job)]]
        going = self._take([(job, outcome) for job, outcome in outcomes if not refused[id(job)]])
        if not again:
            return going
        for job, outcome in again:
            job.is_old = isinstance(outcome, ProfileError)
        second = self.intend(self.each([job for job, _ in again], self._settle))
        return going + self._take(self._signed(second))

    def _signed(self, jobs: list[_Job]) -> list[tuple[_Job, ca.Made | Exception]]:
        intents = [job.intent for job in jobs if job.intent is not None]
        return list(zip(jobs, ca.sign_intents(intents, world=self.world), strict=True))

    def _take(self, outcomes: list[tuple[_Job, ca.Made | Exception]]) -> list[_Job]:
        for job, outcome in outcomes:
            job.made = None if isinstance(outcome, Exception) else outcome
        return self.settled([job for job, _ in outcomes], [outcome for _, outcome in outcomes])

    def _settle(self, job: _Job) -> bool:
        if job.is_old:
            ca.settle_order(job.order.id, acting=job.acting, world=self.world)
        return True

    def deliver(self, jobs: list[_Job]) -> list[_Job]:
        """Hand certificates over; those go on for whom nobody's word is waited for, or has been given."""
        going, handed = [], []
        for job in jobs:
            challenge = "" if job.order.state == Order.State.DELIVERING else custody_of(job.order).deliver()
            if challenge:
                handed.append((job, challenge))
            else:
                going.append(job)
        waiting = [job for job, _ in handed if job.made is not None and not job.made.is_stored]
        stored = self.settled(waiting, apart(waiting, self._store))
        stopped = {id(job) for job in waiting} - {id(job) for job in stored}
        handed = [(job, challenge) for job, challenge in handed if id(job) not in stopped]
        handovers = [
            Handover(job.order, job.made.row, challenge, job.acting)
            for job, challenge in handed
            if job.made is not None
        ]
        begun = apart(handovers, lambda part: begin_deliveries(part, world=self.world))
        self.settled([job for job, _ in handed], begun)
        return going

    def _store(self, jobs: Sequence[_Job]) -> list[None]:
        made = [job.made for job in jobs if job.made is not None]
        ca.store_certificates(made, acting=[job.acting for job in jobs], world=self.world)
        return [None] * len(jobs)

    def activate(self, jobs: list[_Job]) -> list[_Job]:
        """Make new ones active, with everything that changes with them; return what is to be tidied."""
        audiences: dict[str, Audience] = {}

        def ask(job: _Job) -> bool:
            # Asked before the change, so that the channels registered until now are the ones told.
            audiences.update(gather([job.order.customer_id], world=self.world))
            return True

        jobs = self.each(jobs, ask)
        by_order = {job.order.id: job for job in jobs}
        untidy: dict[str, bool] = {}

        def within(pairs: Sequence[tuple[Certificate, Certificate | None]]) -> list[Draft]:
            endings = []
            for new, old in pairs:
                job = by_order[new.intent.order_key]
                assert job.body is not None
                untidy[job.order.id] = not leaves_nothing(job.body, old)
                audience = audiences[job.order.customer_id]
                endings.append(Ending(job.order, job.body, audience, job.acting, new, old))
            return complete_orders(endings, world=self.world)

        wanted = [ca.Activation(job.made, job.acting) for job in jobs if job.made is not None]
        done = ca.activate_certificates(wanted, world=self.world, within=within)
        return [job for job in self.settled(jobs, done) if untidy.get(job.order.id)]
