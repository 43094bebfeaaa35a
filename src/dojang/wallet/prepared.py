"""What the certification authority needs of a key that waits for its certificate, wherever it was made."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PreparedKey:
    """A key waiting for its certificate. `vid` is empty for a certificate without virtual ID."""

    key_id: str
    public_key: bytes
    vid: bytes
