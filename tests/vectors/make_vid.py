"""Writes ``vid.toml``: VIDs computed with hashlib and hand-written DER, without any code of the product.

python tests/vectors/make_vid.py > tests/vectors/vid.toml
"""

from __future__ import annotations

import hashlib

PUBLISHED = ("published", "1234561234567", "79EA7568A2D3776604E18BCD3A1B1B85B7DA0872", "sha256")
CASES = [
    PUBLISHED,
    ("business-number", "1234567890", "00" * 20, "sha256"),
    ("long-random", "1234561234567", "A5" * 32, "sha256"),
    ("sha1-old-certificates", "1234561234567", PUBLISHED[2], "sha1"),
    ("sha384", "1234561234567", PUBLISHED[2], "sha384"),
    ("sha512", "1234561234567", PUBLISHED[2], "sha512"),
]

for name, idn, r, algorithm in CASES:
    random = bytes.fromhex(r)
    printable = b"\x13" + bytes([len(idn)]) + idn.encode()
    bits = b"\x03" + bytes([len(random) + 1, 0]) + random
    content = b"\x30" + bytes([len(printable) + len(bits)]) + printable + bits
    vid = hashlib.new(algorithm, hashlib.new(algorithm, content).digest()).hexdigest()
    if name == "published" and not vid.startswith("17692c8dd00ead33791de0a64a937c60"):
        message = "the published vector is not met"
        raise SystemExit(message)
    print(f'[[vid]]\nname = "{name}"\nidn = "{idn}"\nr = "{r}"\nhash = "{algorithm}"\nvid = "{vid}"\n')  # noqa: T201
