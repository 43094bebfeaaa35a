"""Where a certificate's key lives, whichever package keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dojang.wallet.devices.models import DeviceKey
from dojang.wallet.devices.queries import DeviceView, device_view
from dojang.wallet.keys.models import WalletKey

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Place:
    """Where a certificate's key lives: ``wallet`` (the bank's) or ``device``, and which device."""

    kind: str
    since: datetime
    device: DeviceView | None = None


def where_registered(certificate_id: int) -> Place | None:
    """Tell where a certificate's key was made and lives; None for one without a key here."""
    key = DeviceKey.objects.select_related("device").filter(certificate_id=certificate_id).first()
    if key is not None:
        return Place("device", key.created_at, None if key.device is None else device_view(key.device))
    made = WalletKey.objects.filter(certificate_id=certificate_id).first()
    return None if made is None else Place("wallet", made.created_at)
