"""A telephone's keeper in software (WebAuthn): it makes credentials and answers challenges, right or wrong.

Written from W3C Web Authentication level 3 (sections 5.8.1, 6.1, 6.5) and RFC 9052; it shares no code with
the library that verifies.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import struct
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def text_of(octets: bytes) -> str:
    """Write base64url without padding."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def octets_of(text: str) -> bytes:
    """Read base64url without padding."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def cbor(value: Any) -> bytes:
    """Write an integer, octets, text or a map of those (RFC 8949), as short as they can be."""
    if isinstance(value, bool):
        raise TypeError(value)
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    if isinstance(value, str):
        return _head(3, len(value.encode())) + value.encode()
    return _head(5, len(value)) + b"".join(cbor(key) + cbor(item) for key, item in value.items())


def _head(major: int, size: int) -> bytes:
    if size < 24:
        return bytes([major << 5 | size])
    for more, (form, limit) in enumerate((("B", 1 << 8), (">H", 1 << 16), (">I", 1 << 32)), 24):
        if size < limit:
            return bytes([major << 5 | more]) + struct.pack(form, size)
    raise ValueError(size)


@dataclass
class Keeper:
    """One credential. `counter` is what it says next; None for a keeper that never counts."""

    origin: str
    rp_id: str = "localhost"
    flags: int = PRESENT | VERIFIED
    counter: int | None = 1
    attachment: str = "platform"
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    user: bytes = b""

    def make(self, options: dict[str, Any], /, **spoilt: Any) -> bytes:
        """Answer `navigator.credentials.create`: RegistrationResponseJSON with the attestation ``none``."""
        self.user = octets_of(options["user"]["id"])
        numbers = self.key.public_key().public_numbers()
        cose = cbor({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)})
        attested = bytes(16) + struct.pack(">H", len(self.credential_id)) + self.credential_id + cose
        seen = self._seen(spoilt.get("flags", self.flags) | ATTESTED, spoilt.get("rp_id", self.rp_id))
        attestation = cbor({"fmt": "none", "attStmt": {}, "authData": seen + attested})
        said = self._said("webauthn.create", octets_of(options["challenge"]), spoilt)
        response = {"clientDataJSON": text_of(said), "attestationObject": text_of(attestation)}
        return self._packed(response)

    def answer(self, challenge: bytes, /, **spoilt: Any) -> bytes:
        """Answer `navigator.credentials.get`: AuthenticationResponseJSON.

        `spoilt`: another `origin`, `rp_id`, `challenge`, `flags`, `counter`, `key` or `type` than is right.
        """
        said = self._said("webauthn.get", challenge, spoilt)
        if "counter" in spoilt:
            self.counter = spoilt["counter"]
        seen = self._seen(spoilt.get("flags", self.flags), spoilt.get("rp_id", self.rp_id))
        key: ec.EllipticCurvePrivateKey = spoilt.get("key", self.key)
        signature = key.sign(seen + hashlib.sha256(said).digest(), ec.ECDSA(hashes.SHA256()))
        response = {
            "clientDataJSON": text_of(said),
            "authenticatorData": text_of(seen),
            "signature": text_of(signature),
        }
        if self.user:
            response["userHandle"] = text_of(spoilt.get("user", self.user))
        return self._packed(response)

    def _said(self, kind: str, challenge: bytes, spoilt: dict[str, Any]) -> bytes:
        said = {
            "type": spoilt.get("type", kind),
            "challenge": text_of(spoilt.get("challenge", challenge)),
            "origin": spoilt.get("origin", self.origin),
            "crossOrigin": False,
        }
        return json.dumps(said, separators=(",", ":")).encode()

    def _seen(self, flags: int, rp_id: str) -> bytes:
        count = 0 if self.counter is None else self.counter
        if self.counter is not None:
            self.counter += 1
        return hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + struct.pack(">I", count)

    def _packed(self, response: dict[str, str]) -> bytes:
        name = text_of(self.credential_id)
        return json.dumps(
            {
                "id": name, "rawId": name, "type": "public-key", "response": response,
                "authenticatorAttachment": self.attachment, "clientExtensionResults": {},
            }
        ).encode()  # fmt: skip
