"""Fixtures of the simulated country, for the tests of the ports and of the sandbox itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from dojang.config.postgres import ADMIN
from dojang.sandbox.clock import SandboxClock
from dojang.sandbox.world import SandboxWorldParts, assemble, build_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dojang.config.postgres import PrivatePostgres

_DATABASE = "dojang_country"


@pytest.fixture(scope="session")
def country_address(pg: PrivatePostgres) -> str:
    """Return the address of an empty database for the country alone: it needs none of Dojang's tables."""
    with psycopg.connect(pg.url(role=ADMIN, database="postgres"), autocommit=True) as link:
        link.execute(f"DROP DATABASE IF EXISTS {_DATABASE} WITH (FORCE)")
        link.execute(f"CREATE DATABASE {_DATABASE} OWNER dojang")
    return pg.url(database=_DATABASE)


@pytest.fixture(scope="session")
def _standing_country(
    country_address: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SandboxWorldParts]:
    parts = build_sandbox(country_address, tmp_path_factory.mktemp("country") / "clock")
    yield parts
    parts.close()


@pytest.fixture
def country(_standing_country: SandboxWorldParts, tmp_path: Path) -> SandboxWorldParts:
    """Return the country freshly cast, with a clock of the test's own."""
    parts = assemble(_standing_country.store, SandboxClock(tmp_path / "clock"))
    parts.recast()
    return parts
