"""The browser's own buttons: back, forward and reload after every kind of answer show a page of the bank."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.browser.customer import Customer
from tests.browser.handset import Handset

if TYPE_CHECKING:
    from playwright.sync_api import Page
    from tests.centres import Centre

pytestmark = [pytest.mark.browser, pytest.mark.live]


def leaf(person: Customer) -> None:
    """Reload, go back, and forward again: each is a page of the bank, and the run stands where it stood."""
    page, step, errors = person.page, person.step, person.errors
    page.reload()
    assert (person.step, person.errors) == (step, errors)
    page.go_back()
    assert page.url.startswith(person.centre.url)
    assert page.locator("h1").is_visible()
    page.go_forward()
    assert page.url.startswith(person.centre.url)
    assert (person.step, person.errors) == (step, errors)


@pytest.mark.parametrize("channel", ["web", "app"])
def test_the_browsers_buttons_after_each_kind_of_answer(live: Centre, page: Page, channel: str) -> None:
    """After a mistake, a refusal, a right answer, a step back and an answer to an earlier page."""
    page.set_default_timeout(20_000)
    person = Customer(page, live, "han") if channel == "web" else Handset(page, live, "han")
    person.begin()
    person.walk(until="terms")
    person.press()
    assert len(person.errors) == 1
    leaf(person)
    person.walk(until="identify")
    leaf(person)
    person.type("user_id", "nobody77")
    person.type("rrn_front", "900101")
    person.type_secret("rrn_back", "1011000")
    person.press()
    assert len(person.errors) == 1
    leaf(person)
    assert page.locator("[name=user_id]").input_value() == "nobody77"
    assert page.locator("[name=rrn_back]").input_value() == ""
    page.locator("#act input[name=revision]").evaluate("it => { it.value = '0'; }")
    person.press()
    assert "이미 진행됐어요" in page.locator("main").inner_text()
    leaf(person)
    person.press("back")
    leaf(person)
