"""The orders a journey's steps may be asked in, of which the bank chooses one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOrder:
    """Orders of a journey's steps, of which the bank chooses one: `choice` names the product's setting.

    `ways` maps each value of that setting to all the journey's step ids.
    """

    choice: str
    ways: Mapping[str, tuple[str, ...]]
