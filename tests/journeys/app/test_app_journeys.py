"""The app's journeys from the first page to the certificate, in each order and by each factor."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
from tests.journeys.app.device import AppWalk, Telephone, approve, b64
from tests.journeys.app.walker import Walk, with_policy

from dojang.ca.queries import active_certificate
from dojang.sandbox.cast import BY_HANDLE

if TYPE_CHECKING:
    from dojang.journeys.page import Page
    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)


class Owner(AppWalk):
    """Walks with a chosen factor, noting the steps on the way."""

    factor = ""

    def answers(self, step: str) -> dict[str, Any]:
        """Choose the factor that is wanted."""
        if step == "factor" and self.factor:
            return {"factor": self.factor}
        return super().answers(step)

    def trace(self) -> list[str]:
        """Walk to the last page before issuing and name the steps in order."""
        steps: list[str] = []
        while self.page.step != "confirm":
            steps.append(self.page.step)
            before = self.page.revision
            self.step()
            assert self.page.state == "open", (self.page.step, self.codes)
            assert self.page.revision > before, (self.page.step, self.codes)
        return steps

    def issue(self) -> Page:
        """Press the last button of a journey whose key lives at the signer."""
        return self.submit()


def bank_phone(world: World, handle: str = "hong") -> Telephone:
    """Return a telephone with a bank certificate on it."""
    walk = AppWalk(world, handle, journey="bank-app-issue")
    assert walk.finish().state == "done"
    return walk.phone


def test_the_pattern_is_a_factor_for_the_financial_certificate_in_the_app(world: World) -> None:
    """Sixteen printed steps: terms, telephone, account, pattern, details, PIN; the certificate is active."""
    walk = Owner(world, journey="financial-app-issue", phone=bank_phone(world))
    walk.factor = "bank_certificate"
    assert walk.trace() == [
        "device",
        "terms",
        "identify",
        "identity_way",
        "phone_check",
        "account_number",
        "account_password",
        "factor",
        "bank_certificate",
        "details",
        "pin",
    ]
    assert walk.issue().state == "done"
    held = active_certificate(walk.person.id, "financial")
    assert held is not None


def test_the_app_s_orders_are_the_bank_s_choice(world: World) -> None:
    """With the printed orders the password comes before the number, and consent after the RRN."""
    printed = with_policy(
        world, financial_app_account_order="printed", joint_reissue_order="printed", joint_needs_factor=True
    )
    app = Owner(printed, journey="financial-app-issue")
    steps = app.trace()
    assert steps.index("account_password") < steps.index("account_number")
    assert app.issue().state == "done"
    joint = Owner(printed, journey="joint-app-reissue")
    steps = joint.trace()
    assert steps.index("phone_check") < steps.index("identify") < steps.index("terms")
    assert "security_card" in steps
    consent_first = Owner(world, "han", journey="joint-app-reissue").trace()
    assert consent_first.index("terms") < consent_first.index("phone_check")


def test_on_the_web_the_telephone_approves(world: World) -> None:
    """The number on the screen is chosen on the telephone; then the web page goes on."""
    phone = bank_phone(world)
    walk = Walk(world).walk_to("factor")
    walk.submit(factor="bank_certificate")
    shown = next(show.data for show in walk.page.show if show.kind == "approval")
    assert walk.submit().step == "bank_certificate"
    held = AppWalk(world, phone=phone)
    assert approve(world, held, shown["digits"]) == "approved"
    walk.refresh()
    assert walk.submit().step == "contact"


def test_a_wrong_pattern_locks_the_factor_after_five(world: World) -> None:
    """Five wrong drawings over fresh challenges lock; the card is still a way."""
    phone = bank_phone(world)
    walk = Owner(world, journey="financial-app-issue", phone=phone)
    walk.factor = "bank_certificate"
    walk.walk_to("bank_certificate")
    for _ in range(5):
        assert walk.page.state == "open"
        challenge = base64.b64decode(walk.shown("pattern")["challenge"])
        proofs = phone.proofs(challenge, (1, 2, 3, 6))
        walk.submit(**{name: b64(value) for name, value in proofs.items()})
    assert walk.page.state == "locked"
    walk.do("back")
    assert walk.submit(factor="security_card").step == "security_card"


@pytest.mark.parametrize("handle", ["smith", "yoon"])
@pytest.mark.parametrize("product", ["joint", "bank"])
def test_a_foreigner_and_a_sole_proprietor_get_theirs(world: World, handle: str, product: str) -> None:
    """The foreigner by a foreigner's number and card, the sole proprietor as a person."""
    walk = AppWalk(world, handle, journey=f"{product}-app-issue")
    assert walk.finish().state == "done"
    assert active_certificate(BY_HANDLE[handle].id, product) is not None


def test_a_changed_e_mail_reaches_the_bank_after_the_issue(world: World) -> None:
    """What was edited among the details is the bank's record only when the certificate is there."""
    walk = Owner(world, journey="financial-app-issue").walk_to("details")
    before = world.corebank.customer(walk.person.id)
    walk.submit(email="new@example.test", address="새길 4, 5호", phone=walk.number)
    walk.walk_to("confirm")
    assert world.corebank.customer(walk.person.id) == before
    assert walk.submit().state == "done"
    walk.refresh()
    after = world.corebank.customer(walk.person.id)
    assert (after.email, after.address) == ("new@example.test", "새길 4, 5호")
    assert after.name == before.name
