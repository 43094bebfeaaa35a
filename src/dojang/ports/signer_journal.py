"""How the signer's journal is chained, so that anybody who reads it can check it.

An entry's hash is SHA-256(previous hash ‖ ``seq|at|verb|body``): `at` in ISO 8601 with microseconds, `body`
as JSON with sorted keys and no spaces. The hash before the first entry is 32 zero bytes.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dojang.ports.signer import JournalEntry

GENESIS: Final = bytes(32)


def body_text(body: Mapping[str, Any]) -> str:
    """Return the one JSON text of an entry's body."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def entry_hash(previous: bytes, seq: int, at: str, verb: str, body: str) -> bytes:
    """Return the hash of one entry whose body has this text."""
    return hashlib.sha256(previous + f"{seq}|{at}|{verb}|{body}".encode()).digest()


def broken_entries(
    entries: Iterable[JournalEntry], *, after: int = 0, previous: bytes = GENESIS
) -> tuple[int, ...]:
    """Return the numbers of entries that do not follow from the one before; empty when the chain holds.

    `after` and `previous` are number and hash of the entry before the first one given.
    """
    broken = []
    for entry in entries:
        at = entry.at.isoformat(timespec="microseconds")
        if entry.seq != after + 1 or entry.hash != entry_hash(
            previous, entry.seq, at, entry.verb, body_text(entry.body)
        ):
            broken.append(entry.seq)
        after, previous = entry.seq, entry.hash
    return tuple(broken)
