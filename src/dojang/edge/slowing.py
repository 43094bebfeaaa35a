"""How a visitor is told that he is slowed: the seconds, and the work that spares him the waiting.

One form at every door: ``Retry-After``, a sentence with the seconds, and a challenge. A page's script finds
the proof and leaves it in a cookie; an API client finds it himself and sends it as ``X-Dojang-Work``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dojang.edge.visitor import acting_of, world_of
from dojang.guard import budgets
from dojang.guard.brakes import brake_on

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest, HttpResponse

    from dojang.journeys.page import Page
    from dojang.pki.errors import DojangError

#: What a page's error is called when its visitor is slowed.
SLOWED: Final = "too_many_errors"


def asked_now(request: HttpRequest) -> dict[str, Any] | None:
    """Return what would be asked of this visitor now: challenge, bits, wait. None: nothing."""
    world, acting = world_of(request), acting_of(request)
    bounded = budgets.wrong_entries(world.policy, acting)
    brake = brake_on(bounded, acting=acting, now=world.clock.now())
    return None if brake is None else brake.told


def asked_by(request: HttpRequest, refused: Page | DojangError) -> dict[str, Any] | None:
    """Return what a refusal asks of this visitor before the next try. None: it does not slow."""
    data: Mapping[str, Any] | None = getattr(refused, "data", None)
    if data is not None:
        return {name: data[name] for name in ("challenge", "bits", "wait")} if "challenge" in data else None
    errors = getattr(refused, "errors", ())
    return asked_now(request) if any(error.code == SLOWED for error in errors) else None


def tell_wait(response: HttpResponse, asked: Mapping[str, Any] | None) -> None:
    """Say when it is worth trying again (RFC 9110 section 10.2.3)."""
    if asked is not None:
        response["Retry-After"] = str(asked["wait"])
