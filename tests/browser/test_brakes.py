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
    customer: Callable[..., Customer], page: Page, browser: Browser
) -> None:
    """After two slips from one address an entry is answered with work, done in seconds, then taken."""
    hong = customer("hong", pin=PIN)
    hong.begin()
    hong.walk("identify")
    for number in range(2):
        hong.type("user_id", f"nobody{number}")
        hong.type("rrn_front", hong.drawer["rrn"][:6])
        hong.type_secret("rrn_back", hong.drawer["rrn"][6:])
        hong.press()
        assert page.locator("proof-of-work").count() == 0
    hong.answer()
    assert hong.step == "identify"
    status = page.locator("proof-of-work [role=status]")
    expect(status).to_have_text("끝났어요. 이제 계속하실 수 있어요.", timeout=60_000)
    expect(page.locator('#act button[value="submit"]')).to_be_enabled()
    assert page.locator("proof-of-work progress").evaluate("(bar) => bar.value") == 100
    assert hong.findings() == []
    bare = browser.new_context(
        java_script_enabled=False, locale="ko-KR", storage_state=page.context.storage_state()
    )
    with bare.new_page() as plain:
        plain.goto(page.url)
        told = plain.locator("proof-of-work")
        expect(told.locator("[data-told]")).to_be_visible()
        expect(told.locator("[data-scripted]")).to_be_hidden()
        assert "초" in told.locator("[data-told]").inner_text()
    bare.close()
    hong.answer()
    assert hong.step == "ars"
