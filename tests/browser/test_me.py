"""`/me/` in a real browser: clean to axe in displays, languages and widths, worked by keyboard alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.browser.customer import Customer
from tests.centres import running_centre

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page
    from tests.centres import Centre

pytestmark = [pytest.mark.browser, pytest.mark.live]


@pytest.fixture(scope="module")
def live() -> Iterator[Centre]:
    """Start a centre of this file's own: what is held or stopped here must not meet other tests."""
    with running_centre() as centre:
        yield centre


PLACES = (
    "/me/",
    "/me/certificates/",
    "/me/uses/",
    "/me/notices/",
    "/me/devices/",
    "/me/log/",
    "/me/stop/",
    "/me/locks/",
)


def log_in(page: Page, centre: Centre, user_id: str, pin: str) -> None:
    """Log in on a page of its own."""
    page.goto(f"{centre.url}/login/")
    page.locator("[name=user_id]").fill(user_id)
    Customer(page, centre, "hong").type_secret("pin", pin)
    with page.expect_navigation():
        page.locator('#act button[value="submit"]').click()
    assert page.url.endswith("/me/")


def test_every_place_is_clean_and_everything_can_be_stopped_by_keyboard(
    customer: Callable[..., Customer], browser: Browser, live: Centre
) -> None:
    """All places in three displays, two languages, two widths; then stopping all without a pointer."""
    hong = customer("hong", pin="860317")
    hong.begin()
    hong.walk()
    hong.wait_until_done()
    user_id = hong.drawer["user_id"]
    for language, display, width in (
        ("ko", "light", 1280), ("ko", "dark", 360), ("en", "contrast", 1280), ("en", "light", 360),
    ):  # fmt: skip
        context = browser.new_context(
            viewport={"width": width, "height": 800}, locale=language, reduced_motion="reduce"
        )
        context.add_cookies([{"name": "dojang_display", "value": display, "url": live.url}])
        page = context.new_page()
        eyes = Customer(page, live, "hong")
        log_in(page, live, user_id, hong.pin)
        page.locator(".mine a").first.click()
        one = page.url.removeprefix(live.url)
        for place in (*PLACES, one, f"{one}stop/", f"{one}revoke/", "/help/lost-phone/"):
            page.goto(live.url + place)
            assert eyes.findings() == [], (place, language, display, width)
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, (place, width)
        context.close()
    context = browser.new_context(locale="ko-KR")
    page = context.new_page()
    log_in(page, live, user_id, hong.pin)
    page.get_by_role("link", name="모두 멈추기").press("Enter")
    page.wait_for_url("**/me/stop/")
    page.get_by_role("button", name="네, 모두 멈출게요").press("Enter")
    page.locator("[role=status]").wait_for()
    assert "모두 멈췄어요" in page.locator("h1").inner_text()
    assert Customer(page, live, "hong").findings() == []
    page.goto(f"{live.url}/me/")
    assert "/login/" in page.url
    context.close()


def test_a_lost_phone_is_reported_on_one_page(
    customer: Callable[..., Customer], browser: Browser, live: Centre
) -> None:
    """Without logging in, on another computer, by keyboard and without scripts."""
    han = customer("han", pin="705938")
    han.begin()
    han.walk()
    han.wait_until_done()
    drawer = han.drawer
    context = browser.new_context(java_script_enabled=False, locale="ko-KR")
    page = context.new_page()
    page.goto(f"{live.url}/help/lost-phone/")
    page.locator("[name=consent]").press("Space")
    account = next(a for a in drawer["accounts"] if a["kind"] == "withdrawal")
    for name, text in (
        ("user_id", drawer["user_id"]), ("rrn_front", drawer["rrn"][:6]), ("rrn_back", drawer["rrn"][6:]),
        ("account", account["number"]), ("account_password", account["password"]),
    ):  # fmt: skip
        page.locator(f"[name={name}]").focus()
        page.keyboard.type(text)
    page.keyboard.press("Enter")
    page.locator("[role=status]").wait_for()
    assert "모두 멈췄어요" in page.locator("h1").inner_text()
    context.close()
