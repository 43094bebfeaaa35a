"""The bank's offer as data: journeys, terms and messages."""

from __future__ import annotations

from dojang.products.journeys import JOURNEYS

__all__ = ["JOURNEYS"]
