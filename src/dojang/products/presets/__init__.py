"""The two settings the centre is shipped with: figures of the policy, by concern.

``as-printed`` is what runs when nothing is set: journeys, orders and lives as the banks' own guides print
them. ``kisa`` is what law and practice prefer. A bank names one in ``dojang.toml`` (``preset = "kisa"``) and
sets whatever else it wants in ``[policy.<concern>]``, which wins.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from dojang.ports.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Mapping

AS_PRINTED, KISA = "as-printed", "kisa"
PRESETS = (AS_PRINTED, KISA)


@cache
def figures_of(preset: str) -> Mapping[str, Any]:
    """Return the figures a preset sets, by concern; `KeyError` when there is no such preset."""
    if preset not in PRESETS:
        raise KeyError(preset)
    file = resources.files(__name__) / f"{preset}.toml"
    return MappingProxyType(tomllib.loads(file.read_text(encoding="utf-8")))


def policy_of(preset: str) -> Policy:
    """Return a whole policy: the preset's figures, all others at their defaults."""
    return Policy().changed(figures_of(preset))
