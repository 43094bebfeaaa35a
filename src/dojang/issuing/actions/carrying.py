"""Carrying orders out: from the placed row to a certificate in its holder's custody, resumable anywhere.

1. look: the row, the name (fixed once), the key, the evidence spent on it;
2. intend: the exact bytes, stored before any key is used;
3. sign, check, store (`dojang.ca.actions.issuing`);
4. deliver: a key that is not ours waits in ``delivering`` until its holder has stored the certificate;
5. activate: one transaction makes the new one active, revokes the old one, closes the order and tells;
6. tidy: what follows outside the database (`dojang.issuing.actions.tidying`).

Each phase takes every order of the batch; one that fails is taken out and told, the rest go on. Whatever
stops an order in between, the next call (a page that is opened, the reconcile job) takes it up again.
"""

from __future__ import annotations

import logging
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import InterfaceError, OperationalError, connection

from dojang.audit.errors import AuditUnwrittenError
from dojang.ca import actions as ca
from dojang.ca.errors import AuthorityMissingError, CertificateRevokedError, IntentVoidError, OrderBusyError
from dojang.guard.locks import trying
from dojang.issuing.actions.custodies import custody_of
from dojang.issuing.actions.delivering import begin_delivery
from dojang.issuing.actions.ending import complete_order, fail_order
from dojang.issuing.actions.tidying import tidy_orders
from dojang.issuing.models import LIVING, Order, UsedEvidence
from dojang.issuing.store import open_body, seal_body
from dojang.notices.letters import Letters, gather
from dojang.pki.errors import DojangError, IndeterminateError, ProfileError
from dojang.ports.errors import PortError
from dojang.ports.signer_errors import SignerError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from dojang.ca.models import Certificate, Intent
    from dojang.notices.actions import Audience
    from dojang.ports.acting import Acting
    from dojang.ports.world import World

log = logging.getLogger(__name__)
#: Passing states of the outside: the order stays as it is and is taken up again.
_LATER: Final = (
    PortError,
    SignerError,
    AuthorityMissingError,
    OrderBusyError,
    AuditUnwrittenError,
    IndeterminateError,
)


@dataclass(slots=True)
class _Job:
    """One order on its way through the phases."""

    order: Order
    wanted: ca.Wanted | None = None
    intent: Intent | None = None
    certificate: Certificate | None = None


def carry_out(order_ids: Collection[str], *, acting: Acting, world: World) -> list[str]:
    """Take orders up wherever each stopped, as far as it goes now; return those nobody else was at.

    An order that has ended or waits for its holder stays as it is. What is passing (signer away, bank away)
    leaves an order to be taken up again; what cannot be mended fails it, and so does time. Outside any
    transaction.
    """
    if connection.in_atomic_block:
        raise RuntimeError("orders are carried out outside any transaction")
    phases = _Phases(acting, world)
    with _taken(order_ids) as mine:
        jobs = [
            _Job(order) for order in Order.objects.filter(id__in=mine, state__in=LIVING).order_by("placed_at")
        ]
        jobs = phases.each(jobs, phases.is_due)
        # 1.
        spent = _spent_on(jobs)
        jobs = phases.each(jobs, lambda job: phases.look(job, spent.get(job.order.id, {})))
        # 2.
        jobs = phases.each(jobs, phases.intend)
        # 3.
        jobs = phases.each(jobs, phases.sign)
        # 4.
        jobs = phases.each(jobs, phases.deliver)
        # 5. asked before the change, so that the channels registered until now are the ones told
        audiences = gather({job.order.customer_id for job in jobs}, world=world)
        jobs = phases.each(jobs, lambda job: phases.activate(job, audiences))
    # 6.
    tidy_orders([job.order for job in jobs], acting=acting, world=world)
    return mine


@contextmanager
def _taken(order_ids: Collection[str]) -> Iterator[list[str]]:
    """Hold the locks of those orders nobody else holds, so that the authority leaves them alone, too."""
    with ExitStack() as held:
        yield [order_id for order_id in order_ids if held.enter_context(trying("order", order_id))]


def _spent_on(jobs: Iterable[_Job]) -> dict[str, dict[str, str]]:
    """Return whose evidence was spent, by its id, for each order."""
    spent: dict[str, dict[str, str]] = {}
    for row in UsedEvidence.objects.filter(order_id__in=[job.order.id for job in jobs]):
        spent.setdefault(row.order_id, {})[row.id] = row.customer_id
    return spent


@dataclass(frozen=True, slots=True)
class _Phases:
    """The phases, each for one order of a batch; true when the order goes on to the next."""

    acting: Acting
    world: World

    def each(self, jobs: Iterable[_Job], phase: Callable[[_Job], bool]) -> list[_Job]:
        """Do a phase for every order; return those that go on."""
        return [job for job in jobs if self._guarded(job, phase)]

    def _guarded(self, job: _Job, phase: Callable[[_Job], bool]) -> bool:
        try:
            return phase(job)
        except _LATER as error:
            log.warning("order %s waits: %s", job.order.id, error.code)
            self._give_up_if_late(job)
        except CertificateRevokedError:
            self._fail(job, "issue_timed_out")
        except DojangError as error:
            log.error("order %s failed: %s", job.order.id, error.code)  # noqa: TRY400 - no trace: no data in logs
            self._fail(job, "issue_failed")
        except (OperationalError, InterfaceError):
            raise  # the database is away, for all of them
        except Exception as error:  # noqa: BLE001 - one damaged order never stops the others
            log.error("order %s stopped: %s", job.order.id, type(error).__name__)  # noqa: TRY400 - the same
            self._give_up_if_late(job)
        return False

    def _fail(self, job: _Job, why: str) -> None:
        fail_order(job.order.id, why, acting=self.acting, world=self.world)

    def _give_up_if_late(self, job: _Job) -> None:
        within = timedelta(seconds=self.world.policy.issue.confirm_within)
        if self.world.clock.now() >= job.order.placed_at + within:
            self._fail(job, "issue_timed_out")

    def is_due(self, job: _Job) -> bool:
        """Leave an order its holder's time to store the certificate, and no longer."""
        order = job.order
        if order.state != Order.State.DELIVERING or order.stored_at is not None:
            return True
        assert order.deliver_until is not None
        if self.world.clock.now() > order.deliver_until:
            self._fail(job, "delivery_timed_out")
        return False

    def look(self, job: _Job, spent: dict[str, str]) -> bool:
        """Compose what is asked of the authority; the evidence must be what this order spent (re-checked)."""
        order = job.order
        if set(spent) != set(order.evidence) or set(spent.values()) - {"", order.customer_id}:
            raise DojangError("the evidence of an order is not what was spent on it")
        key = custody_of(order).key_of(order.key_id, order.customer_id)
        job.wanted = ca.Wanted(
            key=order.id,
            product=order.product,
            profile=order.profile,
            customer_id=order.customer_id,
            name=self._name(order),
            public_key=key.public_key,
            vid=key.vid,
            not_after=order.not_after,
            replaces=order.replaces or None,
            evidence=tuple(order.evidence),
        )
        return True

    def _name(self, order: Order) -> str:
        """Fix the name that goes into the certificate, once: an order is the same order after a crash."""
        body = open_body(order.id, order.body)
        if body.name:
            return body.name
        name = self.world.corebank.customer(order.customer_id).name
        seal_body(order, replace(body, name=name))
        if not Order.objects.filter(id=order.id, state=Order.State.PLACED).update(body=order.body):
            raise DojangError("the order was ended while its certificate was being made")
        return name

    def intend(self, job: _Job) -> bool:
        """Store what is going to be signed."""
        assert job.wanted is not None
        job.intent = ca.intend_certificate(job.wanted, acting=self.acting, world=self.world)
        return True

    def sign(self, job: _Job) -> bool:
        """Have it signed, check it, store it as issued."""
        assert job.wanted is not None
        assert job.intent is not None
        try:
            job.certificate = ca.issue_certificate(job.intent, acting=self.acting, world=self.world)
        except (IntentVoidError, ProfileError) as refusal:
            # Given up by the reconcile job between our two calls, or so old (the signer was away) that
            # signing it now would back-date it. What was signed before is kept; else the same key is
            # ordered again, once.
            if isinstance(refusal, ProfileError):
                ca.settle_order(job.order.id, acting=self.acting, world=self.world)
            job.intent = ca.intend_certificate(job.wanted, acting=self.acting, world=self.world)
            job.certificate = ca.issue_certificate(job.intent, acting=self.acting, world=self.world)
        return True

    def deliver(self, job: _Job) -> bool:
        """Hand the certificate over; go on when nobody's word has to be waited for, or it is given."""
        assert job.certificate is not None
        if job.order.state == Order.State.DELIVERING:
            return True
        return not begin_delivery(job.order, job.certificate, acting=self.acting, world=self.world)

    def activate(self, job: _Job, audiences: dict[str, Audience]) -> bool:
        """Make the new one active and revoke the old one, with everything that changes with it."""
        assert job.certificate is not None
        holder = job.order.customer_id

        def within(new: Certificate, old: Certificate | None) -> None:
            letters = Letters({holder: audiences[holder]})
            complete_order(job.order, letters, new, old, acting=self.acting, world=self.world)

        ca.activate_certificate(job.certificate.pk, acting=self.acting, world=self.world, within=within)
        return True
