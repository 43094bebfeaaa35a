"""After a crash: every intent is finished or given up, every unconfirmed certificate confirmed or revoked.

What counts is what the signer's journal says: a serial it signed becomes a stored certificate, one it did
not sign is void. Orders whose lock a living session holds are left alone, so this may run at any time,
beside anything, in as many copies as there are workers.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction

from dojang.audit.actions import record_event
from dojang.ca import authorities
from dojang.ca.actions.activation import activate_certificate, revoke_certificate
from dojang.ca.actions.issuing import adopt_certificate, checked_certificate, recalled_signature
from dojang.ca.errors import CertificateRevokedError
from dojang.ca.models import Certificate, Intent
from dojang.guard.locks import trying
from dojang.guard.rounds import Round

if TYPE_CHECKING:
    from collections.abc import Callable

    from dojang.ca.actions.activation import Within
    from dojang.ports.acting import Acting
    from dojang.ports.world import World

#: The authority's own certificates are finished by the ceremony, which knows what each is for.
AUTHORITY = "authority"
#: How long a void intent is still compared with the journal: longer than any call to the signer lasts.
_LATE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What was done."""

    finished: int = 0  #: intents whose signature was found: now certificates
    voided: int = 0  #: intents that were never signed
    late: int = 0  #: void intents that turned out to be signed after all: stored and revoked
    activated: int = 0  #: certificates the holder had confirmed
    revoked: int = 0  #: certificates not confirmed in time
    waiting: int = 0  #: issued certificates still within their time
    busy: int = 0  #: orders a living session is working on


class _Tally:
    """Counts by name."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def add(self, name: str) -> None:
        self.counts[name] = self.counts.get(name, 0) + 1

    def result(self) -> Reconciled:
        return Reconciled(**self.counts)


def reconcile(
    *,
    acting: Acting,
    world: World,
    confirmed: Callable[[Certificate], bool],
    waits: Callable[[Certificate], bool] = lambda _certificate: False,
    within: Within | None = None,
) -> Reconciled:
    """Finish or give up what a crash left behind; returns exact counts.

    `confirmed` tells whether the holder (wallet, device) has the certificate, `waits` whether it becomes
    active later and is not given up for being issued long ago; `within` is what activation
    does in its transaction, as for `activate_certificate`. Raises `SignerUnavailableError` when the signer
    cannot be asked: what it signed is then unknown and nothing is given up. A row that cannot be settled is
    put aside.
    """
    tally = _Tally()
    # 1. intents without a certificate
    opened = Round[str]("ca.reconcile.intents", world.clock.now(), world.signer)
    open_ids = Intent.objects.filter(state=Intent.State.OPEN).exclude(product=AUTHORITY)
    open_ids = open_ids.exclude(id__in=opened.resting()).order_by("id")
    for done in opened.each(
        list(open_ids.values_list("id", flat=True)),
        lambda intent_id: _settle_intent(intent_id, acting=acting, world=world),
    ):
        tally.add(done)
    # 2. intents given up while the signer may still have been at work
    voided = Round[bool]("ca.reconcile.void", world.clock.now(), world.signer)
    since = world.clock.now() - _LATE
    void_ids = Intent.objects.filter(state=Intent.State.VOID, closed_at__gte=since)
    void_ids = void_ids.exclude(id__in=voided.resting()).order_by("id")
    for late in voided.each(
        list(void_ids.values_list("id", flat=True)),
        lambda intent_id: _settle_late(intent_id, acting=acting, world=world),
    ):
        if late:
            tally.add("late")
    # 3. certificates without a confirmation
    unconfirmed = Round[str]("ca.reconcile.issued", world.clock.now(), world.signer)
    issued = Certificate.objects.filter(state=Certificate.State.ISSUED).exclude(product=AUTHORITY)
    issued = issued.exclude(id__in=unconfirmed.resting()).order_by("id")
    for done in unconfirmed.each(
        list(issued.values_list("id", flat=True)),
        lambda certificate_id: _settle_certificate(
            certificate_id, acting=acting, world=world, confirmed=confirmed, waits=waits, within=within
        ),
    ):
        if done:
            tally.add(done)
    return tally.result()


def settle_order(order_key: str, *, acting: Acting, world: World) -> None:
    """Decide an order's open intent by the signer's journal: signed is stored, not signed is void.

    Raises `SignerUnavailableError` when the signer cannot be asked; nothing is decided then.
    """
    for intent in Intent.objects.filter(order_key=order_key, state=Intent.State.OPEN):
        _settle_intent(intent.pk, acting=acting, world=world)


def _settle_intent(intent_id: int, *, acting: Acting, world: World) -> str:
    intent = Intent.objects.select_related("issuer").get(pk=intent_id)
    with trying("order", intent.order_key) as free:
        if not free:
            return "busy"
        intent.refresh_from_db(fields=["state"])
        if intent.state != Intent.State.OPEN:
            return "busy"  # its session finished it between the look and the lock
        issuer = authorities.signing_side(intent.issuer)
        signature = recalled_signature(intent, issuer, world=world)
        if signature is not None:
            der = checked_certificate(intent, issuer, signature)
            adopt_certificate(intent, issuer, der, acting=acting, world=world)
            return "finished"
        return "voided" if void_intent(intent, acting=acting, world=world) else "busy"


def void_intent(intent: Intent, *, acting: Acting, world: World) -> bool:
    """Give up an intent that was never signed; False when it is not open any more."""
    now = world.clock.now()
    with transaction.atomic():
        changed = Intent.objects.filter(pk=intent.pk, state=Intent.State.OPEN).update(
            state=Intent.State.VOID, closed_at=now
        )
        if changed:
            record_event(
                "certificate:voided", acting=acting, subject=intent.serial, at=now, order=intent.order_key
            )
    return bool(changed)


def _settle_late(intent_id: int, *, acting: Acting, world: World) -> bool:
    """Adopt a signature made after its intent was given up: stored, revoked at once, never released."""
    intent = Intent.objects.select_related("issuer").get(pk=intent_id)
    issuer = authorities.signing_side(intent.issuer)
    signature = recalled_signature(intent, issuer, world=world)
    if signature is None:
        return False
    der = checked_certificate(intent, issuer, signature)
    with transaction.atomic():
        row = adopt_certificate(intent, issuer, der, acting=acting, world=world)
        revoke_certificate(row.pk, "cessationOfOperation", acting=acting, world=world)
    return True


def _settle_certificate(
    certificate_id: int,
    *,
    acting: Acting,
    world: World,
    confirmed: Callable[[Certificate], bool],
    waits: Callable[[Certificate], bool],
    within: Within | None,
) -> str:
    row = Certificate.objects.select_related("intent").get(pk=certificate_id)
    with trying("order", row.intent.order_key) as free:
        if not free:
            return "busy"
        row.refresh_from_db(fields=["state"])
        if row.state != Certificate.State.ISSUED:
            return ""
        if confirmed(row):
            try:
                activate_certificate(row.pk, acting=acting, world=world, within=within)
            except CertificateRevokedError:
                return ""  # revoked by somebody else in the meantime: that stands
            return "activated"
        age = world.clock.now() - row.issued_at
        if age < timedelta(seconds=world.policy.issue.confirm_within) or waits(row):
            return "waiting"
        revoke_certificate(row.pk, "cessationOfOperation", acting=acting, world=world)
        return "revoked"
