"""The guides in a real browser: accessible, with pictures that load, found without scripts, fit for paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.browser.customer import Customer

from dojang.ports.policy import Policy
from dojang.products import JOURNEYS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page
    from tests.centres import Centre

pytestmark = [pytest.mark.browser, pytest.mark.live]


@pytest.mark.parametrize("locale", ["ko", "en"])
def test_every_guide_is_clean_and_its_pictures_load(live: Centre, browser: Browser, locale: str) -> None:
    """No axe findings, nothing wider than a phone, and each picture is really one, with words for it."""
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, locale=locale, reduced_motion="reduce"
    )
    page = context.new_page()
    eyes = Customer(page, live, "han")
    for journey in JOURNEYS:
        page.goto(f"{live.url}/help/{journey}/")
        assert eyes.findings() == [], journey
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, journey
        pictures = page.locator(".walk__picture img")
        assert pictures.count() >= 5, journey
        for picture in pictures.all():
            assert picture.get_attribute("alt")
            picture.scroll_into_view_if_needed()
            picture.evaluate("it => it.decode()")
            assert picture.evaluate("it => it.naturalWidth") > 0
    context.close()


def test_the_guides_are_searched_without_scripts(live: Centre, browser: Browser) -> None:
    """A question leads to its answer's place in a guide; one that fits nothing says so and where to ask."""
    context = browser.new_context(java_script_enabled=False, locale="ko-KR")
    page = context.new_page()
    page.goto(f"{live.url}/help/")
    page.locator("#find").fill("패턴을 잊어버렸어요")
    page.locator(".find button").click()
    first = page.locator(".hits a").first
    assert first.inner_text() == "패턴을 잊어버렸어요"
    first.click()
    assert page.url.endswith("/help/bank-app-issue/#faq-bank_pattern")
    page.goto(f"{live.url}/help/?q=qwertyuiop")
    assert page.locator(".hits").count() == 0
    assert Policy().bank.phone in page.locator("#main").inner_text()
    context.close()


def test_a_guide_fits_on_paper(live: Centre, page: Page) -> None:
    """In print the steps and every answer are there, and what only a screen needs is not."""
    page.emulate_media(media="print")
    page.goto(f"{live.url}/help/joint-app-issue/")
    assert page.locator("#step-device").is_visible()
    assert page.locator("#faq-lost_phone p").is_visible()
    assert not page.locator(".manual__nav").is_visible()
    assert not page.locator(".bar nav").is_visible()
