"""Field sealing as this room uses it; the code is in the lowest such room (`dojang.notices.sealing`)."""

from __future__ import annotations

from dojang.notices.sealing import SealBrokenError, Sealer, sealer

__all__ = ["SealBrokenError", "Sealer", "sealer"]
