"""What may be done with a run, in one place to import from: start, open its page, act, take elsewhere."""

from __future__ import annotations

from dojang.ra.actions.handoff import HandoffOffer, accept_handoff, forget_handoffs, offer_handoff
from dojang.ra.actions.holding import hold_everything
from dojang.ra.actions.steps import dispatch_step
from dojang.ra.actions.upkeep import discard_keys, expire_runs
from dojang.ra.actions.walking import (
    Started,
    act,
    find_journey,
    open_page,
    session_of,
    start_run,
    turn_of,
    unlock_factor,
)

__all__ = [
    "HandoffOffer",
    "Started",
    "accept_handoff",
    "act",
    "discard_keys",
    "dispatch_step",
    "expire_runs",
    "find_journey",
    "forget_handoffs",
    "hold_everything",
    "offer_handoff",
    "open_page",
    "session_of",
    "start_run",
    "turn_of",
    "unlock_factor",
]
