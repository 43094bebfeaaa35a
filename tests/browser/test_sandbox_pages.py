"""The telephone and the drawer in a real browser, beside somebody who walks a journey."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser, BrowserContext, Page
    from tests.browser.customer import Customer
    from tests.centres import Centre

pytestmark = [pytest.mark.browser, pytest.mark.live]

PLACES = (
    "/sandbox/",
    "/sandbox/phone/01000000901/",
    "/sandbox/phone/01000007777/",
    "/sandbox/drawer/baek/",
    "/sandbox/drawer/smith/",
    "/sandbox/mail/kim@example.test/",
    "/sandbox/clock/",
    "/sandbox/api/docs",
)


def findings(page: Page) -> list[str]:
    """Return what axe-core finds wrong: ``rule: element``."""
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [f"{rule['id']}: {node['target']}" for rule in found for node in rule["nodes"]]


def open_phone(context: BrowserContext, centre: Centre, number: str) -> Page:
    """Lay a telephone beside the screen."""
    phone = context.new_page()
    phone.set_default_timeout(20_000)
    phone.goto(f"{centre.url}/sandbox/phone/{number}/")
    return phone


def reach_the_call(person: Customer) -> str:
    """Walk to the call and have it placed; return the number on the screen."""
    person.begin()
    person.walk(until="ars")
    person.press()
    person.choose("phone")
    person.press()
    return person.code()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["ko", "en"])
def test_nothing_is_in_anybody_s_way(
    live: Centre, browser: Browser, browser_context_args: dict[str, Any], locale: str, scheme: str
) -> None:
    """Every page in both languages and displays: axe-core finds nothing, no script fails."""
    context = browser.new_context(**{**browser_context_args, "locale": locale, "color_scheme": scheme})
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    for place in PLACES:
        answer = page.goto(f"{live.url}{place}")
        assert answer is not None
        assert answer.status == 200
        assert page.locator("html").get_attribute("lang") == locale
        assert findings(page) == [], place
    assert wrong == []
    context.close()


def test_the_telephone_takes_call_and_text_of_a_journey(
    customer: Callable[..., Customer], context: BrowserContext, live: Centre
) -> None:
    """It rings by itself, speaks, takes the digits quickly keyed, shows the text and sends the reply."""
    person = customer("baek")
    phone = open_phone(context, live, person.number)
    person.page.bring_to_front()  # what lies behind another page is drawn rarely, and everything waits there
    code = reach_the_call(person)

    phone.bring_to_front()
    phone.locator("#answer").wait_for()
    assert "☎" in phone.title()
    assert findings(phone) == []
    phone.locator("#answer").click()
    assert code not in phone.locator("#announcement").inner_text()
    assert findings(phone) == []
    for digit in code:
        phone.locator(f"#key-{digit}").click()
    phone.locator('li[data-state="approved"]').wait_for()
    person.page.bring_to_front()
    person.page.locator('.wait__track li[data-state="good"]').wait_for()
    person.press()

    person.walk(until="sms_reply")
    phone.bring_to_front()
    phone.locator(".sb-bubble").first.wait_for()
    phone.locator("#text").fill(person.code())
    phone.keyboard.press("Enter")
    phone.locator(".sb-bubble--mine").wait_for()
    assert phone.locator("#text").input_value() == ""
    assert findings(phone) == []
    person.page.bring_to_front()
    person.page.locator('.wait__track li[data-state="good"]').wait_for()
    person.press()
    assert person.step == "pin"


def test_a_half_typed_reply_outlives_what_arrives(context: BrowserContext, live: Centre) -> None:
    """The telephone redraws itself under the fingers: text and focus stay where they were."""
    number = "01000007001"
    phone = open_phone(context, live, number)
    phone.locator("#text").click()
    phone.keyboard.type("3")
    status, _ = live.request("POST", f"/sandbox/api/phones/{number}/reply", {"text": "from elsewhere"})
    assert status == 201
    phone.locator(".sb-bubble--mine").wait_for()
    phone.keyboard.type("8")
    assert phone.locator("#text").input_value() == "38"


def test_the_telephone_works_by_keyboard_and_without_scripts(
    customer: Callable[..., Customer], new_context: Callable[..., Any], live: Centre
) -> None:
    """Plain forms: refresh, answer, key each digit with the keyboard alone, approved."""
    person = customer("smith")
    phone = open_phone(new_context(java_script_enabled=False), live, person.number)
    code = reach_the_call(person)
    phone.locator("[data-scriptless] a").press("Enter")
    phone.locator("#answer").press("Enter")
    for digit in code:
        phone.locator(f"#key-{digit}").press("Enter")
    assert phone.locator(".sb-log li").first.get_attribute("data-state") == "approved"
