"""Errors of the registration authority. Those with a `page` carry the present page for the edge to show."""

from __future__ import annotations

from dojang.pki.errors import DojangError


class JourneyNotFoundError(DojangError):
    """No journey has this id."""

    code = "journey_not_found"


class RunNotFoundError(DojangError):
    """No run of this session has this id: absent and another's look alike."""

    code = "run_not_found"


class StaleRevisionError(DojangError):
    """The page that was answered is no longer the present one; `data["page"]` is."""

    code = "stale_revision"


class StepMismatchError(DojangError):
    """The answer names another step than the present one; `data["page"]` is the present page."""

    code = "step_mismatch"


class ActionUnknownError(DojangError):
    """The present page offers no such action; `data["page"]` is the present page."""

    code = "action_unknown"


class ServiceClosedError(DojangError):
    """Outside the bank's service hours (`data`: ``open``, ``close``, Korean time)."""

    code = "service_closed"


class RunMovedError(RunNotFoundError):
    """The run goes on on another device; told to nobody but the session it was moved away from."""

    code = "run_moved"


class TooManyStartsError(DojangError):
    """More runs were begun from this network source today than people behind one address would."""

    code = "too_many_requests"


class HandoffNotFoundError(DojangError):
    """No run waits under this number or link: wrong, used and late look alike."""

    code = "handoff_not_found"


class HandoffBlockedError(DojangError):
    """Too many wrong numbers from this network source today."""

    code = "handoff_blocked"


class HandoffRefusedError(DojangError):
    """The run cannot move.

    `data`: ``reason`` is ``over``, ``key`` (made on its device) or ``device`` (checked when it began).
    """

    code = "handoff_refused"
