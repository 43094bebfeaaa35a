"""Certificates whose key is on the customer's device: delivered, stored, active; never none, never two."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from tests.journeys.app.device import AppWalk, R, Telephone, b64, fresh_key, prove
from tests.journeys.app.walker import with_parts, with_policy

from dojang.ca.models import Certificate
from dojang.ca.queries import active_certificate
from dojang.issuing.actions import reconcile
from dojang.issuing.models import Order
from dojang.notices.models import Notice
from dojang.pki.npki.vid import compute_vid, parse_identify_data
from dojang.ports.acting import Acting
from dojang.ra.actions.upkeep import discard_keys
from dojang.ra.models import Run
from dojang.sandbox.cast import BY_HANDLE
from dojang.wallet.devices.models import Device, DeviceKey
from dojang.wallet.devices.queries import devices_of
from dojang.wallet.queries import where_registered

if TYPE_CHECKING:
    from datetime import datetime

    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)
HONG = BY_HANDLE["hong"]
SYSTEM = Acting(kind="system", id="reconcile", channel="job")
BOTH = pytest.mark.parametrize("product", ["bank", "joint"])


def states(product: str) -> list[str]:
    """States of Hong's certificates of a product, oldest first."""
    rows = Certificate.objects.filter(customer_id=HONG.id, product=product).order_by("id")
    return list(rows.values_list("state", flat=True))


@BOTH
def test_a_certificate_is_active_once_its_device_has_stored_it(world: World, product: str) -> None:
    """While it is delivered nothing is active; the signature by the new key makes it so, and all are told."""
    walk = AppWalk(world, journey=f"{product}-app-issue")
    walk.deliver()
    shown = walk.shown("deliver")
    assert states(product) == ["issued"]
    assert [action.name for action in walk.page.actions if action.primary] == ["stored"]
    assert walk.page.wait is not None
    assert walk.page.wait.kind == "delivery"
    page = walk.do("stored", signature=walk.phone.store(shown), label="Hong's phone", platform="Android")
    assert page.state == "done"
    assert states(product) == ["active"]
    leaf = x509.load_der_x509_certificate(walk.phone.certificates[product])
    issuer = x509.load_der_x509_certificate(base64.b64decode(shown["chain"][0]))
    leaf.verify_directly_issued_by(issuer)
    assert leaf.public_key() == walk.phone.keys[product].public_key()
    assert Notice.objects.filter(customer_id=HONG.id, message_id="certificate_issued").count() > 1
    (device,) = devices_of(HONG.id)
    assert (device.label, device.platform, device.state) == ("Hong's phone", "Android", "live")
    assert device.products == (product,)


def test_the_joint_certificate_carries_the_vid_of_the_devices_r(world: World) -> None:
    """The VID is made from the identification number and the R that only device and signer know."""
    walk = AppWalk(world, journey="joint-app-issue")
    walk.finish()
    identify = parse_identify_data(walk.phone.certificates["joint"])
    assert identify.vid == compute_vid(HONG.rrn, R)
    assert identify.real_name == HONG.name


@BOTH
def test_a_reissue_ends_the_old_one_in_the_same_moment(world: World, product: str) -> None:
    """Until the second telephone has stored it, the first one's certificate lives; then exactly one does."""
    first = AppWalk(world, journey=f"{product}-app-issue")
    first.finish()
    old = active_certificate(HONG.id, product)
    second = AppWalk(world, journey=f"{product}-app-reissue", phone=Telephone())
    second.deliver()
    assert states(product) == ["active", "issued"]
    second.do("stored", signature=second.phone.store(second.shown("deliver")))
    second.outwait()
    assert states(product) == ["revoked", "active"]
    new = active_certificate(HONG.id, product)
    assert old is not None
    assert new is not None
    assert new.not_after == old.not_after
    place = where_registered(new.id)
    assert place is not None
    assert place.device is not None
    assert (place.kind, place.device.device_id) == ("device", second.phone.device_id)
    assert sorted(DeviceKey.objects.values_list("state", flat=True)) == ["live", "retired"]


@BOTH
def test_a_failed_store_takes_the_new_one_back(world: World, product: str) -> None:
    """What the device could not store is revoked; the old certificate was never touched."""
    AppWalk(world, journey=f"{product}-app-issue").finish()
    walk = AppWalk(world, journey=f"{product}-app-reissue", phone=Telephone())
    walk.deliver()
    page = walk.do("storage_failed")
    assert (page.state, walk.codes) == ("failed", ["storage_failed"])
    assert states(product) == ["active", "revoked"]
    assert sorted(DeviceKey.objects.values_list("state", flat=True)) == ["live", "retired"]
    assert walk.do("stored", signature=walk.phone.stored_signature({"challenge": b64(bytes(32))})).state == (
        "failed"
    )
    assert states(product) == ["active", "revoked"]


@pytest.mark.parametrize("by", ["page", "job"])
def test_a_store_that_comes_too_late_takes_the_new_one_back(world: World, by: str) -> None:
    """After the policy's time the new one is revoked, whoever looks first; then it is too late."""
    AppWalk(world).finish()
    walk = AppWalk(world, journey="bank-app-reissue", phone=Telephone())
    walk.deliver()
    shown = walk.shown("deliver")
    world.clock.advance(world.policy.issue.deliver_within + 1)  # type: ignore[attr-defined]
    if by == "job":
        assert reconcile(acting=SYSTEM, world=world).issuing == 1
    page = walk.do("stored", signature=walk.phone.stored_signature(shown))
    assert (page.state, walk.codes) == ("failed", ["delivery_timed_out"])
    assert states("bank") == ["active", "revoked"]


def test_the_job_leaves_a_device_its_time(world: World) -> None:
    """Within its time nothing is taken back, and storing still works afterwards."""
    walk = AppWalk(world)
    walk.deliver()
    world.clock.advance(world.policy.issue.deliver_within - 5)  # type: ignore[attr-defined]
    kept = reconcile(acting=SYSTEM, world=world)
    assert (kept.issuing, discard_keys(acting=SYSTEM, world=world)) == (0, 0)
    assert walk.do("stored", signature=walk.phone.store(walk.shown("deliver"))).state == "done"


@pytest.mark.parametrize("longer", ["delivery", "confirmation"])
def test_the_shorter_of_two_times_ends_a_delivery(world: World, longer: str) -> None:
    """A device has until the policy's time, and never longer than an unconfirmed certificate may live."""
    times = {"deliver_within": 900, "confirm_within": 600}
    if longer == "confirmation":
        times = {"deliver_within": 300, "confirm_within": 3000}
    policied = with_policy(world, issue=times)
    walk = AppWalk(policied)
    walk.deliver()
    order = Order.objects.get(id=walk.run)
    issued = Certificate.objects.get(intent__order_key=order.id).issued_at
    assert order.deliver_until is not None
    assert round((order.deliver_until - issued).total_seconds()) == min(times.values())
    if longer == "delivery":  # to the microsecond: an answer within it is never refused by the other bound
        assert order.deliver_until == issued + timedelta(seconds=times["confirm_within"])


@pytest.mark.parametrize(("late", "ended"), [(0, "done"), (1, "failed")], ids=["in-time", "late"])
def test_a_delivery_ends_at_its_deadline_and_not_before(world: World, late: int, ended: str) -> None:
    """At the deadline itself the device is still heard, by page and job; a moment later it is not."""
    walk = AppWalk(world)
    walk.deliver()
    shown = walk.shown("deliver")
    until = Order.objects.get(id=walk.run).deliver_until
    assert until is not None
    still = with_parts(world, clock=Stopped(until + timedelta(microseconds=late)))
    assert reconcile(acting=SYSTEM, world=still).issuing == late
    walk.world = still
    # Reading the page ends an order whose time is over, and no other.
    assert walk.refresh().state == ("failed" if late else "delivering")
    assert walk.do("stored", signature=walk.phone.store(shown)).state == ended
    assert states("bank") == ["active" if ended == "done" else "revoked"]


class Stopped:
    """A clock that stands at one moment."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        """Return the moment."""
        return self.at


def test_only_the_new_key_can_say_stored(world: World) -> None:
    """Another key's signature, another content's and nonsense change nothing; the page says so."""
    walk = AppWalk(world)
    walk.deliver()
    shown = walk.shown("deliver")
    challenge = base64.b64decode(shown["challenge"])
    strangers = walk.phone.sign(b"dojang delivery\0" + challenge, fresh_key("ec-p256"))
    bare = walk.phone.sign(challenge, walk.phone.offered)
    for signature in (b64(strangers), b64(bare), "", "%%%", b64(bytes(64))):
        page = walk.do("stored", signature=signature)
        assert (page.state, walk.codes) == ("delivering", ["delivery_signature_wrong"])
    assert walk.do("stored").state == "delivering"
    assert states("bank") == ["issued"]
    assert Order.objects.get(id=walk.run).stored_at is None
    assert walk.do("stored", signature=walk.phone.store(shown)).state == "done"


def test_saying_stored_twice_is_once(world: World) -> None:
    """A repeat shows the last page; one certificate, one notice for each channel."""
    walk = AppWalk(world)
    walk.deliver()
    signature = walk.phone.store(walk.shown("deliver"))
    walk.do("stored", signature=signature)
    told = Notice.objects.count()
    assert walk.do("stored", signature=signature).state == "done"
    assert walk.do("storage_failed").state == "done"
    assert states("bank") == ["active"]
    assert Notice.objects.count() == told


def test_a_key_that_was_certified_is_not_certified_again(world: World) -> None:
    """The same key in another run, also of another person, is refused, and nothing is counted or kept."""
    walk = AppWalk(world)
    walk.finish()
    used = walk.phone.keys["bank"]
    thief = AppWalk(world, "han")
    thief.walk_to("device_key")
    thief.submit(csr=thief.phone.csr(used))
    assert thief.codes == ["device_key_used"]
    assert DeviceKey.objects.count() == 1
    thief.submit(csr=thief.phone.csr())
    assert thief.page.step == "confirm"


def test_going_back_and_offering_another_key_leaves_one(world: World) -> None:
    """The last key offered in a run is the one that is certified."""
    walk = AppWalk(world)
    walk.walk_to("confirm")
    walk.do("back")
    walk.finish()
    key = DeviceKey.objects.get()
    assert key.state == "live"
    assert prove(world, walk).ok


def test_one_run_delivers_at_a_time(world: World) -> None:
    """While a certificate is on its way, another run of the same person and product does not begin."""
    walk = AppWalk(world)
    walk.deliver()
    other = AppWalk(world, phone=Telephone())
    other.walk_to("id_card")
    other.step()
    assert other.codes == ["issuing_elsewhere"]
    assert walk.do("stored", signature=walk.phone.store(walk.shown("deliver"))).state == "done"


def test_an_app_that_was_closed_finds_its_delivery_again(world: World) -> None:
    """Opened again with the same token, the page carries the same certificate and challenge, and counts."""
    walk = AppWalk(world, journey="joint-app-issue")
    walk.deliver()
    before, revision = walk.shown("deliver"), walk.page.revision
    page = walk.refresh()
    assert (page.state, page.revision, walk.shown("deliver")) == ("delivering", revision, before)
    for action in ("cancel", "back", "submit", "side:find-id"):
        assert walk.do(action).state == "delivering"
    assert walk.do("stored", signature=walk.phone.store(before)).state == "done"


def test_the_pattern_leaves_the_run_for_the_device(world: World) -> None:
    """After the issue the proof key is sealed with the device key and stands in no run any more."""
    from dojang.ra.store import open_body

    walk = AppWalk(world)
    walk.finish()
    body = open_body(Run.objects.get(id=walk.run))
    assert "pattern" not in body.progress.facts
    key = DeviceKey.objects.get()
    assert walk.phone.proof_key() not in bytes(key.proof or b"")
    assert prove(world, walk).ok


def test_an_unstored_joint_certificate_never_helps_anybody(world: World) -> None:
    """A run walked to the delivery and left: no certificate, no device, and the place is free again."""
    walk = AppWalk(world, journey="joint-app-issue")
    walk.deliver()
    world.clock.advance(world.policy.issue.deliver_within + 1)  # type: ignore[attr-defined]
    reconcile(acting=SYSTEM, world=world)
    assert states("joint") == ["revoked"]
    assert Device.objects.count() == 0
    again = AppWalk(world, journey="joint-app-issue", phone=walk.phone)
    assert again.finish().state == "done"
