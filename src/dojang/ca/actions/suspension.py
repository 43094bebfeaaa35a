"""Suspending a certificate and restoring it: the one change of status that goes both ways (RFC 5280 §5.3.1).

A held certificate is answered for as revoked with reason ``certificateHold``, by OCSP with the commit and by
the next CRL. It ends by being restored, revoked or replaced; the trail keeps every hold there ever was.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction

from dojang.audit.actions import record_event
from dojang.ca.actions.status import GOOD, Status, put_answers, sign_answer
from dojang.ca.errors import CertificateNotFoundError, CertificateRevokedError, CertificateStateError
from dojang.ca.models import Certificate, Revocation
from dojang.ca.orders import holding
from dojang.pki.day import whole_second

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from dojang.ca.states import CertificateState
    from dojang.ports.acting import Acting
    from dojang.ports.world import World

    Within = Callable[[Certificate], None]

HOLD = "certificateHold"


def suspend_certificate(
    certificate_id: int, *, acting: Acting, world: World, within: Within | None = None
) -> Certificate:
    """Hold an active certificate. A repeat changes nothing and does not call `within` again.

    `within(certificate)` runs in the same transaction. Works without the signer: the answer signed ahead is
    then withdrawn. Raises `CertificateNotFoundError`, `CertificateRevokedError`, `CertificateStateError` for
    one that was never confirmed.
    """
    row = _fetch(certificate_id)
    with holding("holder", f"{row.customer_id}/{row.product}"):
        row = _fetch(certificate_id)
        if row.state == Certificate.State.HELD:
            return row
        _refuse(row, Certificate.State.ACTIVE)
        at = max(whole_second(world.clock.now()), row.not_before)
        answer = sign_answer(row, Status("revoked", at, HOLD), world=world)
        with transaction.atomic():
            row = Certificate.objects.select_for_update().get(pk=certificate_id)
            if row.state == Certificate.State.HELD:
                return row
            _refuse(row, Certificate.State.ACTIVE)
            row.state = Certificate.State.HELD
            row.status_seq += 1
            row.save(update_fields=["state", "status_seq"])
            Revocation.objects.create(
                certificate=row,
                issuer_id=row.issuer_id,
                serial=row.serial,
                shard=row.shard,
                reason=HOLD,
                at=at,
                not_after=row.not_after,
                by=acting.kind,
            )
            put_answers([(row.pk, row.status_seq, answer)])
            if within is not None:
                within(row)
            _tell("certificate:suspended", row, acting=acting, world=world)
    return row


def restore_certificate(
    certificate_id: int, *, acting: Acting, world: World, within: Within | None = None
) -> Certificate:
    """Make a held certificate active again. A repeat changes nothing; errors as for `suspend_certificate`.

    A certificate that was replaced meanwhile is revoked and stays so.
    """
    row = _fetch(certificate_id)
    with holding("holder", f"{row.customer_id}/{row.product}"):
        row = _fetch(certificate_id)
        if row.state == Certificate.State.ACTIVE:
            return row
        _refuse(row, Certificate.State.HELD)
        answer = sign_answer(row, GOOD, world=world)
        with transaction.atomic():
            row = Certificate.objects.select_for_update().get(pk=certificate_id)
            if row.state == Certificate.State.ACTIVE:
                return row
            _refuse(row, Certificate.State.HELD)
            Revocation.objects.filter(certificate=row, lifted_at__isnull=True).update(
                lifted_at=world.clock.now()
            )
            row.state = Certificate.State.ACTIVE
            row.status_seq += 1
            row.save(update_fields=["state", "status_seq"])
            put_answers([(row.pk, row.status_seq, answer)])
            if within is not None:
                within(row)
            _tell("certificate:restored", row, acting=acting, world=world)
    return row


def long_held(*, world: World, but: Collection[str] = (), limit: int = 500) -> tuple[int, ...]:
    """Return the certificates held for longer than the policy allows, the longest first, `but` not these."""
    since = world.clock.now() - timedelta(days=world.policy.suspension.hold_days)
    rows = Revocation.objects.filter(
        reason=HOLD, lifted_at__isnull=True, at__lte=since, certificate__state=Certificate.State.HELD
    )
    rows = rows.exclude(certificate_id__in=list(but))
    return tuple(rows.order_by("at", "id").values_list("certificate_id", flat=True)[:limit])


def _fetch(certificate_id: int) -> Certificate:
    row = Certificate.objects.filter(pk=certificate_id).first()
    if row is None:
        raise CertificateNotFoundError
    return row


def _refuse(row: Certificate, wanted: CertificateState) -> None:
    if row.state == Certificate.State.REVOKED:
        raise CertificateRevokedError(serial=row.serial)
    if row.state != wanted:
        raise CertificateStateError(serial=row.serial, state=row.state)


def _tell(event: str, row: Certificate, *, acting: Acting, world: World) -> None:
    record_event(
        event,
        acting=acting,
        subject=row.serial,
        at=world.clock.now(),
        customer=row.customer_id,
        product=row.product,
    )
