"""A lost telephone: everything is held at once, everybody is told, only a re-issue or the branch opens."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest
from tests.counting import errors_of
from tests.journeys.app.device import AppWalk, Telephone, challenge, prove
from tests.journeys.app.walker import PIN, Walk

from dojang.audit.queries import verify_chains
from dojang.ca.models import Certificate
from dojang.issuing.actions import (
    end_long_holds,
    restore_certificate,
    restore_everything,
    suspend_certificate,
    suspend_left,
)
from dojang.issuing.models import Order
from dojang.notices.models import Notice
from dojang.ports.acting import Acting
from dojang.ra.actions.holding import hold_everything
from dojang.ra.models import Run
from dojang.sandbox.cast import BY_HANDLE
from dojang.wallet.devices.actions import hold_devices
from dojang.wallet.devices.models import Device, DeviceKey
from dojang.wallet.keys.actions import sign_with_pin
from dojang.wallet.keys.errors import WalletHeldError
from dojang.wallet.keys.models import WalletKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)
HONG = BY_HANDLE["hong"]
TELLER = Acting(kind="operator", id="teller-7", channel="branch")
DAY = 86_400


def holder(world: World) -> AppWalk:
    """Give Hong all three certificates; return the walk on the telephone."""
    Walk(world).finish()
    phone = Telephone()
    AppWalk(world, journey="joint-app-issue", phone=phone).finish()
    walk = AppWalk(world, phone=phone)
    walk.finish()
    return walk


def states() -> dict[str, str]:
    """State of Hong's newest certificate of each product."""
    rows = Certificate.objects.filter(customer_id=HONG.id).order_by("id")
    return dict(rows.values_list("product", "state"))


def hold(world: World) -> Any:
    """Hold everything of Hong's."""
    return hold_everything(HONG.id, acting=TELLER, world=world)


def sign(world: World) -> bytes:
    """Sign with Hong's financial certificate."""
    key = WalletKey.objects.get(customer_id=HONG.id, state="live")
    digest = hashlib.sha256(b"a transfer").digest()
    return sign_with_pin(
        customer_id=HONG.id, key_id=key.id, pin=PIN, digest=digest, purpose="t", acting=TELLER, world=world
    )


def test_everything_is_held_at_once_and_told(world: World, run_jobs: Callable[[], int]) -> None:
    """Three certificates and the telephone; a notice on every channel, the old phone's push too."""
    walk = holder(world)
    made = hold(world)
    assert (made.certificates, made.devices) == (3, 1)
    assert states() == {"financial": "held", "joint": "held", "bank": "held"}
    told = Notice.objects.filter(customer_id=HONG.id, message_id="everything_held")
    assert set(told.values_list("channel", flat=True)) == {"sms", "mail", "push"}
    run_jobs()
    push: Any = world.push
    assert "정지" in push.banners(HONG.id)[0].text
    assert challenge(world, walk) is None
    with pytest.raises(WalletHeldError):
        sign(world)
    assert errors_of(WalletKey.objects.get(customer_id=HONG.id)) == 0
    assert verify_chains().ok


def test_a_challenge_taken_before_is_of_no_use(world: World) -> None:
    """Who draws the right pattern a moment after the hold is refused, and no try is spent."""
    walk = holder(world)
    made = challenge(world, walk)
    assert made is not None
    hold(world)
    from dojang.wallet.devices.actions.patterns import verify_challenge

    proof = verify_challenge(made.id, **walk.phone.proofs(made.challenge), acting=TELLER, world=world)
    assert (proof.ok, proof.reason) == (False, "blocked")
    assert errors_of(DeviceKey.objects.get(product="bank")) == 0


def test_a_repeat_holds_nothing_and_tells_nobody(world: World) -> None:
    """Once is enough."""
    holder(world)
    hold(world)
    told = Notice.objects.count()
    made = hold(world)
    assert (made.certificates, made.devices) == (0, 0)
    assert Notice.objects.count() == told


def test_runs_under_way_are_stopped_and_deliveries_taken_back(world: World) -> None:
    """Nothing that was begun on the lost telephone comes to its end."""
    walk = AppWalk(world)
    walk.deliver()
    shown = walk.shown("deliver")
    other = Walk(world).walk_to("account")
    made = hold(world)
    assert made.runs == 1
    assert other.refresh().state == "cancelled"
    page = walk.do("stored", signature=walk.phone.stored_signature(shown))
    assert (page.state, walk.codes) == ("failed", ["everything_held"])
    assert states() == {"bank": "revoked"}
    assert not Run.objects.filter(state="open").exists()
    assert not Order.objects.filter(state__in=["placed", "delivering"]).exists()


def test_what_was_stored_and_not_yet_active_is_taken_back(world: World) -> None:
    """The process died behind the device's answer; the hold comes before the job that would go on."""
    walk = AppWalk(world)
    walk.deliver()
    Order.objects.filter(id=walk.run).update(stored_at=world.clock.now())
    hold(world)
    assert states() == {"bank": "revoked"}
    assert walk.refresh().state == "failed"
    assert Device.objects.count() == 0


def test_the_lost_telephone_cannot_begin_again(world: World) -> None:
    """The app on it is refused at the first step."""
    walk = holder(world)
    hold(world)
    again = AppWalk(world, journey="bank-app-reissue", phone=walk.phone)
    again.step()
    assert (again.page.state, again.codes) == ("failed", ["device_blocked"])


@pytest.mark.parametrize("product", ["bank", "joint"])
def test_a_reissue_on_another_telephone_is_the_way_out(world: World, product: str) -> None:
    """The held one is revoked as the new one becomes active, with the same end; the rest stays held."""
    holder(world)
    hold(world)
    before = Certificate.objects.get(product=product)
    walk = AppWalk(world, journey=f"{product}-app-reissue", phone=Telephone())
    assert walk.finish().state == "done"
    rows = Certificate.objects.filter(product=product).order_by("id")
    assert [row.state for row in rows] == ["revoked", "active"]
    assert rows[1].not_after == before.not_after
    assert states()["financial"] == "held"
    assert sorted(Device.objects.values_list("state", flat=True)) == ["held", "live"]


def test_the_branch_restores_everything(world: World) -> None:
    """Certificates, devices and the pattern work again, and the holder is told of each."""
    walk = holder(world)
    hold(world)
    back = restore_everything(HONG.id, acting=TELLER, world=world)
    assert (back.certificates, back.devices) == (3, 1)
    assert set(states().values()) == {"active"}
    assert prove(world, walk).ok
    assert sign(world)
    restored = Notice.objects.filter(message_id="certificate_restored", channel="mail")
    assert restored.count() == 3
    assert restore_everything(HONG.id, acting=TELLER, world=world).certificates == 0


def test_a_crash_between_devices_and_certificates_is_finished_by_the_job(
    world: World, run_jobs: Callable[[], int]
) -> None:
    """What was left active when the holder's process died is held by the job it left behind."""
    holder(world)
    from django.db import transaction

    from dojang.issuing.tasks import suspend_left as job

    with transaction.atomic():  # the first half of holding, as it stands after its commit
        hold_devices(HONG.id, acting=TELLER, world=world)
        job.defer(customer_id=HONG.id)
    assert set(states().values()) == {"active"}
    run_jobs()
    assert set(states().values()) == {"held"}
    assert suspend_left(HONG.id, acting=TELLER, world=world) == 0


def test_one_certificate_is_suspended_and_restored_with_notices(world: World) -> None:
    """The holder is told once of each change."""
    Walk(world).finish()
    row = Certificate.objects.get(customer_id=HONG.id)
    for _ in range(2):
        suspend_certificate(row.pk, acting=TELLER, world=world)
    for _ in range(2):
        restore_certificate(row.pk, acting=TELLER, world=world)
    mails = Notice.objects.filter(channel="mail").exclude(message_id="certificate_issued")
    assert list(mails.order_by("created_at").values_list("message_id", flat=True)) == [
        "certificate_suspended",
        "certificate_restored",
    ]


def test_six_months_on_hold_are_the_end(world: World) -> None:
    """The job revokes what nobody restored and retires its keys; nothing before its time."""
    holder(world)
    hold(world)
    world.clock.advance((world.policy.suspension.hold_days - 1) * DAY)  # type: ignore[attr-defined]
    world.signer.resume(reason="the clock was moved")
    assert end_long_holds(acting=TELLER, world=world) == 0
    world.clock.advance(2 * DAY)  # type: ignore[attr-defined]
    world.signer.resume(reason="the clock was moved")
    assert end_long_holds(acting=TELLER, world=world) == 3
    assert set(states().values()) == {"revoked"}
    assert set(DeviceKey.objects.values_list("state", flat=True)) == {"retired"}
    assert WalletKey.objects.get().state == "retired"
    assert end_long_holds(acting=TELLER, world=world) == 0
