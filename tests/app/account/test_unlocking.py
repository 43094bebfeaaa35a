"""Lifting one's own locks: with a certificate proven once more, and never locked by strangers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.app.account.test_ending_pages import Holder, b64
from tests.journeys.app.device import AppWalk, Telephone
from tests.journeys.app.test_claims import wrong_accounts, wrong_lines
from tests.journeys.app.test_locks import wrong_card
from tests.journeys.app.walker import Walk

from dojang.account.actions import lift_lock
from dojang.guard.counters import locked_factors
from dojang.notices.models import Notice
from dojang.wallet.uses.models import Use

if TYPE_CHECKING:
    from tests.app.account.test_me_pages import Visitor

    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)
PLACE = "/me/locks/phone_check/"


@pytest.fixture
def owner(world: World) -> Holder:
    """Return Hong, with a joint certificate on this device, whose phone check a stranger has locked."""
    phone = Telephone()
    walk = AppWalk(world, journey="joint-app-issue", phone=phone)
    assert walk.finish().state == "done"
    wrong_lines(world)
    return Holder(walk, phone)


def locked(owner: Visitor) -> tuple[str, ...]:
    """Name what is locked for Hong now."""
    return locked_factors(owner.walk.person.id, now=owner.walk.world.clock.now())


def test_its_holder_lifts_a_lock_with_a_certificate(owner: Holder) -> None:
    """Named on the home page, opened by a signature made for this lock alone, told on every channel."""
    assert locked(owner) == ("phone_check",)
    owner.log_in_with("joint")
    assert "여러 번 틀려서 잠긴 것이 있어요" in owner.html("/me/")
    assert PLACE in owner.html("/me/locks/")
    answer = owner.send(PLACE, by="joint", **owner.answered(PLACE))
    assert (answer.status_code, answer.headers["Location"]) == (303, "/me/locks/?said=lifted")
    assert locked(owner) == ()
    assert Notice.objects.filter(message_id="factor_unlocked").count() == 4
    assert Use.objects.filter(purpose="unlock", outcome="accepted").count() == 1
    assert "지금 잠긴 것이 없어요" in owner.html("/me/locks/")


def test_a_wrong_proof_lifts_nothing_and_a_right_one_still_does(owner: Holder) -> None:
    """Proofs made for something else, ten of them; then the right one opens."""
    owner.log_in_with("joint")
    owner.html(PLACE)
    for _ in range(10):
        answer = owner.send(PLACE, by="joint", signed=b64(owner.cms(b"something else")))
        assert answer.status_code == 422
    assert locked(owner) == ("phone_check",)
    assert Notice.objects.filter(message_id="factor_unlocked").count() == 0
    assert owner.send(PLACE, by="joint", **owner.answered(PLACE)).status_code == 303
    assert locked(owner) == ()


def test_nobody_lifts_a_lock_without_logging_in(owner: Holder) -> None:
    """Both pages lead to the log-in, and nothing is lifted."""
    for place in ("/me/locks/", PLACE):
        assert owner.get(place).headers["Location"] == f"/login/?next={place}"
    assert owner.send(PLACE, by="joint").status_code == 303
    assert locked(owner) == ("phone_check",)


def test_somebody_elses_lock_is_not_there(owner: Holder, world: World) -> None:
    """Logged in as another customer, there is nothing to lift."""
    phone = Telephone()
    walk = AppWalk(world, "han", journey="joint-app-issue", phone=phone)
    assert walk.finish().state == "done"
    han = Holder(walk, phone)
    han.log_in_with("joint")
    assert han.get(PLACE).headers["Location"] == "/me/locks/"
    assert locked(owner) == ("phone_check",)


def test_a_card_is_unlocked_at_the_branch_alone(owner: Holder, world: World) -> None:
    """The list says where; the page for it is not there, and nothing is lifted."""
    walk = Walk(world).walk_to("security_card")
    for _ in range(5):
        wrong_card(walk)
    owner.log_in_with("joint")
    assert "영업점" in owner.html("/me/locks/")
    assert owner.get("/me/locks/security_card/").status_code == 404
    assert lift_lock(owner.walk.person.id, "security_card", acting=walk.acting, world=world) is False
    assert locked(owner) == ("phone_check", "security_card")


def test_every_claim_lock_is_the_holders_to_lift(owner: Holder, world: World) -> None:
    """Two locks a stranger made are both listed."""
    wrong_accounts(world)
    owner.log_in_with("joint")
    page = owner.html("/me/locks/")
    assert [f"/me/locks/{factor}/" in page for factor in ("account", "phone_check")] == [True, True]
