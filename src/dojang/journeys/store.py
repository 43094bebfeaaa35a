"""A `Progress` as JSON and back: what is sealed and stored.

Plain data only, so that a new version can read an old run.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dojang.journeys.model import Fact, Frame, Progress
from dojang.journeys.page import FieldError, Message

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT = 1


def dump_progress(progress: Progress) -> dict[str, Any]:
    """Return JSON values only (`json.dumps` takes it as it is)."""
    return {
        "format": FORMAT,
        "journey": progress.journey,
        "version": progress.version,
        "meanings": dict(progress.meanings),
        "frames": [_dump_frame(f) for f in progress.frames],
        "facts": {k: _dump_fact(f) for k, f in progress.facts.items()},
        "visits": dict(progress.visits),
        "typed": {k: dict(v) for k, v in progress.typed.items()},
        "finished": progress.finished,
        "stopped": asdict(progress.stopped) if progress.stopped is not None else None,
    }


def load_progress(data: Mapping[str, Any]) -> Progress:
    """Read what `dump_progress` wrote; `ValueError` on an unknown format."""
    if data.get("format") != FORMAT:
        raise ValueError(f"unknown progress format {data.get('format')!r}")
    return Progress(
        journey=data["journey"],
        version=data["version"],
        meanings=dict(data.get("meanings", {})),  # a run of the first release does not say
        frames=tuple(_load_frame(f) for f in data["frames"]),
        facts={k: _load_fact(f) for k, f in data["facts"].items()},
        visits=dict(data["visits"]),
        typed={k: dict(v) for k, v in data["typed"].items()},
        finished=data["finished"],
        stopped=_load_error(data["stopped"]) if data["stopped"] is not None else None,
    )


def _dump_frame(frame: Frame) -> dict[str, Any]:
    return {
        "journey": frame.journey,
        "step": frame.step,
        "passed": list(frame.passed),
        "scratch": None if frame.scratch is None else dict(frame.scratch),
        "visit": frame.visit,
        "attempt": frame.attempt,
        "errors": [asdict(e) for e in frame.errors],
        "messages": [asdict(m) for m in frame.messages],
        "locked": [asdict(e) for e in frame.locked],
    }


def _load_frame(data: Mapping[str, Any]) -> Frame:
    return Frame(
        journey=data["journey"],
        step=data["step"],
        passed=tuple(data["passed"]),
        scratch=data["scratch"],
        visit=data["visit"],
        attempt=data["attempt"],
        errors=tuple(_load_error(e) for e in data["errors"]),
        messages=tuple(Message(**m) for m in data["messages"]),
        locked=tuple(_load_error(e) for e in data["locked"]),
    )


def _load_error(data: Mapping[str, Any]) -> FieldError:
    return FieldError(data["code"], Message(**data["message"]), data["field"])


def _dump_fact(fact: Fact) -> dict[str, Any]:
    return {
        "name": fact.name,
        "at": fact.at.isoformat(),
        "by": fact.by,
        "customer": fact.customer,
        "run": fact.run,
        "purpose": fact.purpose,
        "step": fact.step,
        "expires": fact.expires.isoformat(),
        "values": dict(fact.values),
        "used": fact.used,
    }


def _load_fact(data: Mapping[str, Any]) -> Fact:
    moments = {k: datetime.fromisoformat(data[k]) for k in ("at", "expires")}
    return Fact(**{**data, **moments})
