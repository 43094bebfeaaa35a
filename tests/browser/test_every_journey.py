"""Every journey, from the first press to the stamped seal: in Korean by keyboard alone, in English by finger.

The bank of this file wants everything that a journey can ask for, so that every step there is is walked or
looked at: see `tests.browser.walking` for what a look is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from tests.browser.customer import Customer
from tests.browser.hands import Finger
from tests.browser.handset import PASSWORD, Handset
from tests.browser.walking import STRICT, Walk, guide_numbers, guide_rows, steps_of
from tests.centres import running_centre

from dojang.products import JOURNEYS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, Playwright
    from tests.centres import Centre

pytestmark = [pytest.mark.browser, pytest.mark.live]

PEOPLE = {"ko": "baek", "en": "smith"}  # both with a card and a token
JOINT = {"공동인증서", "Joint certificate"}
LANGUAGES = pytest.mark.parametrize("language", ["ko", "en"])
_PINS = ("271846", "583902", "739105", "860317", "594817", "705938", "390462", "618352")
_NUMBERS = (f"0100000{number}" for number in count(7301))


@dataclass
class Resident:
    """Somebody with a computer and a telephone, and what they hold by now."""

    centre: Centre
    language: str
    desk: BrowserContext
    phone: BrowserContext
    held: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    issued: int = 0

    def sit_down(self, channel: str) -> Customer:
        """Take a seat at a fresh page: of the computer, or of the telephone."""
        page = (self.phone if channel == "app" else self.desk).new_page()
        page.set_default_timeout(20_000)
        self.issued += 1
        return (Handset if channel == "app" else Customer)(
            page, self.centre, PEOPLE[self.language], by_keyboard=self.language == "ko",
            pin=_PINS[self.issued % len(_PINS)], new_number=next(_NUMBERS),
        )  # fmt: skip

    def have(self, product: str) -> None:
        """Have a certificate on the telephone, without looking at the way to it."""
        if product in self.held:
            return
        hurried = self.sit_down("app")
        hurried.by_keyboard, hurried.hands = False, Finger(hurried.page)
        hurried.begin(product, "issue")
        hurried.walk()
        hurried.wait_until_done()
        hurried.page.close()
        self.held.add(product)


@pytest.fixture(scope="module")
def strict() -> Iterator[Centre]:
    """Start the centre of a bank that asks for everything."""
    with running_centre(policy=STRICT) as centre:
        yield centre


@pytest.fixture(scope="module")
def residents(strict: Centre, browser: Browser, playwright: Playwright) -> Iterator[dict[str, Resident]]:
    """Return one person for each language."""
    common = {"timezone_id": "Asia/Seoul", "reduced_motion": "reduce"}
    people = {}
    for language, locale in (("ko", "ko-KR"), ("en", "en-GB")):
        desk = browser.new_context(**common, locale=locale, viewport={"width": 1280, "height": 860})  # type: ignore[arg-type]
        shape: dict[str, Any] = {**playwright.devices["Galaxy S24"], **common, "locale": locale}
        people[language] = Resident(strict, language, desk, browser.new_context(**shape))
        for context in (desk, people[language].phone):
            context.add_init_script(AXE_SCRIPT)  # sooner than sending it into each page
    yield people
    for person in people.values():
        person.desk.close()
        person.phone.close()


def walk(resident: Resident, product: str, channel: str, purpose: str, takes: dict[str, str]) -> Customer:
    """Walk a journey to its end; every step of its definition was on the screen, in its order."""
    person = resident.sit_down(channel)
    journey = JOURNEYS[f"{product}-{channel}-{purpose}"]
    holding = product in resident.held or purpose == "reissue"
    issue = purpose == "issue"
    taken = Walk(person, journey, resident.language, takes, resident.refused)
    if not issue:
        taken.asides |= {side.id for side in journey.sides}
    person.begin(product, purpose)
    taken.go()
    resident.held.add(product)
    order = [step.id for step in journey.walk(taken.policy)]
    assert sorted(taken.seen, key=order.index) == steps_of(journey, holding=holding)
    assert sorted(taken.path, key=order.index) == taken.path
    #: Pages of the certificate centre, the menu of the app: see `begin`.
    before = {"financial-web": {1, 2}, "financial-app": {1, 2, 3, 4}}.get(f"{product}-{channel}", set())
    assert guide_numbers(journey, taken.seen) | before == guide_rows(journey.id)
    if issue:
        assert {side: set(seen) for side, seen in taken.aside_seen.items()} == {
            side.id: {step.id for step in side.steps} for side in journey.sides
        }
        if not holding:  # whoever holds one is asked why
            person.begin(product, "issue")
            person.walk(until="reissue")
            taken.look()
            person.press("cancel")
    return person


@LANGUAGES
def test_the_bank_certificate(residents: dict[str, Resident], language: str) -> None:
    """Issued and made anew on the telephone, its pattern drawn or keyed."""
    person = residents[language]
    for purpose in ("issue", "reissue"):
        walk(person, "bank", "app", purpose, {}).page.close()


@LANGUAGES
def test_the_joint_certificate(residents: dict[str, Resident], language: str) -> None:
    """Issued and made anew on the telephone: its password never leaves it, and the old one does not stay."""
    person = residents[language]
    person.have("bank")
    sent: list[str] = []
    person.phone.on("request", lambda request: sent.append(request.post_data or ""))
    kept = []
    for purpose, factor in (("issue", "otp"), ("reissue", "bank_certificate")):
        handset = walk(person, "joint", "app", purpose, {"factor": factor})
        assert isinstance(handset, Handset)
        kept += [[one["id"] for one in handset.held() if one["product"] in JOINT]]
        handset.page.close()
    assert [len(ids) for ids in kept] == [1, 1]
    assert kept[0] != kept[1]
    assert len(sent) > len(kept)
    assert not any(PASSWORD in body for body in sent)


@LANGUAGES
def test_the_financial_certificate_in_the_app(residents: dict[str, Resident], language: str) -> None:
    """Issued after a call, made anew after a code; with the password of the joint certificate."""
    person = residents[language]
    person.have("bank")
    person.have("joint")
    by_call = {"identity_way": "ars", "factor": "security_card"}
    walk(person, "financial", "app", "issue", by_call).page.close()
    by_text = {"identity_way": "phone_check", "factor": "bank_certificate"}
    walk(person, "financial", "app", "reissue", by_text).page.close()


@LANGUAGES
def test_the_financial_certificate_on_the_web(residents: dict[str, Resident], language: str) -> None:
    """The eighteen steps at a desktop, with both ways aside; then made anew."""
    person = residents[language]
    person.have("bank")
    walk(person, "financial", "web", "issue", {"factor": "security_card"}).page.close()
    walk(person, "financial", "web", "reissue", {"factor": "otp"}).page.close()
