"""Runs inside http-ece's own environment: opens messages as a browser would (RFC 8188, RFC 8291).

Uses nothing of the product. Question: ``private`` (the browser's key, PKCS #8 PEM), ``auth``, ``body`` (hex).
"""

from __future__ import annotations

import json
import sys

import http_ece
from cryptography.hazmat.primitives.serialization import load_pem_private_key

question = json.load(sys.stdin)
plain = http_ece.decrypt(
    bytes.fromhex(question["body"]),
    private_key=load_pem_private_key(question["private"].encode(), None),
    auth_secret=bytes.fromhex(question["auth"]),
    version="aes128gcm",
)
sys.stdout.write(json.dumps({"plain": plain.decode()}))
