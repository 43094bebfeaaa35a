"""Ending a certificate before its time: the holder is told, and the key dies with it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from django.db import transaction

from dojang.ca import actions as ca
from dojang.ca.errors import CertificateNotFoundError
from dojang.ca.queries import certificate_by_id
from dojang.guard.rounds import Round
from dojang.notices.letters import Letters, gather
from dojang.ports.signer_errors import SignerError
from dojang.wallet.devices.actions import retire_device_keys_of
from dojang.wallet.keys.actions import retire_keys_of, tell_signer

if TYPE_CHECKING:
    from dojang.ca.models import Certificate
    from dojang.ports.acting import Acting
    from dojang.ports.world import World


def revoke_certificate(certificate_id: int, reason: str, *, acting: Acting, world: World) -> Certificate:
    """Revoke a certificate, retire its key and tell its holder on every channel, in one transaction.

    OCSP shows it with the commit; a CRL is asked for afterwards. A repeat changes nothing and tells nobody.
    Raises `ReasonUnknownError`, `CertificateNotFoundError` as `dojang.ca.actions.revoke_certificate` does.
    """
    view = certificate_by_id(certificate_id)
    if view is None:
        raise CertificateNotFoundError
    if view.state == "revoked":
        return ca.revoke_certificate(view.id, reason, acting=acting, world=world)
    letters = Letters(gather([view.customer_id], world=world))
    with transaction.atomic():
        # The signer is asked first thing in here, while no row is locked yet.
        ended = ca.revoke_certificate(certificate_id, reason, acting=acting, world=world)
        retire_keys_of(ended, acting=acting, world=world)
        retire_device_keys_of(ended, acting=acting, world=world)
        letters.add(
            view.customer_id,
            "certificate_revoked",
            view.serial,
            product=view.product,
            serial=view.serial[-8:],
        )
        letters.write(acting=acting, world=world)
    with contextlib.suppress(SignerError):
        tell_signer(world=world)
    ca.publish_soon()
    return ended


def end_long_holds(*, acting: Acting, world: World) -> int:
    """Revoke what has been suspended for longer than the policy allows; return how many."""
    tended = Round[object]("issuing.end_long_holds", world.clock.now(), world.signer)
    return len(
        tended.each(
            ca.long_held(world=world, but=tended.resting()),
            lambda held: revoke_certificate(held, "cessationOfOperation", acting=acting, world=world),
        )
    )
