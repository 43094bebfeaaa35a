"""The text of an audit event: canonical, so that its hash means one thing everywhere it is written."""

from __future__ import annotations

import json
from datetime import UTC
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from dojang.ports.acting import Acting


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
