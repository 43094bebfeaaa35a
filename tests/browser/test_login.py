"""Logging in with each of the three certificates: by pointer, by keyboard, and without scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.browser.customer import PIN, Customer
from tests.browser.handset import PASSWORD, PATTERN, Handset
from tests.centres import Centre, running_centre

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, CDPSession, Page

pytestmark = [pytest.mark.browser, pytest.mark.live]


@pytest.fixture(scope="module")
def live() -> Iterator[Centre]:
    """Start a centre of this file's own: what is held or stopped here must not meet other tests."""
    with running_centre() as centre:
        yield centre


def issue(customer: Callable[..., Customer], handle: str, pin: str = PIN) -> Customer:
    """Have a financial certificate issued."""
    person = customer(handle, pin=pin)
    person.begin()
    person.walk()
    person.wait_until_done()
    return person


def submit(page: Page) -> None:
    """Send the log-in form and wait for the answer."""
    with page.expect_navigation():
        page.locator('#act button[value="submit"]').click()


def test_the_financial_certificate_opens_my_seals_and_a_known_browser_asks_less(
    customer: Callable[..., Customer], page: Page
) -> None:
    """User id and keypad once; afterwards the seal and the PIN alone; axe finds nothing on the way."""
    hong = issue(customer, "hong")
    page.context.clear_cookies()
    page.goto(f"{hong.centre.url}/me/log/")
    assert page.url.endswith("/login/?next=/me/log/")
    assert page.locator("input[name=pin]").count() == 0
    assert hong.findings() == []
    page.goto(f"{hong.centre.url}/login/connect/")
    assert hong.findings() == []
    hong.connect()
    page.goto(f"{hong.centre.url}/login/?next=/me/log/")
    assert hong.findings() == []
    hong.type("user_id", hong.drawer["user_id"])
    hong.type_secret("pin", "390462")
    submit(page)
    assert "아이디나 비밀번호가 맞지 않아요" in hong.errors[0]
    assert hong.findings() == []
    hong.type("user_id", hong.drawer["user_id"])
    hong.type_secret("pin", PIN)
    page.get_by_label("이 기기에서 나를 기억하기").check()
    submit(page)
    assert page.url.endswith("/me/log/")
    page.get_by_role("button", name="로그아웃").click()
    page.wait_for_url("**/login/?out")
    assert page.locator(".who svg.seal").count() == 1
    assert page.locator("[name=user_id]").count() == 0
    hong.type_secret("pin", PIN)
    submit(page)
    assert page.url.endswith("/me/")
    assert page.locator("h1").inner_text() == "홍길동님, 안녕하세요"


def test_by_keyboard_alone_and_without_scripts(
    customer: Callable[..., Customer], browser: Browser, live: Centre
) -> None:
    """No pointer and no scripts: Tab, typing and Enter lead in, and out again."""
    hong = issue(customer, "han", "594817")
    context = browser.new_context(java_script_enabled=False, locale="ko-KR")
    page = context.new_page()
    Customer(page, live, "han").connect()
    page.locator("[name=user_id]").focus()
    page.keyboard.type(hong.drawer["user_id"])
    page.keyboard.press("Tab")
    page.keyboard.type(hong.pin)
    page.keyboard.press("Enter")
    page.wait_for_url("**/me/")
    assert "안녕하세요" in page.locator("h1").inner_text()
    page.get_by_role("button", name="로그아웃").press("Enter")
    page.wait_for_url("**/login/?out")
    context.close()


@pytest.fixture
def phone(browser: Browser, live: Centre) -> Any:
    """Open a telephone's browser."""
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, locale="ko-KR", timezone_id="Asia/Seoul",
        reduced_motion="reduce", has_touch=True,
    )  # fmt: skip
    page = context.new_page()
    page.set_default_timeout(30_000)
    yield page
    context.close()


def test_the_joint_certificate_signs_on_its_device(phone: Page, live: Centre) -> None:
    """A wrong password is told here and sent nowhere; the right one signs and opens my seals."""
    hong = Handset(phone, live, "hong")
    hong.begin("joint")
    hong.walk()
    phone.locator(".stamping svg.seal").wait_for()
    phone.goto(f"{live.url}/login/joint/")
    phone.locator("#proof-password").wait_for()
    assert hong.findings() == []
    assert "홍길동" in phone.locator("#proof-one").inner_text()
    phone.locator("#proof-password").fill("wrong-Password.1")
    phone.locator("[data-go]").click()
    phone.locator("password-proof [data-error]:not([hidden])").wait_for()
    assert hong.findings() == []
    phone.locator("#proof-password").fill(PASSWORD)
    sent: list[str] = []
    phone.on("request", lambda request: sent.append(request.post_data or ""))
    phone.keyboard.press("Enter")
    phone.wait_for_url("**/me/")
    assert "공동인증서로 로그인했어요" in phone.locator(".lead").first.inner_text()
    assert not any(PASSWORD in text for text in sent)
    phone.goto(f"{live.url}/me/devices/")
    assert "공동인증서" in phone.locator("main").inner_text()


class AtLocalhost(Centre):
    """The same centre by the name that browsers know this machine by: WebAuthn works at names alone."""

    @property
    def url(self) -> str:
        """Base address."""
        return f"http://localhost:{self.port}"


def keeper(page: Page) -> tuple[CDPSession, str]:
    """Give a telephone a keeper that knows its owner's finger; return it with its name."""
    cdp = page.context.new_cdp_session(page)
    cdp.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    return cdp, cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]


def test_the_bank_certificate_opens_by_its_pattern_then_by_finger(
    phone: Page, live: Centre, browser: Browser
) -> None:
    """Another pattern is refused and counted; the right one opens, then a finger, until it is turned off."""
    live = AtLocalhost(live.home, live.port, live.env)
    hong = Handset(phone, live, "hong")
    hong.begin("bank")
    hong.walk()
    phone.locator(".stamping svg.seal").wait_for()
    phone.goto(f"{live.url}/login/bank/")
    phone.locator("pattern-lock .pattern").wait_for()
    assert hong.findings() == []
    with phone.expect_navigation():
        hong.draw((0, 1, 2, 5))
    assert "패턴이 맞지 않아요" in hong.errors[0]
    with phone.expect_navigation():
        hong.draw(PATTERN)
    phone.wait_for_url("**/me/")
    assert "은행인증서로 로그인했어요" in phone.locator(".lead").first.inner_text()
    phone.goto(f"{live.url}/me/uses/")
    assert "패턴 틀림" in phone.locator("main").inner_text()
    place = f"{live.url}/app/bank/biometric/"
    phone.goto(place)
    phone.locator("biometric-check[data-state=cannot] [data-cannot]").wait_for()
    assert phone.locator("form[data-can]").is_hidden()
    assert hong.findings() == []
    cdp, finger = keeper(phone)
    turn_on(hong, place)
    log_in_by_finger(hong, cdp, finger)
    approve_by_finger(hong, browser)
    phone.goto(f"{live.url}/me/devices/")
    assert "지문·얼굴로 열기 켜짐" in phone.locator("main").inner_text()
    assert hong.findings() == []
    phone.goto(place)
    with phone.expect_navigation():
        phone.locator("button[value=off]").click()
    assert phone.url.endswith("?said=off")
    phone.goto(f"{live.url}/login/bank/")
    phone.locator("pattern-lock .pattern").wait_for()
    assert phone.locator("biometric-unlock").count() == 0


def turn_on(hong: Handset, place: str) -> None:
    """Draw the pattern, touch the keeper; each page is clean to axe."""
    page = hong.page
    page.goto(place)
    page.locator("biometric-check[data-state=can] pattern-lock .pattern").wait_for()
    assert hong.findings() == []
    with page.expect_navigation():
        hong.draw(PATTERN)
    page.locator("biometric-setup [data-go]").wait_for()
    assert hong.findings() == []
    with page.expect_navigation():
        page.locator("biometric-setup [data-go]").click()
    assert page.url.endswith("?said=on")
    assert "켜짐" in page.locator(".tag").inner_text()
    assert hong.findings() == []


def log_in_by_finger(hong: Handset, cdp: CDPSession, finger: str) -> None:
    """Touch with a strange finger, which is told and leaves the pattern; then with the right one."""
    page = hong.page
    page.context.clear_cookies(name="dojang_me")
    page.goto(f"{hong.centre.url}/login/bank/")
    touch = page.locator("biometric-unlock[data-state=ready] [data-go]")
    touch.wait_for()
    assert page.locator("pattern-lock").is_hidden()
    assert hong.findings() == []
    cdp.send("WebAuthn.setUserVerified", {"authenticatorId": finger, "isUserVerified": False})
    touch.click()
    page.locator("biometric-unlock [data-error]:not([hidden])").wait_for()
    page.locator("pattern-lock .pattern").wait_for()
    cdp.send("WebAuthn.setUserVerified", {"authenticatorId": finger, "isUserVerified": True})
    page.locator("biometric-unlock [data-go]").click()
    page.wait_for_url("**/me/")
    assert "은행인증서로 로그인했어요" in page.locator(".lead").first.inner_text()


def approve_by_finger(hong: Handset, browser: Browser) -> None:
    """Approve what waits on a desk: the number is asked for first, then number and finger do."""
    context = browser.new_context(locale="ko-KR", reduced_motion="reduce")
    desk = Customer(context.new_page(), hong.centre, "hong")
    desk.begin("financial", "issue")
    desk.walk(until="factor")
    desk.choose("factor", "bank_certificate")
    desk.press()
    page = hong.page
    page.goto(f"{hong.centre.url}/app/approvals/")
    page.locator(".tiles a").click()
    page.locator("biometric-unlock[data-state=ready] [data-go]").click()
    page.locator("biometric-unlock [data-error]:not([hidden])").wait_for()
    page.locator("#f-number").fill(desk.code())
    assert hong.findings() == []
    with page.expect_navigation():
        page.locator("biometric-unlock [data-go]").click()
    assert page.url.endswith("?ended=approved")
    desk.press()
    assert desk.step in {"contact", "mail_code"}
    context.close()


def test_a_device_without_certificates_says_so(phone: Page, live: Centre) -> None:
    """Joint and bank pages tell what to do instead, clean to axe, in both languages."""
    eyes = Customer(phone, live, "han")
    for language, joint in (("ko", "공동인증서가 없어요"), ("en", "no joint certificate")):
        phone.goto(f"{live.url}/login/joint/?lang={language}")
        phone.locator("password-proof [data-nothing]:not([hidden])").wait_for()
        assert joint in phone.locator("password-proof").inner_text()
        assert eyes.findings() == []
        phone.goto(f"{live.url}/login/bank/")
        assert phone.locator("pattern-lock").count() == 0
        assert eyes.findings() == []
