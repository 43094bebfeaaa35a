"""From issued to active, and from active to revoked. State only goes forward; the database keeps that too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import OperationalError, transaction
from psycopg.errors import DeadlockDetected, SerializationFailure

from dojang.audit.actions import record_event
from dojang.ca.actions.status import (
    GOOD,
    SignedAnswer,
    Status,
    put_answers,
    sign_answer,
    sign_answers,
)
from dojang.ca.errors import (
    CertificateNotFoundError,
    CertificateRevokedError,
    OrderBusyError,
    ReasonUnknownError,
)
from dojang.ca.models import Certificate, Revocation
from dojang.ca.orders import holding, holding_order
from dojang.guard.locks import hold_to_commit
from dojang.pki.crl import REASONS
from dojang.pki.day import whole_second

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from dojang.ports.acting import Acting
    from dojang.ports.world import World

    Within = Callable[[Certificate, Certificate | None], None]

#: Reasons that end a certificate. A hold is another state; ``removeFromCRL`` is for delta CRLs.
FINAL_REASONS = frozenset(REASONS) - {"certificateHold", "removeFromCRL"}
_TRIES = 5  #: rounds of signing answers ahead, when a revocation gets in between


class _MovedError(Exception):
    """The certificate in force changed while answers were being signed: look again."""


def activate_certificate(
    certificate_id: int, *, acting: Acting, world: World, within: Within | None = None
) -> Certificate:
    """Make an issued certificate the active one and revoke the one it takes the place of (step 5).

    One transaction holds everything: both states, both OCSP answers, `within(new, old or None)` (the
    caller's own changes: wallet, notices) and the audit events. A repeat returns the certificate and does
    not call `within` again. Raises `CertificateNotFoundError`, `CertificateRevokedError`.
    """
    row = _fetch(certificate_id)
    order_key, customer_id, product = row.intent.order_key, row.customer_id, row.product
    # The holder's lock keeps others from changing what the answers are signed for; no row is locked yet.
    with holding_order(order_key), holding("holder", f"{customer_id}/{product}"):
        for _ in range(_TRIES):
            # Its state may be older than the locks: the transaction looks again at the locked row.
            if row.state == Certificate.State.ACTIVE:
                return row
            _refuse_revoked(row)
            old = _in_force(row)
            at = _moment(row if old is None else old, world=world)
            reason = row.intent.replaces or "superseded"
            # Signed ahead of the transaction, so that no row is locked while the signer is asked.
            wanted = [(row, GOOD)] if old is None else [(row, GOOD), (old, Status("revoked", at, reason))]
            answer, *others = sign_answers(wanted, world=world)
            old_answer = others[0] if others else None
            try:
                return _activate(row, old, answer, old_answer, at, acting=acting, world=world, within=within)
            except _MovedError:
                row = _fetch(certificate_id)
            except OperationalError as error:
                if not isinstance(error.__cause__, DeadlockDetected | SerializationFailure):
                    raise
                row = _fetch(certificate_id)
        raise OrderBusyError("the holder's certificate kept changing", order=order_key)


def _activate(
    row: Certificate,
    old: Certificate | None,
    answer: SignedAnswer,
    old_answer: SignedAnswer | None,
    at: datetime,
    *,
    acting: Acting,
    world: World,
    within: Within | None,
) -> Certificate:
    """Do step 5 in one transaction, on what `answer` and `old_answer` were signed for."""
    with transaction.atomic():
        # 5a. one holder and product at a time
        hold_to_commit("holder", row.customer_id, row.product)
        new = Certificate.objects.select_for_update().get(pk=row.pk)
        new.intent = row.intent  # an intent's order and reason never change
        if new.state == Certificate.State.ACTIVE:
            return new
        _refuse_revoked(new)
        present = _in_force(new, lock=True)
        if (present and present.pk) != (old and old.pk):
            raise _MovedError
        # 5b. the old one ends first: the database allows one active certificate, not two for a moment
        answers = []
        if present is not None and old_answer is not None:
            reason = new.intent.replaces or "superseded"
            _end(present, reason, at, acting=acting, successor=new)
            answers.append((present.pk, present.status_seq, old_answer))
        # 5c. the new one begins
        new.state, new.activated_at = Certificate.State.ACTIVE, world.clock.now()
        new.status_seq += 1
        new.save(update_fields=["state", "activated_at", "status_seq"])
        answers.append((new.pk, new.status_seq, answer))
        # 5d. what the world is told, and the caller's own changes, in the same transaction
        put_answers(answers)
        if within is not None:
            within(new, present)
        # 5e. audit, last: its lock is held until the commit
        if present is not None:
            _tell_revoked(
                present, new.intent.replaces or "superseded", at, acting=acting, successor=new.serial
            )
        record_event(
            "certificate:activated",
            acting=acting,
            subject=new.serial,
            at=new.activated_at,
            order=new.intent.order_key,
            customer=new.customer_id,
            product=new.product,
            replaced=None if present is None else present.serial,
        )
    return new


def revoke_certificate(certificate_id: int, reason: str, *, acting: Acting, world: World) -> Certificate:
    """End a certificate. OCSP shows it with the commit, the next CRL lists it. A repeat changes nothing.

    `reason` as in RFC 5280 §5.3.1 (``keyCompromise`` …). Raises `ReasonUnknownError`,
    `CertificateNotFoundError`. Works without the signer: the answer signed ahead is then withdrawn.
    """
    if reason not in FINAL_REASONS:
        raise ReasonUnknownError(reason=reason)
    row = _fetch(certificate_id)
    if row.state == Certificate.State.REVOKED:
        return row
    at = _moment(row, world=world)
    answer = sign_answer(row, Status("revoked", at, reason), world=world)
    with transaction.atomic():
        row = Certificate.objects.select_for_update().get(pk=certificate_id)
        if row.state == Certificate.State.REVOKED:
            return row
        _end(row, reason, at, acting=acting)
        put_answers([(row.pk, row.status_seq, answer)])
        _tell_revoked(row, reason, at, acting=acting)
    return row


def _moment(row: Certificate, *, world: World) -> datetime:
    """Choose the moment a certificate ends: now, and never before it began."""
    return max(whole_second(world.clock.now()), row.not_before)


def _end(
    row: Certificate, reason: str, at: datetime, *, acting: Acting, successor: Certificate | None = None
) -> None:
    """Write the end of a locked certificate; a hold on it gives way."""
    Revocation.objects.filter(certificate=row, lifted_at__isnull=True).update(lifted_at=at)
    row.state = Certificate.State.REVOKED
    row.status_seq += 1
    row.successor = successor
    row.save(update_fields=["state", "status_seq", "successor"])
    Revocation.objects.create(
        certificate=row,
        issuer_id=row.issuer_id,
        serial=row.serial,
        shard=row.shard,
        reason=reason,
        at=at,
        not_after=row.not_after,
        by=acting.kind,
    )


def _tell_revoked(
    row: Certificate, reason: str, at: datetime, *, acting: Acting, successor: str | None = None
) -> None:
    record_event(
        "certificate:revoked",
        acting=acting,
        subject=row.serial,
        at=at,
        customer=row.customer_id,
        product=row.product,
        reason=reason,
        successor=successor,
    )


def _fetch(certificate_id: int) -> Certificate:
    row = Certificate.objects.select_related("intent").filter(pk=certificate_id).first()
    if row is None:
        raise CertificateNotFoundError
    return row


def _in_force(row: Certificate, *, lock: bool = False) -> Certificate | None:
    """Find the holder's other certificate of the product that is active (or on hold)."""
    standing = [Certificate.State.ACTIVE, Certificate.State.HELD]
    rows = Certificate.objects.filter(
        customer_id=row.customer_id, product=row.product, state__in=standing
    ).exclude(pk=row.pk)
    if lock:
        return rows.select_for_update().first()
    return rows.first()


def _refuse_revoked(row: Certificate) -> None:
    if row.state == Certificate.State.REVOKED:
        raise CertificateRevokedError(serial=row.serial)
