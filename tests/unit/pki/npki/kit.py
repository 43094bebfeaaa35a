"""What the tests of certificate files share: a key with R, its certificate, the vectors."""

from __future__ import annotations

import base64
import json
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from tests.unit.pki.kit import IDN, NOW, House, R, house, key_of

from dojang.pki.build import end_of_day
from dojang.pki.npki.keyfile import with_random
from dojang.pki.signing import public_key_bytes

__all__ = ["IDN", "NOW", "PASSWORD", "VECTORS", "R", "certificate", "core", "decoded", "ours", "pkcs8"]

PASSWORD = "Dojang!2947x"
VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[3] / "vectors" / "npki.json").read_text("utf-8"))


def decoded(text: str) -> bytes:
    """Octets of a base64 text in the vectors."""
    return base64.b64decode(text)


def ours() -> House:
    """Return the authority that issues the certificates here."""
    return house("rsa-2048")


def core(algorithm: str = "rsa-2048") -> bytes:
    """PKCS #8 of a customer's key, without attributes."""
    return key_of(algorithm, "customer").private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def pkcs8(algorithm: str = "rsa-2048") -> bytes:
    """PKCS #8 of a customer's key with R."""
    return with_random(core(algorithm), R)


def certificate(algorithm: str = "rsa-2048") -> bytes:
    """Certificate of that key, under the joint profile (the bank's, for an elliptic curve)."""
    return _certificate(algorithm)


@cache
def _certificate(algorithm: str) -> bytes:
    joint = algorithm == "rsa-2048"
    changes = {} if joint else {"identify": None}
    return ours().certificate(
        profile="joint" if joint else "bank",
        public_key=public_key_bytes(key_of(algorithm, "customer")),
        not_after=end_of_day(NOW, 365),
        **changes,
    )
