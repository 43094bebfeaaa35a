"""Fixtures of the authority's tests."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.app.ca.faults import FaultySigner
from tests.centres import SignerProcess

from dojang.config.home import Home

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.app.ca.centre import Centre

    from dojang.ports.world import World


@pytest.fixture
def signer_process(authorities: Path) -> Iterator[SignerProcess]:
    """Return a signing process nobody else has used: its journal tells of this test alone."""
    place = Path(tempfile.mkdtemp(prefix="dojang-signer-")) / "home"
    shutil.copytree(authorities, place, ignore=shutil.ignore_patterns("*.sock", "lock"))
    signer = SignerProcess(Home(place), authorities=3)
    signer.start()
    yield signer
    signer.stop()
    shutil.rmtree(place.parent, ignore_errors=True)


@pytest.fixture
def centre(world: World, signer_process: SignerProcess) -> Centre:
    """Return a centre of this test's own, its authorities made; commits are real, the signer can fail."""
    from tests.app.ca.centre import Centre

    signer = FaultySigner(world.signer)
    return Centre(replace(world, signer=signer), signer, signer_process)
