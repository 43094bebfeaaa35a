"""Every journey the bank offers, by id."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from dojang.products import bank, financial, joint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dojang.journeys.model import Journey

JOURNEYS: Mapping[str, Journey] = MappingProxyType(
    {
        journey.id: journey
        for journey in (
            financial.ISSUE,
            financial.REISSUE,
            financial.APP_ISSUE,
            financial.APP_REISSUE,
            joint.ISSUE,
            joint.REISSUE,
            bank.ISSUE,
            bank.REISSUE,
        )
    }
)
