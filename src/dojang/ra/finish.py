"""The end of a run: from the last step to a certificate in the wallet, resumable from any point.

1. In the last step's transaction: the evidence is re-checked and spent, the run goes to ``issuing``.
2. Intent, signature, certificate (`dojang.ca.actions`): each committed on its own, keyed by the run's id.
   A key on the customer's device: the run waits in ``delivering`` until the device has stored the
   certificate (`dojang.ra.delivering`).
3. One transaction (`activate_certificate`): new certificate active, old one revoked, key live in the wallet,
   notices to all channels known before, the run ``done``.
4. After the commit: the signer forgets the old key; a CRL is published.

Whoever opens the page, and the reconcile job, take it up again wherever it stopped.
"""

from __future__ import annotations

import contextlib
import logging
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db import connection, transaction
from django.db.models import Q
from procrastinate.contrib.django import app as queue
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException

from dojang.audit.actions import record_event
from dojang.audit.errors import AuditUnwrittenError
from dojang.ca.actions import (
    Order,
    activate_certificate,
    holding_order,
    intend_certificate,
    issue_certificate,
    revoke_certificate,
    settle_order,
)
from dojang.ca.errors import AuthorityMissingError, CertificateRevokedError, IntentVoidError, OrderBusyError
from dojang.ca.models import Certificate
from dojang.ca.queries import issuer_name
from dojang.journeys import engine
from dojang.journeys.engine import EvidenceProblem
from dojang.journeys.model import DAY, Passed, Rejected
from dojang.journeys.page import FieldError, Message
from dojang.notices.letters import Letters, gather
from dojang.notices.queries import Channel
from dojang.pki.errors import DojangError, IndeterminateError, ProfileError
from dojang.ports.errors import PortError
from dojang.ports.signer_errors import SignerError
from dojang.ra import delivering, rows
from dojang.ra.models import UNDER_WAY, Run, UsedEvidence
from dojang.ra.store import Body, open_body, seal_body
from dojang.wallet.devices.actions import discard_offered, is_used, offered_key
from dojang.wallet.keys.actions import accept_certificate, keep_prepared, prepared_key, tell_signer

if TYPE_CHECKING:
    from datetime import datetime

    from dojang.journeys.model import Fact, Outcome, Progress, RunView
    from dojang.ports.acting import Acting
    from dojang.ports.world import World
    from dojang.ra.turn import Turn

log = logging.getLogger(__name__)
#: Passing states of the outside: the run stays ``issuing`` and is taken up again.
_LATER: Final = (
    PortError,
    SignerError,
    AuthorityMissingError,
    OrderBusyError,
    AuditUnwrittenError,
    IndeterminateError,
)
SUPERSEDED: Final = "superseded"
_DEVICE_KEY: Final = "device_key"


# ------------------------------------------------------------------------------------------ 1. spending


def begin_issuing(turn: Turn, progress: Progress) -> Progress:
    """Re-check and spend the evidence, and set the row ``issuing`` (not saved). Inside a transaction."""
    run, now = turn.run, turn.world.clock.now()
    turn.around.forget()  # what the customer holds is read afresh for the decision
    view = turn.view(progress)
    problems = [*engine.required_evidence(view), *_spent(progress)]
    error = FieldError("evidence_missing", Message("error.evidence_missing")) if problems else None
    replaces = SUPERSEDED if _to_replace(view) else ""
    if error is None and replaces and _reissued_today(run, now=now) >= turn.world.policy.reissue_per_day:
        limit = turn.world.policy.reissue_per_day
        error = FieldError("reissue_limit", Message("error.reissue_limit", {"limit": limit}))
    if error is not None:
        record_event(
            "run:refused",
            acting=turn.acting,
            subject=run.id,
            at=now,
            why=error.code,
            problems=[f"{problem.name}:{problem.reason}" for problem in problems],
        )
        return replace(progress, stopped=error)
    facts = {fact.by: fact for fact in progress.facts.values()}
    UsedEvidence.objects.bulk_create(
        UsedEvidence(
            id=fact.by,
            run=run,
            name=fact.name,
            purpose=fact.purpose,
            customer_id=fact.customer or "",
            proven_at=fact.at,
            used_at=now,
        )
        for fact in facts.values()
    )
    run.state, run.issuing_at, run.replaces = Run.State.ISSUING, now, replaces
    order = {"replaces": replaces, "evidence": sorted(facts), "key_id": _key_id(progress)}
    turn.body = replace(turn.body, order={**order, "custody": turn.journey.custody})
    record_event(
        "run:issuing",
        acting=turn.acting,
        subject=run.id,
        at=now,
        customer=run.customer_id,
        evidence=sorted(facts),
    )
    return engine.mark_used(progress)


def _to_replace(view: RunView) -> bool:
    """Tell whether the person has a certificate of this product in use, or one that is suspended."""
    mine = (held for held in view.holdings if held.product == view.product)
    return any(held.state in {"active", "suspended"} and held.not_after >= view.now for held in mine)


def _spent(progress: Progress) -> list[EvidenceProblem]:
    """Evidence already spent on another issue, by the table nothing can be taken out of."""
    names = {fact.by: fact.name for fact in progress.facts.values()}
    used = UsedEvidence.objects.filter(id__in=names.keys()).values_list("id", flat=True)
    return [EvidenceProblem(name=names[by], reason="used") for by in used]


def _reissued_today(run: Run, *, now: datetime) -> int:
    """Re-issues of this person and product within a day, finished or under way."""
    with connection.cursor() as cursor:
        name = f"{run.customer_id}|{run.product}"
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])
    done = Run.objects.filter(
        customer_id=run.customer_id,
        product=run.product,
        state__in=[*UNDER_WAY, Run.State.DONE],
        issuing_at__gt=now - timedelta(seconds=DAY),
    )
    return done.filter(~Q(replaces="")).exclude(id=run.id).count()


# ------------------------------------------------------------------------------------------ the wallet key


def keep_wallet_key(turn: Turn, fact: Fact) -> None:
    """Keep the key a step had the signer or the device make; the run's earlier keys go. In a transaction."""
    values = fact.values
    if fact.name == _DEVICE_KEY:
        delivering.keep_key(turn, fact)
        return
    if not {"key_id", "public_key", "vid", "sealed"} <= values.keys() or not fact.customer:
        return
    keep_prepared(
        key_id=values["key_id"],
        customer_id=fact.customer,
        product=turn.run.product,
        run_id=turn.run.id,
        public_key=bytes.fromhex(values["public_key"]),
        vid=bytes.fromhex(values["vid"]),
        sealed=bytes.fromhex(values["sealed"]),
        acting=turn.acting,
        world=turn.world,
    )


def refuse_used_key(view: RunView, outcome: Outcome) -> Outcome:
    """Reject a device's key that was offered or certified before: a new certificate has a new key."""
    if not isinstance(outcome, Passed):
        return outcome
    for fact in outcome.facts:
        if fact.name == _DEVICE_KEY and is_used(bytes.fromhex(fact.values["public_key"]), run_id=view.id):
            error = FieldError("device_key_used", Message("error.device_key_used"))
            return Rejected(errors=(error,), compared=False)
    return outcome


def _key_id(progress: Progress) -> str:
    for fact in progress.facts.values():
        if "key_id" in fact.values:
            return str(fact.values["key_id"])
    return ""


# ------------------------------------------------------------------------------------------ 2.–4. issuing


def continue_issuing(run_id: str, *, acting: Acting, world: World) -> None:
    """Take issuing up wherever it stopped, holding the run's lock; a run that is not issuing stays as it is.

    What is passing (signer away, bank away) leaves the run ``issuing``; what cannot be mended fails it.
    """
    run = rows.find_run(run_id)
    if run.state not in UNDER_WAY:
        return
    if run.state == Run.State.DELIVERING and run.stored_at is None:
        assert run.deliver_until is not None
        if world.clock.now() > run.deliver_until:
            fail_run(run, "delivery_timed_out", acting=acting, world=world)
        return
    try:
        _issue(run, acting=acting, world=world)
    except _LATER as error:
        log.warning("issuing of run %s waits: %s", run.id, error.code)
        _give_up_if_late(run, acting=acting, world=world)
    except CertificateRevokedError:
        fail_run(run, "issue_timed_out", acting=acting, world=world)
    except DojangError as error:
        log.error("issuing of run %s failed: %s", run.id, error.code)  # noqa: TRY400 - no trace: no data in logs
        fail_run(run, "issue_failed", acting=acting, world=world)


def _issue(run: Run, *, acting: Acting, world: World) -> None:
    body = _named(run, world=world)
    order = _order(run, body)
    with holding_order(order.key):
        certificate = _certified(order, acting=acting, world=world)
        if delivering.is_custodian(body) and run.state == Run.State.ISSUING:
            if certificate.state == Certificate.State.REVOKED:
                raise CertificateRevokedError(serial=certificate.serial)
            delivering.begin_delivery(run, certificate, acting=acting, world=world)
            return
        # Asked before the change, so that the channels registered until now are the ones told.
        letters = Letters(gather([order.customer_id], world=world))

        def within(new: Certificate, old: Certificate | None) -> None:
            _complete(run.id, body, letters, new, old, acting=acting, world=world)

        activate_certificate(certificate.pk, acting=acting, world=world, within=within)
    tidy_up(run.id, acting=acting, world=world)


def _named(run: Run, *, world: World) -> Body:
    """Fix the name that goes into the certificate, once: an order is the same order after a crash."""
    body = open_body(run)
    if "name" in body.order:
        return body
    name = world.corebank.customer(run.customer_id).name
    body = replace(body, order={**body.order, "name": name})
    seal_body(run, body)
    if not rows.write_body(run):
        raise DojangError("the run was ended while its certificate was being ordered")
    return body


def _order(run: Run, body: Body) -> Order:
    """Compose the order; the evidence must be what this run spent, of this person (re-checked at signing)."""
    spent = {row.id: row.customer_id for row in run.used_evidence.all()}
    if set(spent) != set(body.order["evidence"]) or set(spent.values()) - {"", run.customer_id}:
        raise DojangError("the evidence of a run is not what it spent")
    public_key, vid = _key_of(run, body)
    return Order(
        key=run.id,
        product=run.product,
        profile=run.product,
        customer_id=run.customer_id,
        name=body.order["name"],
        public_key=public_key,
        vid=vid,
        replaces=body.order["replaces"] or None,
        evidence=tuple(body.order["evidence"]),
    )


def _key_of(run: Run, body: Body) -> tuple[bytes, bytes | None]:
    """Return public key and virtual ID (None for a certificate without one), wherever the key lives."""
    key_id = body.order["key_id"]
    if delivering.is_custodian(body):
        offered = offered_key(key_id=key_id, customer_id=run.customer_id)
        return bytes(offered.public_key), bytes(offered.vid) or None
    key = prepared_key(key_id=key_id, customer_id=run.customer_id)
    return key.public_key, key.vid


def _certified(order: Order, *, acting: Acting, world: World) -> Certificate:
    try:
        intent = intend_certificate(order, acting=acting, world=world)
        return issue_certificate(intent, acting=acting, world=world)
    except (IntentVoidError, ProfileError) as refusal:
        # Given up by the reconcile job between our two calls, or so old (the signer was away) that signing it
        # now would back-date it. What was signed before is kept; else the same key is ordered again, once.
        if isinstance(refusal, ProfileError):
            settle_order(order.key, acting=acting, world=world)
        intent = intend_certificate(order, acting=acting, world=world)
        return issue_certificate(intent, acting=acting, world=world)


def _complete(
    run_id: str,
    body: Body,
    letters: Letters,
    new: Certificate,
    old: Certificate | None,
    *,
    acting: Acting,
    world: World,
) -> None:
    """Do this room's share of the activation, in its transaction."""
    run, now = rows.lock_run(run_id), world.clock.now()
    if run.state not in UNDER_WAY:
        raise DojangError("a run that has ended cannot receive a certificate")
    if delivering.is_custodian(body):
        body = delivering.accept(open_body(run), new, acting=acting, world=world)
    else:
        accept_certificate(body.order["key_id"], new, acting=acting, world=world)
    close_row(run, Run.State.DONE, "", now=now)
    run.revision += 1
    seal_body(run, replace(body, result=_result(body, new, old)))
    rows.write_run(run)
    message = "certificate_issued" if old is None else "certificate_reissued"
    letters.add(new.customer_id, message, new.serial, product=new.product, serial=new.serial[-8:])
    email = _new_email(body)
    if email:
        audience = letters.audiences[new.customer_id]
        channels = (*audience.channels, Channel("mail", email))
        letters.audiences[new.customer_id] = replace(audience, channels=channels)
        letters.add(new.customer_id, "contact_changed", run.id)
    if "address" in _new_contact(body):
        letters.add(new.customer_id, "address_changed", run.id)
    letters.write(acting=acting, world=world)
    record_event(
        "run:done", acting=acting, subject=run.id, at=now, customer=new.customer_id, serial=new.serial
    )


def _result(body: Body, new: Certificate, old: Certificate | None) -> dict[str, Any]:
    """Describe the certificate in plain words, for the last page."""
    return {
        "serial": new.serial,
        "holder": body.order["name"],
        "product": new.product,
        "subject": new.subject,
        "issuer": issuer_name(new.issuer_id),
        "not_before": new.not_before.isoformat(),
        "not_after": new.not_after.isoformat(),
        "policy": new.policy,
        "sha256": new.sha256,
        "replaced": None if old is None else old.serial,
    }


def _new_contact(body: Body) -> dict[str, str]:
    """Return what the customer gave and was not registered before: ``email``, ``address``."""
    contact = body.progress.facts.get("contact")
    if contact is None:
        return {}
    given = {name: str(contact.values[name]) for name in ("email", "address") if name in contact.values}
    return {name: value for name, value in given.items() if value != contact.values.get(f"old_{name}")}


def _new_email(body: Body) -> str:
    """Return the e-mail address the customer gave, if it differs from the one registered before."""
    return _new_contact(body).get("email", "")


def tidy_up(run_id: str, *, acting: Acting, world: World) -> bool:
    """Do what follows a done run outside the database; return whether all of it could be done.

    The signer forgets the keys that ended, the bank learns new addresses, a CRL is asked for.
    Everything may be repeated; the reconcile job does so until it succeeds.
    """
    run = Run.objects.filter(id=run_id, state=Run.State.DONE, tidied=False).first()
    if run is None:
        return True
    body = open_body(run)
    changed = _new_contact(body)
    try:
        tell_signer(world=world)
        if changed:
            email = str(body.progress.facts["contact"].values["email"])
            address = changed.get("address")
            world.corebank.update_contact(run.customer_id, email=email, address=address, key=run.id)
    except (PortError, SignerError) as error:
        log.warning("tidying up after run %s waits: %s", run.id, error.code)
        return False
    if run.replaces:
        publish_soon()
    done = Run.objects.filter(id=run.id)
    if not changed:
        done.update(tidied=True)
        return True
    with transaction.atomic():
        done.update(tidied=True)
        record_event(
            "customer:contact_changed", acting=acting, subject=run.customer_id, edited=sorted(changed)
        )
    return True


def publish_soon() -> None:
    """Ask for a CRL, outside any transaction: one waiting job is enough, and the clock publishes anyway."""
    with contextlib.suppress(AlreadyEnqueued, ConnectorException):
        queue.configure_task("ra.publish_crls", queueing_lock="ra.publish_crls").defer()


# ------------------------------------------------------------------------------------------ giving up


def _give_up_if_late(run: Run, *, acting: Acting, world: World) -> None:
    assert run.issuing_at is not None
    if world.clock.now() >= run.issuing_at + timedelta(seconds=world.policy.issue_confirm_within):
        fail_run(run, "issue_timed_out", acting=acting, world=world)


def fail_run(run: Run, why: str, *, acting: Acting, world: World) -> None:
    """Fail an issuing run for good. What was signed and not confirmed is revoked; the old one lives."""
    made = Certificate.objects.filter(intent__order_key=run.id, state=Certificate.State.ISSUED)
    for certificate in made:
        revoke_certificate(certificate.pk, "cessationOfOperation", acting=acting, world=world)
    letters = Letters(gather([run.customer_id], world=world))
    with transaction.atomic():
        row = Run.objects.select_for_update().get(id=run.id)
        if row.state not in UNDER_WAY:
            return
        discard_offered(row.id, acting=acting, world=world)
        body = open_body(row)
        error = FieldError(why, Message(f"error.{why}"))
        seal_body(row, body.at(replace(body.progress, stopped=error)))
        close_row(row, Run.State.FAILED, why, now=world.clock.now())
        row.revision += 1
        row.save()
        letters.add(row.customer_id, "issue_failed", row.id, product=row.product)
        letters.write(acting=acting, world=world)
        record_event("run:failed", acting=acting, subject=row.id, at=world.clock.now(), why=why)


def close_row(run: Run, state: Run.State, why: str, *, now: datetime) -> None:
    """Put a row into a final state (not saved): nothing is leased, nothing awaited any more."""
    run.state, run.end_reason, run.ended_at = state, why, now
    run.lease, run.leased_at, run.waits_for = "", None, None


def end_run(run: Run, state: Run.State, why: str, *, acting: Acting, world: World) -> None:
    """End a locked open run: cancelled or expired. Inside a transaction; what it proved is void."""
    now = world.clock.now()
    close_row(run, state, why, now=now)
    run.revision += 1
    run.save()
    record_event(f"run:{state}", acting=acting, subject=run.id, at=now, why=why, customer=run.customer_id)
