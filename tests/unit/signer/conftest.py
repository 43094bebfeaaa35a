"""Signers for the tests of this folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.unit.signer.processes import Bodies, SignerProcess, hold_ceremony, signer_process

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def running() -> Iterator[SignerProcess]:
    """Return a signer of the test's own, empty."""
    with signer_process() as process:
        yield process


@pytest.fixture
def bodies(running: SignerProcess) -> Bodies:
    """Return bodies to sign, after a ceremony in `running`."""
    return hold_ceremony(running.client)
