"""A joint re-issue on a new telephone: the page says from when on it counts, and one press stops it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from tests.browser.handset import Handset
from tests.centres import running_centre, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser
    from tests.centres import Centre

pytestmark = [pytest.mark.browser, pytest.mark.live]
SHAPE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844}, "locale": "ko-KR", "timezone_id": "Asia/Seoul",
    "reduced_motion": "reduce", "has_touch": True,
}  # fmt: skip


@pytest.fixture(scope="module")
def live() -> Iterator[Centre]:
    """Start a centre of this file's own."""
    with running_centre() as centre:
        yield centre


def letters(hand: Handset) -> list[str]:
    """Read the mail box."""
    found = hand._ask("GET", f"/sandbox/api/mail/{hand.drawer['email']}")
    return [letter["text"] for letter in found["letters"]]


def test_it_waits_on_a_new_telephone_and_the_mail_stops_it(browser: Browser, live: Centre) -> None:
    """No seal is stamped yet; the link of the mail has one button, and after it the journey says so."""
    old = Handset(browser.new_context(**SHAPE).new_page(), live, "hong")
    old.begin("joint")
    old.walk()
    old.wait_until_done()
    new = Handset(browser.new_context(**SHAPE).new_page(), live, "hong")
    new.begin("joint", "reissue")
    new.walk()
    new.page.get_by_role("heading", name="새 인증서가 기다리고 있어요").wait_for()
    assert new.page.locator(".stamping").count() == 0
    assert new.findings() == []
    there, link = new.page.url, re.compile(r"/stop/\S+")
    wait_until(lambda: any(link.search(text) for text in letters(new)), "the mail about the re-issue")
    found = next(match[0] for text in letters(new) if (match := link.search(text)))
    desk = browser.new_context(locale="ko-KR", reduced_motion="reduce").new_page()
    desk.goto(live.url + found)
    eyes = Handset(desk, live, "hong")
    assert eyes.findings() == []
    with desk.expect_navigation():
        desk.get_by_role("button", name="이 재발급 멈추기").click()
    assert "재발급을 멈췄어요" in desk.locator("h1").inner_text()
    assert eyes.findings() == []
    new.page.goto(there)
    assert "이 재발급은 멈췄어요" in new.page.locator("main").inner_text()
    for context in (old, new, eyes):
        context.page.context.close()
