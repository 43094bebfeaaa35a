"""The whole journey of the financial certificate on the web, step by step through the registration authority."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dojang.ca.queries import certificates_of
from tests.journeys.app.walker import Walk

if TYPE_CHECKING:
    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_eighteen_steps_lead_to_one_active_certificate(world: World) -> None:
    """An ordinary customer walks every step and holds exactly one active certificate afterwards."""
    walk = Walk(world)
    steps = []
    while walk.page.state == "open":
        steps.append(walk.page.step)
        walk.step()
    assert steps == [
        "terms",
        "identify",
        "ars",
        "account",
        "factor",
        "security_card",
        "contact",
        "person",
        "sms_reply",
        "pin",
        "confirm",
    ]
    assert walk.page.state == "done", walk.codes
    held = certificates_of(walk.person.id)
    assert [(view.state, view.product) for view in held] == [("active", "financial")]
    assert walk.page.result is not None
    assert walk.page.result["serial"] == held[0].serial
