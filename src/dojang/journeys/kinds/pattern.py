"""Choosing a pattern. The pattern stays on the device; the server gets a key that device and pattern make.

The device derives the proof key from its own non-extractable secret and the pattern (HMAC, then HKDF).
Each later use proves it by a MAC over a fresh challenge, so the server can count tries and never learns the
pattern.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from dojang.journeys.kinds.base import Base, digits_of, error
from dojang.journeys.kinds.device import device_of
from dojang.journeys.model import PageParts, RunView
from dojang.journeys.outcomes import Outcome, Passed
from dojang.journeys.page import Field, FieldError, Message, Show
from dojang.ports.writing import is_digits

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY_BYTES = 32
SIDE = 3  #: dots a row


class Pattern(Base):
    """Draw it twice (the device compares), with enough dots."""

    name = "pattern"

    def page(self, run: RunView) -> PageParts:
        """Show the grid."""
        least = run.policy.pattern.min_points
        shown = Show(
            "pattern", {"mode": "enrol", "min_points": least, "size": SIDE, "device": device_of(run)}
        )
        fields = (
            Field("proof_key", "hidden", Message("field.pattern"), {"required": True}, secret=True),
            Field("points", "hidden", Message("field.points"), {"required": True, "min": least}, secret=True),
        )
        return PageParts(fields=fields, show=(shown,), messages=(Message("scam.pattern"), _rules(least)))

    def validate(self, run: RunView, data: Mapping[str, Any]) -> dict[str, Any] | tuple[FieldError, ...]:
        """Check form: 32 bytes, and enough dots by the device's own count."""
        key, points = read_base64(data, "proof_key"), digits_of(data, "points")
        if key is None or len(key) != KEY_BYTES:
            return (error("pattern_required"),)
        if not is_digits(points, 1) or int(points) < run.policy.pattern.min_points:
            return (error("pattern_short", count=run.policy.pattern.min_points),)
        return {"proof_key": base64.b64encode(key).decode()}

    def judge(self, run: RunView, answer: Any) -> Outcome:
        """Keep the proof key, sealed with the run, until it is enrolled for the device."""
        values = {"proof_key": answer["proof_key"], "device_id": device_of(run)}
        return Passed(facts=(run.prove("pattern", customer=run.customer, values=values),))


def read_base64(data: Mapping[str, Any], name: str, *, longest: int = 12_000) -> bytes | None:
    """Read a field of bytes: standard base64, not empty; ``None`` when it is none."""
    value = data.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= longest:
        return None
    try:
        return base64.b64decode(value, validate=True) or None
    except (binascii.Error, ValueError):
        return None


def _rules(least: int) -> Message:
    return Message("pattern.rules", {"count": least})
