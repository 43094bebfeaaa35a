"""The orders a journey's steps may be asked in, of which the bank chooses one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOrder:
    """Orders of a journey's steps, of which the bank chooses one: `policy` names the field that says which.

    `ways` maps each value of that field to all the journey's step ids.
    """

    policy: str
    ways: Mapping[str, tuple[str, ...]]
