"""Re-issue: never none, never two."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
from tests.journeys.app.device import AppWalk
from tests.journeys.app.walker import Walk, in_parallel, with_policy

from dojang.ca.models import Certificate
from dojang.ca.queries import active_certificate, certificates_of
from dojang.notices.models import Notice
from dojang.pki.day import local
from dojang.products import PRODUCTS
from dojang.wallet.keys.models import WalletKey

if TYPE_CHECKING:
    from dojang.ca.queries import CertificateView
    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)


def issued(world: World, handle: str = "hong") -> Walk:
    """Give somebody a first certificate."""
    walk = Walk(world, handle)
    assert walk.finish().state == "done"
    return walk


def test_a_reissue_revokes_the_old_one_and_keeps_its_end(world: World) -> None:
    """The old certificate ends as superseded in the moment the new one begins, and the end date stays."""
    first = issued(world)
    (old,) = certificates_of(first.person.id)
    walk = Walk(world, journey="financial-web-reissue", pin="840271")
    page = walk.finish()
    assert page.state == "done"
    new, was = certificates_of(first.person.id)
    assert (new.state, was.state, was.reason) == ("active", "revoked", "superseded")
    assert was.serial == old.serial
    assert new.not_after == old.not_after
    assert page.result is not None
    assert page.result["replaced"] == old.serial
    assert Notice.objects.filter(message_id="certificate_reissued").count() == 4


@pytest.mark.parametrize("product", ["financial", "joint", "bank"])
def test_whether_the_end_stays_is_the_banks_choice(world: World, product: str) -> None:
    """Before its window a re-issue keeps the end, or begins a new life; in its window it always does."""
    clock: Any = world.clock

    def reissue(how: World, number: int) -> CertificateView:
        clock.advance(5 * 86_400)
        if product == "financial":
            pin = ("840271", "591362", "372958")[number - 1]
            walk: Walk = Walk(how, journey="financial-web-reissue", pin=pin)
        else:
            walk = AppWalk(how, journey=f"{product}-app-reissue", phone=first.phone)
        assert walk.finish().state == "done"
        new, was, *_ = (view for view in certificates_of(walk.person.id) if view.product == product)
        assert (new.state, was.state, was.reason) == ("active", "revoked", "superseded")
        return new

    first = Walk(world) if product == "financial" else AppWalk(world, journey=f"{product}-app-issue")
    assert first.finish().state == "done"
    end = certificates_of(first.person.id)[0].not_after
    assert reissue(world, 1).not_after == end
    fresh = reissue(with_policy(world, reissue={"keep_not_after": False}), 2).not_after
    assert (fresh - end).days == 10
    clock.advance(int((fresh - clock.now()).total_seconds()) - 20 * 86_400)
    renewed = reissue(world, 3)
    days = PRODUCTS[product].life_under(world.policy)
    assert days - 1 <= (renewed.not_after - renewed.not_before).days <= days


def test_the_old_key_is_retired_and_the_signer_knows(world: World) -> None:
    """After a re-issue the old key is retired here and in the signer; its sealed part is gone."""
    first = issued(world)
    Walk(world, journey="financial-web-reissue", pin="840271").finish()
    states = dict(WalletKey.objects.filter(customer_id=first.person.id).values_list("state", "signer_told"))
    assert states == {"retired": True, "live": False}
    retired = WalletKey.objects.get(customer_id=first.person.id, state="retired")
    assert bytes(retired.sealed) == b""


def test_the_previous_pin_is_refused(world: World) -> None:
    """A re-issue with the PIN of the old key stays at the PIN step and makes no key."""
    issued(world)
    walk = Walk(world, journey="financial-web-reissue").walk_to("pin")
    walk.step()
    assert (walk.page.step, walk.codes) == ("pin", ["pin_reused"])
    assert WalletKey.objects.filter(run_id=walk.run).count() == 0


def test_a_second_reissue_on_one_day_is_refused(world: World) -> None:
    """One re-issue a day: the second stops, and the active certificate stays what it was."""
    first = issued(world)
    Walk(world, journey="financial-web-reissue", pin="840271").finish()
    present = active_certificate(first.person.id, "financial")
    walk = Walk(world, journey="financial-web-reissue", pin="591362").walk_to("identify")
    walk.step()
    assert (walk.page.state, walk.codes) == ("failed", ["reissue_limit"])
    assert active_certificate(first.person.id, "financial") == present


def test_a_new_day_begins_at_midnight_in_seoul(world: World) -> None:
    """Who re-issued at half past eleven at night walks again at half past midnight, and gets it."""
    first, clock = issued(world), cast("Any", world.clock)

    def wait_until(hour: int) -> None:
        now = local(clock.now())
        clock.advance(int((now.replace(hour=hour, minute=30, second=0) - now).total_seconds()) % 86_400 + 1)

    wait_until(23)
    assert Walk(world, journey="financial-web-reissue", pin="840271").finish().state == "done"
    refused = Walk(world, journey="financial-web-reissue", pin="591362").walk_to("identify")
    refused.step()
    assert refused.codes == ["reissue_limit"]
    wait_until(0)
    assert Walk(world, journey="financial-web-reissue", pin="591362").finish().state == "done"
    held = [view.state for view in certificates_of(first.person.id)]
    assert sorted(held) == ["active", "revoked", "revoked"]


def test_fifty_reissues_at_once_leave_one_active(world: World) -> None:
    """Invariant 5: fifty re-issues of one customer at once leave exactly one active certificate."""
    free = with_policy(world, reissue={"per_day": 1000}, ars={"calls_per_day": 1000}, runs={"sends": 100})
    first = issued(free)
    person = first.person.id
    walks = [Walk(free, journey="financial-web-reissue", pin=_pin(index)) for index in range(50)]
    # Identifying in one run ends the one before; so each walks to the end, in turn, and the last steps meet.
    ready = walks[-1].walk_to("confirm")

    def last_step(index: int) -> Any:
        if index < 25:
            walk = Walk(free, journey="financial-web-reissue", pin=_pin(index)).walk_to("identify")
            walk.step()
            return walk.page.state
        return _copy(ready).submit().state

    results = in_parallel(50, last_step)
    assert not [result for result in results if isinstance(result, Exception)]
    assert Certificate.objects.filter(customer_id=person, product="financial", state="active").count() == 1
    assert Certificate.objects.filter(customer_id=person, state="issued").count() == 0
    assert WalletKey.objects.filter(customer_id=person, state="live").count() == 1


def _pin(index: int) -> str:
    return f"{(index * 7919 + 271_384) % 900_000 + 100_000}"


def _copy(walk: Walk) -> Walk:
    other = object.__new__(Walk)
    other.__dict__.update(walk.__dict__)
    return other
