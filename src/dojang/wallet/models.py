"""Rows of the wallet, gathered where Django looks for them; each package keeps its own."""

from __future__ import annotations

from dojang.wallet.devices import models as devices
from dojang.wallet.keys import models as keys

__all__ = ["devices", "keys"]
