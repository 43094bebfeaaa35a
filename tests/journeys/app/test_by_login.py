"""Who is logged in to the app on its own telephone is not asked who they are; everybody else is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.journeys.app.device import AppWalk, Telephone

from dojang.account.proving.actions import ask
from dojang.account.proving.actions import log_in as enter
from dojang.account.proving.values import Answer
from dojang.account.sessions.access import access_session, login_on
from dojang.account.sessions.actions import end_session
from dojang.audit.models import Event
from dojang.ca.queries import active_certificate
from dojang.issuing.actions import revoke_certificate
from dojang.issuing.models import UsedEvidence
from dojang.journeys.login import LogIn
from dojang.ports.acting import Acting
from dojang.products import PRODUCTS
from dojang.ra.actions.holding import hold_everything
from dojang.ra.models import Run
from dojang.sandbox.cast import BY_HANDLE

if TYPE_CHECKING:
    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)
JOURNEY = "financial-app-issue"
ACTING = Acting(
    kind="customer",
    source="198.51.100.8",
    channel="app",
    origin="http://localhost:8000",
    agent="Chrome, Android",
)
OPERATOR = Acting(kind="operator", id="kim", channel="console")
PRINTED = [
    "terms", "identity_way", "phone_check", "account_password", "certificate_password", "account_number",
    "bank_certificate", "details", "pin", "confirm",
]  # fmt: skip


def holder(world: World, *products: str) -> Telephone:
    """Give Hong certificates of these products on one telephone."""
    phone = Telephone()
    for product in products:
        assert AppWalk(world, journey=f"{product}-app-issue", phone=phone).finish().state == "done"
    return phone


def log_in(world: World, phone: Telephone) -> str:
    """Draw the pattern at the log-in page of this telephone; return the session's token."""
    product, acting = PRODUCTS["bank"], replace(ACTING, device=phone.device_id)
    asked = ask(product, acting=acting, world=world)
    assert asked is not None
    answer = Answer(challenge_id=asked.id, **phone.proofs(asked.body))
    return enter(product, answer, acting=acting, world=world).session


def here(world: World, phone: Telephone) -> LogIn:
    """Log in on this telephone; return what a journey that begins on it hears of that."""
    login = login_on(log_in(world, phone), device_id=phone.device_id, world=world)
    assert login is not None
    return login


def begin(world: World, phone: Telephone, login: LogIn | None, journey: str = JOURNEY) -> AppWalk:
    """Begin a journey on a telephone with a log-in."""
    return AppWalk(world, journey=journey, phone=phone, login=login)


def steps(walk: AppWalk) -> list[str]:
    """Walk truthfully to the end; return the steps on the way after the device's own."""
    seen = []
    while walk.page.state == "open":
        seen += [walk.page.step] if walk.page.step not in {*seen, "device"} else []
        walk.step()
    return seen


def test_who_is_logged_in_walks_exactly_the_printed_steps(world: World) -> None:
    """No "who are you", no choice of a factor; the log-in is spent as evidence and stands in the trail."""
    phone = holder(world, "joint", "bank")
    login = here(world, phone)
    walk = begin(world, phone, login)
    run = Run.objects.get(id=walk.page.run)
    assert run.customer_id == walk.person.id
    assert steps(walk) == PRINTED
    assert walk.page.state == "done"
    assert active_certificate(walk.person.id, "financial") is not None
    spent = UsedEvidence.objects.get(order_id=run.id, name="identified")
    assert spent.id.endswith(f":login:{login.id}")
    noted = Event.objects.get(type="run:identified", subject=run.id)
    assert login.serial in str(noted.body)


def test_without_a_log_in_everybody_is_asked(world: World) -> None:
    """The same telephone, nobody logged in: who, and how to confirm, are asked."""
    walk = begin(world, holder(world, "bank"), None)
    seen = steps(walk)
    assert seen[:2] == ["terms", "identify"]
    assert "factor" in seen
    assert Event.objects.filter(type="run:identified").count() == 0


def test_a_log_in_of_another_device_or_one_that_is_over_counts_for_nothing(world: World) -> None:
    """A session's token brought to another telephone, or after the log-out, is no log-in there."""
    phone = holder(world, "bank")
    token = log_in(world, phone)
    assert login_on(token, device_id=Telephone().device_id, world=world) is None
    assert login_on(token, device_id="", world=world) is None
    assert login_on("another-token", device_id=phone.device_id, world=world) is None
    session = access_session(token, world=world)
    end_session(session.id, reason="logged_out", acting=ACTING, world=world)
    assert login_on(token, device_id=phone.device_id, world=world) is None


def test_a_revoked_certificate_s_log_in_does_not_begin_a_journey(world: World) -> None:
    """The session may still live: the run is nobody's, and who they are is asked."""
    phone = holder(world, "bank")
    login = here(world, phone)
    held = active_certificate(BY_HANDLE["hong"].id, "bank")
    assert held is not None
    revoke_certificate(held.id, reason="keyCompromise", acting=OPERATOR, world=world)
    walk = begin(world, phone, login)
    assert Run.objects.get(id=walk.page.run).customer_id == ""
    assert walk.walk_to("identify").page.step == "identify"
    assert Event.objects.filter(type="run:identified").count() == 0


def test_a_certificate_revoked_on_the_way_ends_the_run(world: World) -> None:
    """At its very next request, whatever that is; the page says why, and nothing was issued."""
    phone = holder(world, "bank")
    walk = begin(world, phone, here(world, phone)).walk_to("account_number")
    held = active_certificate(walk.person.id, "bank")
    assert held is not None
    revoke_certificate(held.id, reason="keyCompromise", acting=OPERATOR, world=world)
    walk.step()
    assert walk.page.state == "cancelled"
    assert [message.id for message in walk.page.messages] == ["run.certificate_ended"]
    assert Run.objects.get(id=walk.run).end_reason == "certificate_ended"
    assert active_certificate(walk.person.id, "financial") is None


def test_a_forged_log_in_is_no_log_in(world: World) -> None:
    """Another's certificate, another device's, or one of another product binds nobody."""
    phone, other = holder(world, "joint", "bank"), Telephone()
    AppWalk(world, "lee", phone=other).finish()
    login = here(world, phone)
    joint = active_certificate(login.customer, "joint")
    assert joint is not None
    forged = (
        {"customer": BY_HANDLE["lee"].id},
        {"device_id": other.device_id},
        {"serial": joint.serial},
        {"serial": "00"},
    )
    own = {"id": login.id, "customer": login.customer, "serial": login.serial, "device_id": login.device_id}
    for wrong in forged:
        walk = begin(world, phone, LogIn(**{**own, **wrong}))
        assert Run.objects.get(id=walk.page.run).customer_id == "", wrong


def test_the_run_stays_on_the_telephone_of_the_log_in(world: World) -> None:
    """Another device's name at the first step ends the run."""
    phone = holder(world, "bank")
    walk = begin(world, phone, here(world, phone))
    walk.submit(device_id=Telephone().device_id, app_version="1.0.0")
    assert (walk.page.state, walk.codes) == ("failed", ["login_elsewhere"])


def test_a_held_telephone_begins_nothing(world: World) -> None:
    """After "stop everything" a log-in from before counts for nothing."""
    phone = holder(world, "bank")
    login = here(world, phone)
    hold_everything(login.customer, acting=OPERATOR, world=world)
    walk = begin(world, phone, login)
    assert Run.objects.get(id=walk.page.run).customer_id == ""


def test_a_forgotten_pattern_leaves_the_other_factors(world: World) -> None:
    """Who goes back from the pattern is asked how to confirm, and goes on with the card."""
    phone = holder(world, "bank")
    walk = begin(world, phone, here(world, phone)).walk_to("bank_certificate")
    walk.do("back")
    assert walk.page.step == "account_number"
    walk.step()
    assert walk.page.step == "factor"
    walk.submit(factor="security_card")
    assert walk.page.step == "security_card"
    assert steps(walk) == ["security_card", "details", "pin", "confirm"]
    assert walk.page.state == "done"


def test_a_journey_of_a_key_on_the_device_asks_who_as_printed(world: World) -> None:
    """The joint certificate's guide prints RRN and user id: a log-in changes nothing there."""
    phone = holder(world, "bank")
    walk = begin(world, phone, here(world, phone), "joint-app-issue")
    assert Run.objects.get(id=walk.page.run).customer_id == ""
    assert walk.walk_to("identify").page.step == "identify"


def test_an_older_run_of_the_same_person_gives_way(world: World) -> None:
    """As when the customer is asked: one live run for a person and a product."""
    phone = holder(world, "bank")
    older = begin(world, phone, here(world, phone))
    newer = begin(world, phone, here(world, phone))
    states = {run.id: (run.state, run.end_reason) for run in Run.objects.filter(journey=JOURNEY)}
    assert states == {older.page.run: ("cancelled", "replaced"), newer.page.run: ("open", "")}
