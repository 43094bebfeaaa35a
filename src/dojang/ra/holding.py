"""When a telephone is lost: everything is held at once, and told; what is found again is restored.

Holding needs no signer, no telephone and no proof beyond knowing the person: it can only make things safer.
The devices go first, in the transaction that also stops runs under way, writes the notices and leaves a job
behind; then each certificate. A crash in between is finished by the job.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db import transaction
from procrastinate.contrib.django import app as queue

from dojang.audit.actions import record_event
from dojang.ca import actions as ca
from dojang.ca.errors import CertificateNotFoundError, CertificateRevokedError, CertificateStateError
from dojang.ca.models import Certificate
from dojang.notices.letters import Letters, gather
from dojang.ra import finish
from dojang.ra.locks import walking
from dojang.ra.models import UNDER_WAY, Run
from dojang.wallet.devices.actions import hold_devices, release_devices
from dojang.wallet.devices.biometrics import end_biometrics
from dojang.wallet.devices.models import Biometric

if TYPE_CHECKING:
    from dojang.ports.acting import Acting
    from dojang.ports.world import World

_GONE: Final = (CertificateRevokedError, CertificateStateError, CertificateNotFoundError)


@dataclass(frozen=True, slots=True)
class Held:
    """What was held just now: certificates, devices, and runs that were stopped."""

    certificates: int = 0
    devices: int = 0
    runs: int = 0


def hold_everything(customer_id: str, *, acting: Acting, world: World, keep_run: str = "") -> Held:
    """Suspend every certificate of a customer, block the devices, stop the runs; tell every channel.

    A repeat holds what is left to hold, and tells only when there was something. `keep_run` is the run that
    asked for it. Only a re-issue, or the branch (`restore_everything`), ends it.
    """
    letters = Letters(gather([customer_id], world=world))
    with transaction.atomic():
        devices = hold_devices(customer_id, acting=acting, world=world)
        runs = _stop_runs(customer_id, keep_run=keep_run, acting=acting, world=world)
        ids = _ids_of(customer_id, Certificate.State.ACTIVE)
        if devices or ids:
            key = f"held:{customer_id}:{world.clock.now().isoformat()}"
            letters.add(customer_id, "everything_held", key, count=len(ids))
            letters.write(acting=acting, world=world)
            _finish_later(customer_id)
        record_event(
            "customer:held", acting=acting, subject=customer_id, certificates=len(ids), devices=devices
        )
    return Held(suspend_left(customer_id, acting=acting, world=world), devices, runs)


def _ids_of(customer_id: str, state: Certificate.State) -> list[int]:
    rows = Certificate.objects.filter(customer_id=customer_id, state=state).order_by("id")
    return list(rows.values_list("id", flat=True))


def _stop_runs(customer_id: str, *, keep_run: str, acting: Acting, world: World) -> int:
    rows = Run.objects.select_for_update().filter(customer_id=customer_id, state=Run.State.OPEN)
    stopped = list(rows.exclude(id=keep_run).order_by("id"))
    for run in stopped:
        finish.end_run(run, Run.State.CANCELLED, "held", acting=acting, world=world)
    return len(stopped)


def _fail_deliveries(customer_id: str, *, acting: Acting, world: World) -> None:
    """Take back what is on its way: it may be on its way to the telephone that was lost."""
    under_way = Run.objects.filter(customer_id=customer_id, state__in=UNDER_WAY).order_by("id")
    for run_id in list(under_way.values_list("id", flat=True)):
        # Who is walking the run at this moment ends it one way or the other; what became active is held next.
        with walking(run_id):
            run = under_way.filter(id=run_id).first()
            if run is not None:
                finish.fail_run(run, "everything_held", acting=acting, world=world)


def _finish_later(customer_id: str) -> None:
    queue.configure_task("ra.suspend_left").defer(customer_id=customer_id)


def suspend_left(customer_id: str, *, acting: Acting, world: World) -> int:
    """Finish holding: take back what is on its way to a customer, suspend what is still active.

    Returns how many were suspended.
    """
    done = 0
    _fail_deliveries(customer_id, acting=acting, world=world)
    for certificate_id in _ids_of(customer_id, Certificate.State.ACTIVE):
        try:
            ca.suspend_certificate(certificate_id, acting=acting, world=world)
        except _GONE:
            continue  # replaced or revoked meanwhile: that is safe, too
        done += 1
    if done:
        finish.publish_soon()
    return done


# ------------------------------------------------------------------------------------------ one by one


def suspend_certificate(certificate_id: int, *, acting: Acting, world: World) -> Certificate:
    """Suspend one certificate and tell its holder. A repeat changes nothing and tells nobody.

    Raises `CertificateNotFoundError`, `CertificateRevokedError`, `CertificateStateError`.
    """
    row, letters = _opened(certificate_id, world=world)

    def within(held: Certificate) -> None:
        keys = Biometric.objects.filter(device_key__certificate_id=held.pk)
        end_biometrics(keys, "held", acting=acting, world=world)
        _note(letters, held, "certificate_suspended", acting=acting, world=world)

    row = ca.suspend_certificate(row.pk, acting=acting, world=world, within=within)
    finish.publish_soon()
    return row


def restore_certificate(certificate_id: int, *, acting: Acting, world: World) -> Certificate:
    """Make a suspended certificate usable again, after the branch has seen its holder; the holder is told.

    Errors as for `suspend_certificate`.
    """
    row, letters = _opened(certificate_id, world=world)

    def within(back: Certificate) -> None:
        _note(letters, back, "certificate_restored", acting=acting, world=world)

    row = ca.restore_certificate(row.pk, acting=acting, world=world, within=within)
    finish.publish_soon()
    return row


def restore_everything(customer_id: str, *, acting: Acting, world: World) -> Held:
    """Undo a hold, after the branch has seen the customer: devices, and every certificate still held."""
    with transaction.atomic():
        devices = release_devices(customer_id, acting=acting, world=world)
        record_event("customer:released", acting=acting, subject=customer_id, devices=devices)
    restored = 0
    for certificate_id in _ids_of(customer_id, Certificate.State.HELD):
        try:
            restore_certificate(certificate_id, acting=acting, world=world)
        except _GONE:
            continue
        restored += 1
    return Held(restored, devices)


def _opened(certificate_id: int, *, world: World) -> tuple[Certificate, Letters]:
    row = Certificate.objects.filter(pk=certificate_id).first()
    if row is None:
        raise CertificateNotFoundError
    return row, Letters(gather([row.customer_id], world=world))


def _note(letters: Letters, row: Certificate, message: str, *, acting: Acting, world: World) -> None:
    key = f"{row.serial}:{row.status_seq}"
    letters.add(row.customer_id, message, key, product=row.product, serial=row.serial[-8:])
    letters.write(acting=acting, world=world)
