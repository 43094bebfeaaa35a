"""Joint and bank certificates used inside journeys stand among the uses, as log-ins do."""

from __future__ import annotations

import base64
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from django.db import DatabaseError, connection
from tests.journeys.app.device import AppWalk, approve, b64
from tests.journeys.app.walker import Walk, with_policy

from dojang.audit.models import Event
from dojang.audit.queries import verify_chains
from dojang.journeys.kinds.certificate_password import signed_bytes
from dojang.ra.models import StepOutcome
from dojang.sandbox.cast import BY_HANDLE
from dojang.wallet.uses.models import Use
from dojang.wallet.uses.queries import uses_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)
HONG = BY_HANDLE["hong"]


def told(walk: Walk) -> list[tuple[str, str, str, str]]:
    """Return what the holder reads of uses, the newest first."""
    uses = uses_of(walk.person.id)
    return [(use.product, use.purpose, use.outcome, use.channel) for use in uses]


def test_the_pattern_in_a_journey_of_the_app_is_a_use(world: World) -> None:
    """A wrong one is refused, the right one is accepted; the device is named; each has its event."""
    bank = AppWalk(world)
    bank.finish()
    app = AppWalk(world, journey="financial-app-issue", phone=bank.phone)
    app.walk_to("factor")
    app.submit(factor="bank_certificate")
    challenge = base64.b64decode(app.shown("pattern")["challenge"])
    app.submit(**{k: b64(v) for k, v in bank.phone.proofs(challenge, (1, 2, 3, 6)).items()})
    assert told(app) == [("bank", "factor_financial", "pattern_wrong", "app")]
    app.step()
    assert told(app)[0] == ("bank", "factor_financial", "accepted", "app")
    (use, _) = uses_of(HONG.id)
    assert (use.agent, use.origin) == ("My phone", world.policy.addresses.public_url)
    assert use.source == "198.51.100.*"
    assert Event.objects.filter(type="certificate:used", subject=use.serial).count() == 1
    assert Event.objects.filter(type="certificate:use_refused", subject=use.serial).count() == 1
    assert verify_chains().ok


def test_an_approval_on_the_telephone_is_a_use_of_its_certificate(world: World) -> None:
    """Recorded when the web's step passes, once; a question nobody answered used nothing."""
    phone = AppWalk(world)
    phone.finish()
    web = Walk(world).walk_to("factor")
    web.submit(factor="bank_certificate")
    digits = next(show for show in web.page.show if show.kind == "approval").data["digits"]
    web.submit()
    assert told(web) == []
    assert approve(world, phone, digits) == "approved"
    web.submit()
    assert told(web) == [("bank", "factor_financial", "accepted", "web")]
    assert Use.objects.count() == 1


def test_the_joint_certificate_in_a_journey_is_a_use(world: World) -> None:
    """Where the bank asks for its password: a signature that is wrong, then the right one."""
    asking = with_policy(world, products={"financial": {"app_certificate_password": True}})
    joint = AppWalk(asking, journey="joint-app-issue")
    joint.finish()
    bank = AppWalk(asking, phone=joint.phone)
    bank.finish()
    app = AppWalk(asking, journey="financial-app-issue", phone=joint.phone)
    app.walk_to("certificate_password")
    app.submit(signature=b64(b"x" * 256))
    assert told(app)[0] == ("joint", "factor_financial", "signature", "app")
    content = signed_bytes(base64.b64decode(app.shown("certificate_sign")["challenge"]))
    app.submit(signature=b64(joint.phone.sign(content, joint.phone.keys["joint"])))
    assert app.page.step != "certificate_password"
    assert told(app)[0] == ("joint", "factor_financial", "accepted", "app")


@contextmanager
def full_disk() -> Iterator[None]:
    """Let the database break down behind every record of a use."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'the disk is full'; END $$"
        )
        cursor.execute(
            "CREATE TRIGGER full_disk AFTER INSERT ON wallet_use FOR EACH ROW EXECUTE FUNCTION full_disk()"
        )
        try:
            yield
        finally:
            cursor.execute("DROP FUNCTION full_disk CASCADE")


def test_a_step_and_its_use_are_there_together_or_not_at_all(world: World) -> None:
    """What breaks behind the record takes the step back with it."""
    phone = AppWalk(world)
    phone.finish()
    app = AppWalk(world, journey="financial-app-issue", phone=phone.phone)
    app.walk_to("factor")
    app.submit(factor="bank_certificate")
    before, steps = app.page, StepOutcome.objects.count()

    with full_disk(), pytest.raises(DatabaseError, match="the disk is full"):
        app.step()
    assert (Use.objects.count(), StepOutcome.objects.count()) == (0, steps)
    assert app.refresh().step == before.step
