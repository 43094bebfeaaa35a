"""A wait that ends badly: the page says so by itself, while the person holds the telephone in their hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.browser.customer import Customer
from tests.centres import Centre, running_centre

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import BrowserContext, Page

pytestmark = [pytest.mark.browser, pytest.mark.live]


@pytest.fixture(scope="module")
def town() -> Iterator[Centre]:
    """Return a centre of this module's own: its clock is moved."""
    with running_centre() as centre:
        yield centre


@pytest.fixture
def seat(town: Centre, context: BrowserContext) -> Callable[[str], tuple[Customer, Page]]:
    """Return a function that seats one of the cast at a screen, their telephone beside it."""

    def sit(handle: str) -> tuple[Customer, Page]:
        screen, telephone = context.new_page(), context.new_page()
        for page in (screen, telephone):
            page.set_default_timeout(20_000)
        return Customer(screen, town, handle), telephone

    return sit


def tap(person: Customer, telephone: Page, *buttons: str) -> None:
    """Open the telephone's own page and press what is on it."""
    telephone.goto(f"{person.centre.url}/sandbox/phone/{person.number}/")
    for button in buttons:
        with telephone.expect_response(lambda answer: answer.request.method == "POST"):
            telephone.locator(button).click()


def told(person: Customer) -> str:
    """Wait until the page says by itself how the wait ended; it is announced and has the focus."""
    summary = person.page.locator(".summary[role=alert]")
    summary.wait_for()
    assert summary.evaluate("it => document.activeElement === it")
    assert person.findings() == []
    return summary.inner_text()


def ask_call(person: Customer) -> None:
    """Choose a number; the call is on its way."""
    if person.page.locator("input[name=phone]").count() == 0:
        person.press()
    person.choose("phone")
    person.press()
    person.page.locator(".code__digits").wait_for()


def test_every_end_of_a_call_is_said_on_the_page(seat: Callable[[str], tuple[Customer, Page]]) -> None:
    """Wrong number keyed, refused, put down: what happened, how many calls are left, what to do next."""
    yoon, telephone = seat("yoon")
    yoon.begin()
    yoon.walk(until="ars")

    ask_call(yoon)
    wrong = f"{(int(yoon.code()) + 1) % 100:02d}"
    tap(yoon, telephone, "#answer", f"#key-{wrong[0]}", f"#key-{wrong[1]}")
    said = told(yoon)
    assert "누르신 번호가 화면의 승인번호와 달랐어요" in said
    assert "2번 더 걸 수 있어요" in said
    assert yoon.page.locator(".summary a").count() == 0

    ask_call(yoon)
    assert yoon.errors == [], "the next answer takes the old outcome away"
    tap(yoon, telephone, "#reject")
    said = told(yoon)
    assert "휴대폰에서 전화를 거절하셨어요" in said
    assert "1번 더 걸 수 있어요" in said
    assert yoon.page.locator(".summary a[href='/help/lost-phone/']").inner_text() == "제가 한 일이 아니에요"
    yoon.page.reload()
    assert told(yoon) == said, "it stays until the next answer"

    ask_call(yoon)
    tap(yoon, telephone, "#answer", "#hang-up")
    said = told(yoon)
    assert "번호를 누르기 전에 전화가 끊겼어요" in said
    assert "더는 전화를 걸 수 없어요" in said


def test_a_call_nobody_takes_is_said_on_the_page(
    seat: Callable[[str], tuple[Customer, Page]], town: Centre
) -> None:
    """The telephone rings until it stops."""
    baek, _telephone = seat("baek")
    baek.begin()
    baek.walk(until="ars")
    ask_call(baek)
    town.request("POST", "/sandbox/api/clock", {"advance_seconds": 60})
    assert "전화를 받지 않으셨어요" in told(baek)


def test_a_wrong_reply_is_said_on_the_page_and_the_right_one_goes_on(
    seat: Callable[[str], tuple[Customer, Page]], town: Centre
) -> None:
    """Without a press of the button; then too late, which is said as well."""
    hong, telephone = seat("hong")
    hong.begin()
    hong.walk(until="sms_reply")
    right = hong.code()
    tap(hong, telephone)
    telephone.locator("#text").fill(f"{(int(right) + 1) % 100:02d}")
    telephone.locator("#send").click()
    said = told(hong)
    assert "답장의 숫자가 화면의 숫자와 달라요" in said
    assert "2번 더" in said
    assert hong.code() == right
    tap(hong, telephone)
    telephone.locator("#text").fill(right)
    telephone.locator("#send").click()
    hong.page.locator('.wait__track li[data-state="good"]').wait_for()
    assert hong.errors == []
    hong.press()
    assert hong.step == "pin"
    hong.press("back")
    assert hong.step == "sms_reply"
    town.request("POST", "/sandbox/api/clock", {"advance_seconds": 200})
    assert "시간이 지나 이 숫자는 쓸 수 없어요" in told(hong)


def test_nothing_is_loaded_while_an_answer_is_being_sent(
    seat: Callable[[str], tuple[Customer, Page]],
) -> None:
    """The call ends while a press is on its way: the page does not break that press off."""
    jung, telephone = seat("jung")
    jung.begin()
    jung.walk(until="ars")
    ask_call(jung)
    held, loads = [], []
    address = f"**/runs/{jung.run}/**"

    def hold(route: object) -> None:
        request = route.request  # type: ignore[attr-defined]
        if request.method == "POST":
            held.append(route)
            return
        if request.is_navigation_request():
            loads.append(request.url)
        route.continue_()  # type: ignore[attr-defined]

    jung.page.route(address, hold)
    jung.button("submit").click(no_wait_after=True)
    tap(jung, telephone, "#reject")
    for _ in range(3):  # the page asks how the call stands, learns that it ended, and asks again
        with jung.page.expect_request("**/state"):
            pass
    assert len(held) == 1
    assert loads == []
    with jung.page.expect_navigation():
        held[0].continue_()
    assert "휴대폰에서 전화를 거절하셨어요" in told(jung)
