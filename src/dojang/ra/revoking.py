"""Ending a certificate before its time: the holder is told, and the wallet key dies with it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from django.db import transaction

from dojang.ca.actions import revoke_certificate as end_certificate
from dojang.ca.errors import CertificateNotFoundError
from dojang.ca.models import Certificate
from dojang.notices.letters import Letters, gather
from dojang.ports.signer_errors import SignerError
from dojang.ra.finish import publish_soon
from dojang.wallet.devices.actions import retire_device_keys_of
from dojang.wallet.keys.actions import retire_keys_of, tell_signer

if TYPE_CHECKING:
    from dojang.ports.acting import Acting
    from dojang.ports.world import World


def revoke_certificate(certificate_id: int, reason: str, *, acting: Acting, world: World) -> Certificate:
    """Revoke a certificate, retire its wallet key and tell its holder on every channel, in one transaction.

    OCSP shows it with the commit; a CRL is asked for afterwards. A repeat changes nothing and tells nobody.
    Raises `ReasonUnknownError`, `CertificateNotFoundError` as `dojang.ca.actions.revoke_certificate` does.
    """
    row = Certificate.objects.filter(pk=certificate_id).first()
    if row is None:
        raise CertificateNotFoundError
    if row.state == Certificate.State.REVOKED:
        return row
    letters = Letters(gather([row.customer_id], world=world))
    with transaction.atomic():
        # The signer is asked first thing in here, while no row is locked yet.
        ended = end_certificate(certificate_id, reason, acting=acting, world=world)
        retire_keys_of(ended, acting=acting, world=world)
        retire_device_keys_of(ended, acting=acting, world=world)
        letters.add(
            row.customer_id, "certificate_revoked", ended.serial, product=row.product, serial=row.serial[-8:]
        )
        letters.write(acting=acting, world=world)
    with contextlib.suppress(SignerError):
        tell_signer(world=world)
    publish_soon()
    return ended
