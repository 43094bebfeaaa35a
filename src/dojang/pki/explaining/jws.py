"""JSON Web Signatures in compact form, whose header carries the certificates (RFC 7515 §4.1.6)."""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import replace
from typing import Any, Final

from dojang.pki import der
from dojang.pki.certificate import read_certificate
from dojang.pki.errors import DojangError, VerificationError
from dojang.pki.explaining.model import Explanation, Inquiry, refused
from dojang.pki.explaining.signed import explain_certificate
from dojang.pki.signing import verify_signature

_COMPACT: Final = re.compile(rb"\s*[A-Za-z0-9_-]{2,}\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+\s*")
#: Algorithms with a key of a certificate (RFC 7518 §3.1). None, and shared keys, are no signatures.
_ALGORITHMS: Final = {
    "ES256": "ecdsa-sha256",
    "ES384": "ecdsa-sha384",
    "ES512": "ecdsa-sha512",
    "RS256": "rsa-sha256",
    "RS384": "rsa-sha384",
    "RS512": "rsa-sha512",
    "PS256": "rsa-pss-sha256",
    "PS384": "rsa-pss-sha384",
    "PS512": "rsa-pss-sha512",
}
_MAX_CERTIFICATES: Final = 16


def looks_like_jws(data: bytes) -> bool:
    """Whether a file is a JWS in compact form."""
    return data.lstrip()[:2] == b"ey" and _COMPACT.fullmatch(data) is not None


def explain_jws(data: bytes, asked: Inquiry) -> Explanation:
    """Explain a JWS by the certificates in its header."""
    head, payload, mark = data.strip().split(b".")
    try:
        header, chain = _read_header(head)
        name = _ALGORITHMS.get(str(header.get("alg")))
        if name is None or "crit" in header:
            raise _bad("an algorithm that is no signature by a certificate, or a critical header")
        facts = read_certificate(chain[0]).facts
        signature = _unpack(mark)
        if name.startswith("ecdsa"):
            signature = _as_der(signature)
        verify_signature(facts.spki, name, head + b"." + payload, signature)
        text = _unpack(payload).decode("utf-8", errors="replace")
    except DojangError as error:
        return refused("jws", error)
    trust = replace(asked.trust, intermediates=(*asked.trust.intermediates, *chain[1:]))
    found = explain_certificate(chain[0], replace(asked, trust=trust))
    return replace(found, kind="jws", text=text[:2000], encoding="UTF-8")


def _bad(detail: str) -> VerificationError:
    return VerificationError(detail, why="header")


def _unpack(text: bytes) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raise _bad("not base64url") from None


def _read_header(head: bytes) -> tuple[dict[str, Any], tuple[bytes, ...]]:
    try:
        header = json.loads(_unpack(head))
        listed = header["x5c"]
        chain = tuple(base64.b64decode(one, validate=True) for one in listed[:_MAX_CERTIFICATES])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _bad("no header with certificates") from None
    if not isinstance(listed, list) or not chain:
        raise _bad("no header with certificates")
    return header, chain


def _as_der(signature: bytes) -> bytes:
    """ECDSA signature as X.509 writes it, from the two numbers side by side (RFC 7518 §3.4)."""
    half = len(signature) // 2
    numbers = (int.from_bytes(part, "big") for part in (signature[:half], signature[half:]))
    return der.sequence(*map(der.integer, numbers))
