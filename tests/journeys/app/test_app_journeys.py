"""Every journey of the app from its first page to its certificate, on a telephone that keeps its own keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.journeys.app.device import AppWalk, Telephone
from tests.journeys.app.walker import Walk, with_policy

from dojang.ca.models import Certificate
from dojang.ca.queries import active_certificate
from dojang.notices.models import Notice
from dojang.products import JOURNEYS
from dojang.wallet.devices.models import DeviceKey
from dojang.wallet.keys.models import WalletKey

if TYPE_CHECKING:
    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)
DEVICE = sorted(journey.id for journey in JOURNEYS.values() if journey.product.on_device)


@pytest.mark.parametrize("handle", ["hong", "lee", "smith", "kim"])
@pytest.mark.parametrize("journey", DEVICE)
def test_a_certificate_on_the_telephone(world: World, journey: str, handle: str) -> None:
    """Ordinary, with a token, a foreigner, with a number changed yesterday: each ends with a certificate."""
    product = JOURNEYS[journey].product.id
    if journey.endswith("reissue"):
        AppWalk(world, handle, journey=f"{product}-app-issue").finish()
    walk = AppWalk(world, handle, journey=journey, phone=Telephone())
    walk.finish()
    assert walk.outwait().state == "done"
    held = active_certificate(walk.person.id, product)
    assert held is not None
    assert walk.page.result is not None
    assert walk.page.result["serial"] == held.serial
    assert walk.phone.certificates[product] == held.der
    assert DeviceKey.objects.get(state="live").certificate_id == held.id


@pytest.mark.parametrize("order", ["account_first", "printed"])
@pytest.mark.parametrize("factor", ["security_card", "bank_certificate"])
def test_a_financial_certificate_in_the_app(world: World, order: str, factor: str) -> None:
    """With the card, or with the pattern drawn in place; in either order of account and password."""
    chosen = with_policy(world, products={"financial": {"app_account_order": order}})
    phone = Telephone()
    if factor == "bank_certificate":
        AppWalk(chosen, phone=phone).finish()
    walk = AppWalk(chosen, journey="financial-app-issue", phone=phone)
    walk.walk_to("factor")
    walk.submit(factor=factor)
    assert walk.page.step == factor
    walk.walk_to("confirm")
    assert walk.submit().state == "done"
    assert active_certificate(walk.person.id, "financial") is not None
    assert WalletKey.objects.get().state == "live"


def test_the_pattern_drawn_wrongly_five_times_locks(world: World) -> None:
    """The factor is locked, another one may be chosen, and nothing is issued by the pattern."""
    phone = Telephone()
    AppWalk(world, phone=phone).finish()
    walk = AppWalk(world, journey="financial-app-issue", phone=phone)
    walk.walk_to("factor")
    walk.submit(factor="bank_certificate")
    phone.drawn = (9, 8, 7, 4)
    for _ in range(5):
        walk.step()
    assert walk.page.state == "locked"
    assert DeviceKey.objects.get().state == "locked"
    assert Certificate.objects.filter(product="financial").count() == 0
    walk.do("back")
    walk.submit(factor="security_card")
    walk.walk_to("confirm")
    assert walk.submit().state == "done"


@pytest.mark.parametrize("order", ["consent_first", "printed"])
def test_a_joint_reissue_in_either_order(world: World, order: str) -> None:
    """Consent before the identity number, or as the bank's old leaflet printed it."""
    chosen = with_policy(world, products={"joint": {"reissue_order": order}})
    AppWalk(chosen, journey="joint-app-issue").finish()
    walk = AppWalk(chosen, journey="joint-app-reissue", phone=Telephone())
    walk.finish()
    assert walk.outwait().state == "done"
    states = Certificate.objects.filter(product="joint").order_by("id").values_list("state", flat=True)
    assert list(states) == ["revoked", "active"]


def test_three_certificates_live_side_by_side(world: World) -> None:
    """One of each product for one person; each re-issue touches its own alone."""
    Walk(world).finish()
    phone = Telephone()
    for product in ("joint", "bank"):
        AppWalk(world, journey=f"{product}-app-issue", phone=phone).finish()
    AppWalk(world, journey="joint-app-reissue", phone=phone).finish()
    rows = Certificate.objects.exclude(product="authority").order_by("id")
    assert [(row.product, row.state) for row in rows] == [
        ("financial", "active"),
        ("joint", "revoked"),
        ("bank", "active"),
        ("joint", "active"),
    ]


def test_an_edited_address_is_told_and_kept(world: World) -> None:
    """In the app address and e-mail may be corrected: the bank learns them, the channels before are told."""
    walk = AppWalk(world, journey="financial-app-issue")
    walk.walk_to("details")
    walk.submit(
        **{**walk.answers("details"), "address": "서울특별시 종로구 새길 12, 3층", "email": "new@example.com"}
    )
    walk.walk_to("confirm")
    assert walk.submit().state == "done"
    customer = world.corebank.customer(walk.person.id)
    assert (customer.address, customer.email) == ("서울특별시 종로구 새길 12, 3층", "new@example.com")
    assert Notice.objects.filter(message_id="address_changed", channel="sms").count() >= 1
    assert Notice.objects.filter(message_id="contact_changed", channel="mail").count() == 2
