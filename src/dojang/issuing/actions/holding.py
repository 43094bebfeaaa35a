"""Holding everything of a person at once, and told; what is found again is restored.

Holding needs no signer, no telephone and no proof beyond knowing the person: it can only make things safer.
The devices go first, in the transaction that also writes the notices and leaves a job behind; then each
certificate. A crash in between is finished by the job.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db import transaction
from procrastinate.contrib.django import app as queue

from dojang.audit.actions import record_event
from dojang.ca import actions as ca
from dojang.ca.errors import CertificateNotFoundError, CertificateRevokedError, CertificateStateError
from dojang.ca.queries import certificate_by_id, certificates_of
from dojang.issuing.actions.ending import fail_order
from dojang.issuing.queries import living_of
from dojang.notices.letters import Letters, gather
from dojang.wallet.devices.actions import hold_devices, release_devices
from dojang.wallet.devices.actions.approvals import end_approvals
from dojang.wallet.devices.actions.biometrics import end_biometrics_of
from dojang.wallet.devices.actions.parcels import end_parcels

if TYPE_CHECKING:
    from collections.abc import Callable

    from dojang.ca.models import Certificate
    from dojang.ca.queries import CertificateView
    from dojang.ports.acting import Acting
    from dojang.ports.world import World

_GONE: Final = (CertificateRevokedError, CertificateStateError, CertificateNotFoundError)


@dataclass(frozen=True, slots=True)
class Held:
    """What was held just now: certificates, devices, and runs that were stopped."""

    certificates: int = 0
    devices: int = 0
    runs: int = 0


def hold_everything(
    customer_id: str, *, acting: Acting, world: World, within: Callable[[], int] = lambda: 0
) -> Held:
    """Suspend every certificate of a customer, block the devices; tell every channel.

    What the telephone was asked or has said, and copies on their way, end with it. A repeat holds what is
    left to hold, and tells only when there was something. `within` is what a room above stops in the same
    transaction; it returns how many runs. Only a re-issue, or the branch
    (`restore_everything`), ends a hold.
    """
    letters = Letters(gather([customer_id], world=world))
    with transaction.atomic():
        devices = hold_devices(customer_id, acting=acting, world=world)
        end_approvals(customer_id, acting=acting, world=world)
        end_parcels(customer_id)
        runs = within()
        ids = _ids_of(customer_id, "active")
        if devices or ids:
            key = f"held:{customer_id}:{world.clock.now().isoformat()}"
            letters.add(customer_id, "everything_held", key, count=len(ids))
            letters.write(acting=acting, world=world)
            queue.configure_task("issuing.suspend_left").defer(customer_id=customer_id)
        record_event(
            "customer:held", acting=acting, subject=customer_id, certificates=len(ids), devices=devices
        )
    return Held(suspend_left(customer_id, acting=acting, world=world), devices, runs)


def _ids_of(customer_id: str, state: str) -> list[int]:
    return sorted(view.id for view in certificates_of(customer_id) if view.state == state)


def suspend_left(customer_id: str, *, acting: Acting, world: World) -> int:
    """Finish holding: take back what is on its way to a customer, suspend what is still active.

    Returns how many were suspended.
    """
    for order_id in living_of(customer_id):
        # It may be on its way to the telephone that was lost; what becomes active first is held next.
        fail_order(order_id, "everything_held", acting=acting, world=world)
    done = 0
    for certificate_id in _ids_of(customer_id, "active"):
        try:
            ca.suspend_certificate(certificate_id, acting=acting, world=world)
        except _GONE:
            continue  # replaced or revoked meanwhile: that is safe, too
        done += 1
    if done:
        ca.publish_soon()
    return done


# ------------------------------------------------------------------------------------------ one by one


def suspend_certificate(certificate_id: int, *, acting: Acting, world: World) -> Certificate:
    """Suspend one certificate and tell its holder. A repeat changes nothing and tells nobody.

    Raises `CertificateNotFoundError`, `CertificateRevokedError`, `CertificateStateError`.
    """
    view, letters = _opened(certificate_id, world=world)

    def within(held: Certificate) -> None:
        end_biometrics_of(held, "held", acting=acting, world=world)
        _note(letters, held, "certificate_suspended", acting=acting, world=world)

    row = ca.suspend_certificate(view.id, acting=acting, world=world, within=within)
    ca.publish_soon()
    return row


def restore_certificate(certificate_id: int, *, acting: Acting, world: World) -> Certificate:
    """Make a suspended certificate usable again, after the branch has seen its holder; the holder is told.

    Errors as for `suspend_certificate`.
    """
    view, letters = _opened(certificate_id, world=world)

    def within(back: Certificate) -> None:
        _note(letters, back, "certificate_restored", acting=acting, world=world)

    row = ca.restore_certificate(view.id, acting=acting, world=world, within=within)
    ca.publish_soon()
    return row


def restore_everything(customer_id: str, *, acting: Acting, world: World) -> Held:
    """Undo a hold, after the branch has seen the customer: devices, and every certificate still held."""
    with transaction.atomic():
        devices = release_devices(customer_id, acting=acting, world=world)
        record_event("customer:released", acting=acting, subject=customer_id, devices=devices)
    restored = 0
    for certificate_id in _ids_of(customer_id, "held"):
        try:
            restore_certificate(certificate_id, acting=acting, world=world)
        except _GONE:
            continue
        restored += 1
    return Held(restored, devices)


def _opened(certificate_id: int, *, world: World) -> tuple[CertificateView, Letters]:
    view = certificate_by_id(certificate_id)
    if view is None:
        raise CertificateNotFoundError
    return view, Letters(gather([view.customer_id], world=world))


def _note(letters: Letters, row: Certificate, message: str, *, acting: Acting, world: World) -> None:
    key = f"{row.serial}:{row.status_seq}"
    letters.add(row.customer_id, message, key, product=row.product, serial=row.serial[-8:])
    letters.write(acting=acting, world=world)
