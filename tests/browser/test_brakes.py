"""A network that is slowed: the page works by itself; whoever has no script is told how long to wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from tests.browser.customer import PIN, Customer
from tests.centres import Centre, running_centre

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.live]


@pytest.fixture(scope="module")
def live() -> Iterator[Centre]:
    """Start a centre that takes two wrong entries a day from one line at full speed."""
    with running_centre(policy='{"wrong_entries": {"per_source": 2}}') as centre:
        yield centre


def test_the_page_works_by_itself_and_the_customer_goes_on(
    customer: Callable[..., Customer], page: Page, browser: Browser, live: Centre
) -> None:
    """After two slips from one address a log-in is answered with work, done in seconds, then taken."""
    hong = customer("hong", pin=PIN)
    hong.begin()
    hong.walk()
    hong.wait_until_done()
    page.context.clear_cookies()
    bare = browser.new_context(java_script_enabled=False, locale="ko-KR")
    with bare.new_page() as plain:
        for number in range(3):
            plain.goto(f"{live.url}/login/")
            plain.locator("[name=user_id]").fill(f"nobody{number}")
            plain.locator("[name=pin]").first.fill("390462")
            plain.locator('#act button[value="submit"]').click()
        told = plain.locator("proof-of-work")
        expect(told.locator("[data-told]")).to_be_visible()
        expect(told.locator("[data-scripted]")).to_be_hidden()
        assert "초" in told.locator("[data-told]").inner_text()
    bare.close()
    page.goto(f"{live.url}/login/")
    hong.type("user_id", hong.drawer["user_id"])
    hong.type_secret("pin", PIN)
    with page.expect_navigation() as answered:
        page.locator('#act button[value="submit"]').click()
    response = answered.value
    assert (response.status, int(response.headers["retry-after"]) >= 1) == (429, True)
    status = page.locator("proof-of-work [role=status]")
    expect(status).to_have_text("끝났어요. 이제 계속하실 수 있어요.", timeout=60_000)
    expect(page.locator('#act button[value="submit"]')).to_be_enabled()
    assert page.locator("proof-of-work progress").evaluate("(bar) => bar.value") == 100
    assert hong.findings() == []
    hong.type("user_id", hong.drawer["user_id"])
    hong.type_secret("pin", PIN)
    with page.expect_navigation():
        page.locator('#act button[value="submit"]').press("Enter")
    assert page.url.endswith("/me/")
