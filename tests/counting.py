"""What stands counted against one key, pattern or finger: read by tests alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dojang.guard.counters import Tally
from dojang.guard.models import FactorCounter
from dojang.ports.limits import Limit
from dojang.wallet.devices.actions import biometrics, patterns
from dojang.wallet.devices.models import Biometric
from dojang.wallet.keys.actions import PIN
from dojang.wallet.keys.models import WalletKey

if TYPE_CHECKING:
    from dojang.wallet.devices.models import DeviceKey


def errors_of(row: WalletKey | DeviceKey | Biometric) -> int:
    """Return the wrong PINs, patterns or answers counted against a row."""
    if isinstance(row, Biometric):
        factor, subject = biometrics.FACTOR, f"biometric:{row.id}"
    else:
        factor = PIN if isinstance(row, WalletKey) else patterns.FACTOR
        subject = f"key:{row.id}"
    tally = Tally(factor=factor, subject=subject, limit=Limit(1))
    counted = FactorCounter.objects.filter(factor=factor, subject=tally.index).first()
    return 0 if counted is None else counted.errors
