"""The relay between two devices of one person: ciphertext in, ciphertext out once, nothing readable between.

Both devices make two values from the twelve digits one of them shows, by a slow derivation
(PBKDF2-HMAC-SHA-256, 600,000 rounds, salt ``dojang parcel v1``, 64 bytes): the first half, as 64
hexadecimal digits, is the *locator* sent here; the second half is the AES-256-GCM key, which stays on the
devices. Whoever sees this table has neither the digits nor a quick way to guess them, and what is inside is
under the certificate's own password besides.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import IntegrityError, transaction

from dojang.audit.actions import record_event
from dojang.ca.queries import IN_USE, find_by_serial
from dojang.guard.sealing import sealer
from dojang.wallet.devices.errors import (
    ParcelBusyError,
    ParcelEndedError,
    ParcelMalformedError,
    ParcelNotFoundError,
    ParcelTakenError,
    ParcelTooLargeError,
)
from dojang.wallet.devices.models import Parcel

if TYPE_CHECKING:
    from datetime import datetime

    from dojang.ports.acting import Acting
    from dojang.ports.world import World

LARGEST: Final = 16_384
_LOCATOR: Final = re.compile(r"[0-9a-f]{64}")
_FROM_ONE_SOURCE: Final = 20  #: parcels waiting from one network source
_IN_ALL: Final = 20_000


@dataclass(frozen=True, slots=True)
class Posted:
    """A parcel that waits until then."""

    until: datetime


def put_parcel(locator: str, content: bytes, *, serial: str = "", acting: Acting, world: World) -> Posted:
    """Keep a parcel for ten minutes. The same parcel again is no second one.

    `serial` names the certificate inside, as its device says: what was held or revoked is not carried, and a
    hold or a revocation takes back what is on its way. One that is none of ours is carried.

    Raises `ParcelMalformedError`, `ParcelTooLargeError`, `ParcelTakenError` (the locator is in use: begin
    again with other digits), `ParcelEndedError` and `ParcelBusyError`.
    """
    if _LOCATOR.fullmatch(locator) is None or not content:
        raise ParcelMalformedError
    if len(content) > LARGEST:
        raise ParcelTooLargeError(size=len(content), limit=LARGEST)
    inside = find_by_serial(serial) if serial else None
    if inside is not None and inside.state != IN_USE:
        raise ParcelEndedError(product=inside.product)
    forget_parcels(world=world)
    now, index = world.clock.now(), _index(locator)
    source = sealer().blind_index("parcel.source", acting.source)
    known = Parcel.objects.filter(locator=index).first()
    if known is not None:
        return _again(known, content, source)
    if Parcel.objects.filter(source_index=source).count() >= _FROM_ONE_SOURCE:
        raise ParcelBusyError
    if Parcel.objects.count() >= _IN_ALL:
        raise ParcelBusyError
    until = now + timedelta(seconds=world.policy.devices.parcel_ttl)
    try:
        with transaction.atomic():
            Parcel.objects.create(
                id=secrets.token_hex(16),
                locator=index,
                content=content,
                source_index=source,
                certificate_id=None if inside is None else inside.id,
                created_at=now,
                expires_at=until,
            )
            record_event("parcel:put", acting=acting, subject="", at=now, size=len(content))
    except IntegrityError:
        raise ParcelTakenError from None
    return Posted(until)


def _again(known: Parcel, content: bytes, source: bytes) -> Posted:
    if bytes(known.content) == content and bytes(known.source_index) == source:
        return Posted(known.expires_at)
    raise ParcelTakenError


def fetch_parcel(locator: str, *, acting: Acting, world: World) -> bytes:
    """Hand a parcel out and delete it.

    Raises `ParcelNotFoundError`: unknown, fetched, late, and of a certificate held or revoked look alike.
    """
    if _LOCATOR.fullmatch(locator) is None:
        raise ParcelNotFoundError
    now = world.clock.now()
    with transaction.atomic():
        rows = Parcel.objects.select_for_update(of=("self",)).select_related("certificate")
        row = rows.filter(locator=_index(locator)).first()
        is_good = row is not None and now <= row.expires_at and _stands(row)
        if row is not None:
            row.delete()
        if row is not None and is_good:
            record_event("parcel:fetched", acting=acting, subject="", at=now, size=len(row.content))
    if row is None or not is_good:
        raise ParcelNotFoundError
    return bytes(row.content)


def _stands(row: Parcel) -> bool:
    return row.certificate is None or row.certificate.state == IN_USE


def end_parcels(customer_id: str) -> int:
    """Take back every copy of a customer's certificates that is on its way; return how many."""
    return Parcel.objects.filter(certificate__customer_id=customer_id).delete()[0]


def forget_parcels(*, world: World) -> int:
    """Delete parcels nobody fetched in time; return how many."""
    return Parcel.objects.filter(expires_at__lt=world.clock.now()).delete()[0]


def _index(locator: str) -> bytes:
    return sealer().blind_index("parcel.locator", locator)
