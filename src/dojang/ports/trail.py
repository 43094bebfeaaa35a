"""The text of an audit event: canonical, so that its hash means one thing everywhere it is written."""

from __future__ import annotations

import json
import re
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

from dojang.pki.errors import MalformedError

if TYPE_CHECKING:
    from datetime import datetime

    from dojang.ports.acting import Acting


#: A chain's head as it is anchored: how many events, and the hash of the last.
_HEAD: Final = re.compile(r"(0|[1-9][0-9]{0,18}):([0-9a-f]{64})")
_CHAIN: Final = re.compile(r"0|[1-9][0-9]{0,4}")
_MOST: Final = (1 << 63) - 1
_LAST_CHAIN: Final = (1 << 15) - 1


def head_text(count: int, value: bytes) -> str:
    """Write a head. Raises `MalformedError` for what can be none."""
    text = f"{count}:{value.hex()}"
    read_head(text)
    return text


def read_head(text: str) -> tuple[int, bytes]:
    """Read a head: number of events, and hash. Raises `MalformedError` unless it is exactly that."""
    found = _HEAD.fullmatch(text)
    if found is None or int(found[1]) > _MOST:
        raise MalformedError("not the head of a chain")
    return int(found[1]), bytes.fromhex(found[2])


def read_chain(text: str) -> int:
    """Read the number of a chain as an anchor's key. Raises `MalformedError`."""
    if _CHAIN.fullmatch(text) is None or int(text) > _LAST_CHAIN:
        raise MalformedError("not the number of a chain")
    return int(text)


def moment_text(at: datetime) -> str:
    """Write a moment as fixed-width UTC text (``2026-01-31T09:00:00.000000Z``): text order is time order."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def event_body(event_type: str, *, acting: Acting, subject: str, at: datetime, data: dict[str, Any]) -> str:
    """Compose the JSON text that is hashed: sorted keys, no spaces, non-ASCII left as it is.

    Raises TypeError or ValueError for what JSON cannot say.
    """
    who = {"kind": acting.kind, "id": acting.id, "session": acting.session, "source": acting.source}
    body = {
        "acting": {**who, "channel": acting.channel},
        "at": moment_text(at),
        "data": data,
        "subject": subject,
        "type": event_type,
    }
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
