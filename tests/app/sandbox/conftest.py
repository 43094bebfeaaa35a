"""A Django client whose World is the simulated country."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest
from django.test import Client
from tests.countries import (  # noqa: F401 - fixtures are found by being imported
    _standing_country,
    country,
    country_address,
)

from dojang.config import wiring
from dojang.ports.policy import Policy
from dojang.ports.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dojang.ports.signer import Signer
    from dojang.sandbox.world import SandboxWorldParts


@pytest.fixture
def client(country: SandboxWorldParts) -> Iterator[Client]:  # noqa: F811 - the fixture of that name
    """Return a client of the country's pages and JSON. No signer: nothing here may need one."""
    world = World(
        signer=cast("Signer", None),
        corebank=country.corebank,
        telephony=country.telephony,
        sms=country.sms,
        mail=country.mail,
        push=country.push,
        clock=country.clock,
        policy=Policy(),
    )
    former = wiring.set_world(world)
    yield Client(enforce_csrf_checks=True)
    wiring.set_world(former)
