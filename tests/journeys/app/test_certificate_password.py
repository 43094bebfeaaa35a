"""The configurable factor of the app: the password of the joint certificate one has, proven on its device."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from tests.journeys.app.device import AppWalk, Telephone, b64, fresh_key
from tests.journeys.app.walker import with_policy

from dojang.config import wiring
from dojang.guard.models import FactorCounter

if TYPE_CHECKING:
    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)
STEP = "certificate_password"


def owner(world: World) -> tuple[World, Telephone]:
    """Give Hong a joint and a bank certificate on one telephone, at a bank that wants the password."""
    phone = Telephone()
    for journey in ("joint-app-issue", "bank-app-issue"):
        assert AppWalk(world, journey=journey, phone=phone).finish().state == "done"
    return with_policy(world, products={"financial": {"app_certificate_password": True}}), phone


def signed(phone: Telephone, shown: dict[str, Any], key: Any = None) -> str:
    """Answer the page's challenge with a key, the joint certificate's unless told."""
    content = b"dojang certificate check\0" + base64.b64decode(shown["challenge"])
    return b64(phone.sign(content, key or phone.keys["joint"]))


def test_with_the_policy_the_journey_asks_for_it_and_passes(world: World) -> None:
    """Wrong keys and old challenges are counted; the right signature passes; else there is no such step."""
    wanted, phone = owner(world)
    walk = AppWalk(wanted, journey="financial-app-issue", phone=phone).walk_to(STEP)
    shown = walk.shown("certificate_sign")
    for attempt, answer in enumerate(
        (signed(phone, shown, fresh_key("rsa-2048")), signed(phone, shown)), start=1
    ):
        walk.submit(serial=shown["serial"], signature=answer)
        assert (walk.page.step, walk.codes) == (STEP, ["signature_wrong"])
        assert FactorCounter.objects.get(factor=STEP).errors == attempt
    fresh = walk.shown("certificate_sign")
    assert fresh["challenge"] != shown["challenge"]
    walk.submit(serial=fresh["serial"], signature=signed(phone, fresh))
    assert walk.page.step not in {STEP, ""}
    assert FactorCounter.objects.get(factor=STEP).errors == 0
    while walk.page.step != "factor":
        walk.step()
    walk.submit(factor="bank_certificate")
    while walk.page.state == "open":
        walk.step()
    assert walk.page.state == "done"
    plain = AppWalk(world, "lee", journey="financial-app-issue").walk_to("account_password")
    assert plain.step().step != STEP


def test_it_is_passed_by_json(world: World) -> None:
    """The same step over the interface: what the page shows is enough to answer it."""
    wanted, phone = owner(world)
    walk = AppWalk(wanted, journey="financial-app-issue", phone=phone).walk_to(STEP)
    wiring.set_world(wanted)  # the fixture puts the one before back
    client = Client(headers={"Authorization": f"Bearer {walk.started.token}", "Accept-Language": "en"})
    place = f"/api/v1/runs/{walk.run}"
    page = client.get(place).json()
    shown = next(show["data"] for show in page["show"] if show["kind"] == "certificate_sign")
    data = {"serial": shown["serial"], "signature": signed(phone, shown)}
    answer = client.post(
        f"{place}/steps/{STEP}",
        json.dumps({"revision": page["revision"], "data": data}),
        content_type="application/json",
    )
    assert answer.status_code == 200, answer.content
    assert answer.json()["step"] not in {STEP, ""}
    assert answer.json()["errors"] == []
