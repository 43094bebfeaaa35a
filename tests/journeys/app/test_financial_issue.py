"""The whole journey of the financial certificate on the web, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.journeys.app.walker import Walk

from dojang.audit.models import Event
from dojang.ca.queries import certificates_of
from dojang.issuing.models import Order, UsedEvidence
from dojang.notices.models import Notice
from dojang.pki.npki.vid import parse_identify_data
from dojang.ra.models import Run
from dojang.wallet.keys.models import WalletKey

if TYPE_CHECKING:
    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)

PLAIN = ["terms", "identify", "ars", "account", "factor", "security_card", "contact", "person", "sms_reply"]
END = ["pin", "confirm"]


def walked(walk: Walk) -> list[str]:
    """Walk to the end; return the steps in order."""
    steps = []
    while walk.page.state == "open":
        steps.append(walk.page.step)
        before = walk.page.revision
        walk.step()
        if walk.page.state == "open":
            assert walk.page.revision > before
    return list(dict.fromkeys(steps))


def test_the_eighteen_steps_lead_to_one_active_certificate(world: World) -> None:
    """An ordinary customer walks every step and holds exactly one active certificate afterwards."""
    walk = Walk(world)
    assert walked(walk) == PLAIN + END
    assert walk.page.state == "done"
    (held,) = certificates_of(walk.person.id)
    assert (held.state, held.product) == ("active", "financial")
    assert walk.page.result is not None
    assert walk.page.result["serial"] == held.serial
    assert walk.page.result["holder"] == walk.person.name
    assert walk.page.result["replaced"] is None
    assert parse_identify_data(held.der).real_name == walk.person.name


def test_everything_the_issue_rests_on_is_spent_and_recorded(world: World) -> None:
    """After the issue each proof is spent once, the key is live, and the trail tells the story in order."""
    walk = Walk(world)
    walk.finish()
    (held,) = certificates_of(walk.person.id)
    spent = UsedEvidence.objects.filter(order_id=walk.run)
    names = (
        "terms identified ars_call account factor_choice security_card contact person sms_reply pin confirmed"
    )
    assert sorted(spent.values_list("name", flat=True)) == sorted(names.split())
    assert set(spent.values_list("customer_id", flat=True)) == {"", walk.person.id}
    (key,) = WalletKey.objects.filter(customer_id=walk.person.id)
    assert (key.state, key.certificate_id) == ("live", held.id)
    told = list(Event.objects.order_by("at").values_list("type", flat=True))
    told = told[told.index("run:started") :]  # before it, the key ceremony
    wanted = ["run:started", "order:placed", "certificate:intended", "certificate:issued", "order:done"]
    assert [kind for kind in told if kind in wanted] == wanted
    assert Order.objects.get(id=walk.run).tidied


def test_every_channel_is_told_of_the_issue(world: World) -> None:
    """Both registered telephones, the mail box and the devices each get exactly one notice."""
    walk = Walk(world)
    walk.finish()
    rows = Notice.objects.filter(message_id="certificate_issued")
    assert sorted(rows.values_list("channel", flat=True)) == ["mail", "push", "sms", "sms"]
    assert set(rows.values_list("customer_id", flat=True)) == {walk.person.id}


def test_a_customer_with_a_token_is_asked_for_its_number(world: World) -> None:
    """Without a security card the one-time password takes its place."""
    walk = Walk(world, "lee")
    steps = walked(walk)
    assert steps == [step if step != "security_card" else "otp" for step in PLAIN] + END
    assert walk.page.state == "done"


def test_a_number_changed_yesterday_takes_the_higher_path(world: World) -> None:
    """Kim's telephone is new, so a code to her mail box is asked for besides."""
    walk = Walk(world, "kim")
    steps = walked(walk)
    at = PLAIN.index("contact")
    assert steps == [*PLAIN[:at], "mail_code", *PLAIN[at:], *END]
    assert walk.page.state == "done"


def test_a_foreigner_walks_in_english(world: World) -> None:
    """A foreigner is issued a certificate, and her notices are written in English."""
    walk = Walk(world, "smith", locale="en")
    walked(walk)
    assert walk.page.state == "done"
    assert set(Notice.objects.values_list("locale", flat=True)) == {"en"}


@pytest.mark.parametrize(("handle", "code"), [("park", "customer_locked"), ("choi", "under_age")])
def test_who_may_not_have_one_is_told_why_and_nothing_is_issued(world: World, handle: str, code: str) -> None:
    """A locked customer and a child end at the identification, with the reason and no certificate."""
    walk = Walk(world, handle).walk_to("identify")
    walk.step()
    assert (walk.page.state, walk.codes) == ("failed", [code])
    assert Run.objects.get(id=walk.run).customer_id == ""
    assert certificates_of(walk.person.id) == []


def test_an_email_given_on_the_way_is_the_banks_after_the_issue_only(world: World) -> None:
    """The new address enters the bank's record with the certificate; old and new address are both told."""
    walk = Walk(world).walk_to("contact")
    old = walk.person.email
    walk.submit(email="new.box@example.test", phone=walk.number)
    assert world.corebank.customer(walk.person.id).email == old
    walk.finish()
    assert world.corebank.customer(walk.person.id).email == "new.box@example.test"
    told = Notice.objects.filter(message_id="contact_changed", channel="mail")
    assert told.count() == 2
