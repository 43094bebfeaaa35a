"""Names and figures of keys that rooms on both sides of the signer's port must agree about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dojang.ports.signer_errors import KeyUnknownError

if TYPE_CHECKING:
    from dojang.ports.signer import Signer

#: Role of the key to which devices encrypt what only the signer may read. It signs nothing.
TRANSPORT: Final = "transport"
TRANSPORT_LABEL: Final = "transport-1"
TRANSPORT_ALGORITHM: Final = "rsa-3072"
#: How many wrong PINs in a row the signer allows at most, whatever a bank sets: more is no protection.
MOST_WRONG_PINS: Final = 20


def ensure_transport_key(signer: Signer) -> bytes:
    """Make the transport key unless it is there; return its SubjectPublicKeyInfo (DER)."""
    key = signer.create_authority_key(label=TRANSPORT_LABEL, role=TRANSPORT, algorithm=TRANSPORT_ALGORITHM)
    return key.public_key


def transport_key(signer: Signer) -> bytes:
    """Return the newest transport key's SubjectPublicKeyInfo (DER). Raises `KeyUnknownError`."""
    held = signer.keys()
    keys = [key for key in held if key.role == TRANSPORT]
    if not keys:
        raise KeyUnknownError("no transport key")
    return max(keys, key=lambda key: age_order(key.label)).public_key


def age_order(label: str) -> tuple[int, str]:
    """Sort labels ``name-number`` by the number: ``transport-10`` is newer than ``transport-2``."""
    _, _, number = label.rpartition("-")
    return (int(number) if number.isascii() and number.isdecimal() else 0), label
