"""Rows of the wallet, gathered where Django looks for them; each package keeps its own."""

from __future__ import annotations

from dojang.wallet.devices import models as devices
from dojang.wallet.keys import models as keys
from dojang.wallet.uses import models as uses

__all__ = ["devices", "keys", "uses"]
