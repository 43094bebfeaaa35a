"""Pages in a real browser: accessible, light, private, and nicer with scripts than without."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import pytest
from tests.browser.customer import PIN, Customer

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser, Page, Response
    from tests.centres import Centre

pytestmark = [pytest.mark.browser, pytest.mark.live]

PLACES = (
    "/", "/certs/", "/certs/?who=business", "/certs/financial/", "/certs/financial/issue/", "/help/",
    "/help/financial-web-issue/", "/language/", "/me/certificates/", "/nothing-here/",
)  # fmt: skip
FIRST_LOAD = 60 * 1024


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize("display", ["light", "dark", "contrast"])
def test_axe_finds_nothing_on_any_place(live: Centre, browser: Browser, language: str, display: str) -> None:
    """Every place, in both languages and all displays, on a desktop and on a narrow phone."""
    for width in (1280, 360):
        context = browser.new_context(
            viewport={"width": width, "height": 800}, locale=language, reduced_motion="reduce"
        )
        context.add_cookies([{"name": "dojang_display", "value": display, "url": live.url}])
        page = context.new_page()
        eyes = Customer(page, live, "han")
        for place in PLACES:
            page.goto(live.url + place)
            assert eyes.findings() == [], (place, width)
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, (place, width)
        context.close()


def test_secrets_typed_in_a_journey_stay_secret(customer: Callable[..., Customer], page: Page) -> None:
    """No page says again what was typed, no script complains; the new certificate can be taken along."""
    noise: list[str] = []
    page.on("console", lambda line: noise.append(line.text) if line.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: noise.append(str(error)))
    bodies: list[str] = []
    page.on("response", lambda answer: _keep(answer, bodies))
    han = customer("han")
    han.begin()
    steps = han.walk()
    han.wait_until_done()
    assert steps[-2:] == ["pin", "confirm"]
    assert noise == []
    drawer = han.drawer
    for secret in (drawer["rrn"], drawer["rrn"][6:], PIN):
        assert not any(secret in body for body in bodies)
    page.goto(f"{han.centre.url}/me/certificates/")
    assert han.findings() == []
    page.locator(".mine a").first.click()
    assert page.locator("h1").inner_text() == drawer["name"]
    with page.expect_download() as download:
        page.get_by_role("link", name="PEM").click()
    assert download.value.path().read_text().startswith("-----BEGIN CERTIFICATE-----")


def _keep(answer: Response, bodies: list[str]) -> None:
    kind = answer.headers.get("content-type", "")
    if answer.status in {200, 422} and ("html" in kind or "json" in kind):
        bodies.append(answer.text())


def test_the_first_load_is_light_and_stays_at_home(live: Centre, page: Page) -> None:
    """Under 60 kB compressed without fonts, and no request to anybody else."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    weights: dict[str, int] = {}
    page.on("response", lambda answer: weights.update({answer.url: _weight(answer)}))
    page.goto(f"{live.url}/certs/financial/issue/", wait_until="networkidle")
    assert asked
    assert all(url.startswith(live.url + "/") for url in asked)
    assert sum(weights.values()) < FIRST_LOAD, weights
    assert any(url.endswith(".css") for url in weights), "the front end is not built"


def _weight(answer: Response) -> int:
    return 0 if ".woff2" in answer.url else len(gzip.compress(answer.body()))


def test_the_keypad_is_shuffled_and_the_plain_keyboard_is_one_tap_away(
    customer: Callable[..., Customer], page: Page
) -> None:
    """Keys change places, digits of a keyboard work, and the plain field takes over on request."""
    hong = customer("hong")
    hong.begin()
    hong.walk(until="identify")
    field = page.locator("input[name=rrn_back]")
    field.click()
    keys = page.locator(".pad .pad__key:not(.pad__key--tool)")
    assert sorted(keys.all_inner_texts()) == list("0123456789")
    orders = {tuple(keys.all_inner_texts())}
    for _ in range(5):
        page.locator(".pad__key--tool").first.click()
        orders.add(tuple(keys.all_inner_texts()))
    assert len(orders) > 1
    assert page.locator(".pad").get_attribute("aria-label")
    field.focus()
    page.keyboard.press("4")
    page.keyboard.press("2")
    page.keyboard.press("Backspace")
    assert field.input_value() == "4"
    assert page.locator("pin-pad:has(input[name=rrn_back]) [role=status]").inner_text()
    page.locator(".pad__tools button").first.click()
    assert page.locator(".pad").count() == 0
    assert field.get_attribute("readonly") is None
    page.keyboard.type("123")
    assert field.input_value() == "4123"


def test_the_skip_link_comes_first_and_enter_in_a_field_submits(
    customer: Callable[..., Customer], page: Page
) -> None:
    """What one expects of any form; the walks by keyboard alone are those of `test_every_journey`."""
    hong = customer("hong", by_keyboard=True)
    hong.begin()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    hong.answer()
    hong.type("user_id", "")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert hong.errors
    assert page.evaluate("document.activeElement.classList.contains('summary')") is True


def test_idle_warning_can_be_answered_and_nothing_typed_is_lost(
    customer: Callable[..., Customer], page: Page
) -> None:
    """A minute before the time is up a dialogue asks; one press gives more time without leaving the page."""
    page.clock.install()
    hong = customer("hong")
    hong.begin()
    hong.walk(until="identify")
    hong.type("user_id", "hong1234")
    page.clock.fast_forward(9 * 60 * 1000 + 5_000)
    dialogue = page.locator("idle-warning dialog")
    dialogue.wait_for(state="visible")
    assert hong.findings() == []
    dialogue.locator("[data-extend]").click()
    dialogue.wait_for(state="hidden")
    assert page.locator("input[name=user_id]").input_value() == "hong1234"


def test_a_double_click_sends_once(customer: Callable[..., Customer], page: Page) -> None:
    """The second click does nothing, and the button says that it is busy."""
    hong = customer("hong")
    hong.begin()
    page.locator("input[data-all]").check()
    sent: list[Any] = []
    page.on("request", lambda request: sent.append(request) if request.method == "POST" else None)
    with page.expect_navigation():
        page.locator("#act button[value=submit]").dblclick()
    assert hong.step == "identify"
    assert len(sent) == 1


def test_the_journey_works_without_javascript(browser: Browser, live: Centre) -> None:
    """From the first page to the seal with scripts off: forms and buttons alone."""
    context = browser.new_context(java_script_enabled=False, locale="en")
    page = context.new_page()
    smith = Customer(page, live, "smith")
    smith.begin()
    steps = smith.walk()
    assert steps[-1] == "confirm"
    smith.see_the_seal()
    assert page.locator("html").get_attribute("lang") == "en"
    context.close()


def test_a_page_is_usable_at_twice_the_size(live: Centre, browser: Browser) -> None:
    """At 200 % zoom nothing is cut off sideways and the start is still a large target."""
    context = browser.new_context(viewport={"width": 640, "height": 430}, device_scale_factor=2)
    page = context.new_page()
    for place in PLACES:
        page.goto(live.url + place)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, place
        small = page.evaluate(
            """[...document.querySelectorAll('a,button,input:not([type=hidden]),summary')].filter(e => {
                 const r = e.getBoundingClientRect(), s = getComputedStyle(e);
                 const inline = e.tagName === 'A' && s.display === 'inline';
                 const small = r.height < 24 || r.width < 24;
                 return r.width && !inline && !e.classList.contains('skip') && small;
               }).map(e => e.outerHTML.slice(0, 80))"""
        )
        assert small == [], place
    context.close()


def test_one_switch_ticks_what_is_required_and_nothing_else(
    customer: Callable[..., Customer], page: Page
) -> None:
    """The optional consent stays a choice of its own, made or not made before the switch or after it."""
    han = customer("han")
    han.begin()
    han.walk(until="terms")
    everything = page.locator("input[data-all]")
    optional = page.locator("input[name=agree]:not([data-required])")
    required = page.locator("input[name=agree][data-required]")
    assert optional.count() == 1
    everything.check()
    assert [box.is_checked() for box in required.all()] == [True] * required.count()
    assert not optional.is_checked()
    optional.check()
    everything.uncheck()
    assert optional.is_checked()
    assert not required.first.is_checked()
    assert "선택 항목은 따로" in page.locator(".terms__all").inner_text()
