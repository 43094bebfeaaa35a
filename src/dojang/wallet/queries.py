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
class KeyPlace:
    """Where a certificate's key lives: ``wallet`` (the bank's) or ``device``, and which device."""

    kind: str
    since: datetime
    device: DeviceView | None = None


def where_registered(certificate_id: int) -> KeyPlace | None:
    """Tell where a certificate's key was made and lives; None for one without a key here."""
    key = DeviceKey.objects.select_related("device").filter(certificate_id=certificate_id).first()
    if key is not None:
        return KeyPlace("device", key.created_at, None if key.device is None else device_view(key.device))
    made = WalletKey.objects.filter(certificate_id=certificate_id).first()
    return None if made is None else KeyPlace("wallet", made.created_at)


def keys_waiting_since(moment: datetime) -> list[str]:
    """Return for which runs or orders keys were made before a moment that have no certificate yet."""
    made = WalletKey.objects.filter(state=WalletKey.State.PREPARED, created_at__lt=moment)
    offered = DeviceKey.objects.filter(state=DeviceKey.State.PREPARED, created_at__lt=moment)
    ids = [*made.order_by("created_at").values_list("run_id", flat=True)]
    return list(dict.fromkeys([*ids, *offered.order_by("created_at").values_list("run_id", flat=True)]))
