"""What the app's page and its worker send about messages to a device."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from tests.journeys.app.device import AppWalk
from tests.push_services import LoopbackService, PushedBrowser, base64url, push_service, reaching

from dojang.config import wiring
from dojang.edge.visitor import DEVICE_COOKIE
from dojang.wallet.devices.actions.pushing import push_subscription
from dojang.wallet.devices.models import Device

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)
PAGE, PUT, RENEW = "/app/menu/messages/", "/app/push/", "/app/push/renew/"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[LoopbackService]:
    """Run a push service."""
    with push_service(tmp_path) as made:
        yield made


@pytest.fixture
def phone(world: World, service: LoopbackService) -> Iterator[Client]:
    """Return the browser of Hong's telephone, which holds a bank certificate."""
    outside = reaching(world, service)
    former = wiring.set_world(outside)
    walk = AppWalk(outside)
    walk.finish()
    client = Client(enforce_csrf_checks=True)
    client.cookies[DEVICE_COOKIE] = walk.phone.device_id
    yield client
    wiring.set_world(former)


def put(client: Client, **fields: str) -> tuple[int, dict[str, Any]]:
    """Send what the page's script sends, with the form token of the page."""
    token = client.get(PAGE).context["csrf_token"]
    answer = client.post(PUT, {**fields, "csrfmiddlewaretoken": str(token)})
    return answer.status_code, answer.json()


def kept() -> str:
    """Return the address kept for the one device."""
    return str((push_subscription(Device.objects.get()) or {}).get("endpoint", ""))


def test_messages_are_turned_on_and_off_from_the_page(phone: Client, service: LoopbackService) -> None:
    """The page knows the key and how things stand; on and off are one request each, with a form token."""
    browser = PushedBrowser(service)
    first = phone.get(PAGE)
    assert first.context["push_state"] == "off"
    point = wiring.get_world().push_service
    assert point is not None
    assert first.context["push_key"] == base64url(point.public_key)
    assert phone.post(PUT, {"subscription": json.dumps(browser.subscription)}).status_code == 403
    assert kept() == ""
    assert put(phone, subscription=json.dumps(browser.subscription)) == (200, {"on": True})
    assert kept() == browser.endpoint
    assert phone.get(PAGE).context["push_state"] == "on"
    assert browser.path not in phone.get(PAGE).content.decode()
    assert put(phone, off="1") == (200, {"on": False})
    assert (kept(), phone.get(PAGE).context["push_state"]) == ("", "off")


def test_what_cannot_be_kept_is_said_by_code(phone: Client, service: LoopbackService) -> None:
    """No subscription, another service, and a device nobody registered; nothing is kept."""
    browser = PushedBrowser(service)
    elsewhere = {**browser.subscription, "endpoint": "https://push.example/x"}
    for bad in ("", "[]", "{", json.dumps(elsewhere)):
        status, told = put(phone, subscription=bad)
        assert (status, told["code"]) == (422, "subscription_refused")
    del phone.cookies[DEVICE_COOKIE]
    assert phone.get(PAGE).context["push_state"] == "unregistered"
    status, told = put(phone, subscription=json.dumps(browser.subscription))
    assert (status, told["code"]) == (409, "device_unknown")
    assert put(phone, off="1") == (200, {"on": False})
    assert kept() == ""


def test_the_worker_renews_with_the_address_before(phone: Client, service: LoopbackService) -> None:
    """No form token is needed, but the ended address; a guess changes nothing."""
    old, new = PushedBrowser(service), PushedBrowser(service)
    put(phone, subscription=json.dumps(old.subscription))
    fields = {"subscription": json.dumps(new.subscription)}
    assert phone.post(RENEW, {**fields, "previous": new.endpoint}).status_code == 409
    assert phone.post(RENEW, {"subscription": "{}", "previous": old.endpoint}).status_code == 422
    assert kept() == old.endpoint
    assert phone.post(RENEW, {**fields, "previous": old.endpoint}).json() == {"on": True}
    assert kept() == new.endpoint
