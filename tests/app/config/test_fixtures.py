"""The fixtures of this suite do what they promise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dojang.ca.models import Authority
from dojang.config import wiring

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.centres import SignerProcess

    from dojang.ports.world import World


def test_world_comes_with_authorities_and_a_live_signer(world: World) -> None:
    """A World has the three authorities of the ceremony in the database and in the signer."""
    assert Authority.objects.count() == 3
    assert len(world.signer.keys()) == 4
    assert wiring.get_world() is world


def test_world_after_another_starts_from_the_same_state(world: World, run_jobs: Callable[[], int]) -> None:
    """What a former test did to the World is gone: no job waits, and the clock stands where it began."""
    assert run_jobs() == 0
    assert Authority.objects.count() == 3


def test_signer_killed_and_started_again_serves_the_same_world(
    world: World, signer_process: SignerProcess
) -> None:
    """After a kill and a new start the same World reaches the signer again."""
    before = world.signer.keys()
    signer_process.kill()
    signer_process.start()
    assert world.signer.keys() == before
