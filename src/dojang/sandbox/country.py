"""The country behind a request: found through the World the request carries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dojang.pki.errors import DojangError
from dojang.sandbox.clock import SandboxClock
from dojang.sandbox.corebank import SandboxCoreBank
from dojang.sandbox.world import SandboxWorldParts, assemble

if TYPE_CHECKING:
    from django.http import HttpRequest

    from dojang.ports.world import World


class SandboxOffError(DojangError):
    """This World's outside is not the simulated country."""

    code = "sandbox_off"


def country_of(request: HttpRequest) -> SandboxWorldParts:
    """Return the country this request's World is made of. Raises `SandboxOffError` when it is another."""
    world = world_of(request)
    if isinstance(world.corebank, SandboxCoreBank) and isinstance(world.clock, SandboxClock):
        return assemble(world.corebank.store, world.clock)
    raise SandboxOffError


def world_of(request: HttpRequest) -> World:
    """Return the World attached at the door."""
    world: World = request.world  # type: ignore[attr-defined]
    return world
