"""The app on a telephone: every journey, keys that stay there, approvals, copies, life without network."""

from __future__ import annotations

import gzip
import re
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from tests.browser.conftest import CHROMIUM, QUIET
from tests.browser.customer import Customer
from tests.browser.handset import PASSWORD, Handset
from tests.centres import wait_until
from tests.push_services import LoopbackService, PushedBrowser

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page, Playwright
    from tests.centres import Centre

pytestmark = [pytest.mark.browser, pytest.mark.live]
WIDTH = 360
PLACES = (
    "/app/", "/app/menu/", "/app/menu/security/", "/app/menu/about/", "/app/menu/messages/",
    "/app/certificates/", "/app/approvals/",
    "/app/copy/", "/app/continue/", "/app/offline/", "/app/bank/pattern/",
    "/app/joint/", "/app/bank/", "/app/financial/",
    "/app/joint/issue/", "/app/bank/issue/", "/app/financial/issue/", "/app/joint/issue/guide/",
    "/certs/joint/", "/certs/bank/", "/device/", "/continue/",
)  # fmt: skip


@contextmanager
def telephone(browser: Browser, playwright: Playwright, **more: Any) -> Iterator[Page]:
    """Hold a telephone: its size, its touch, Korea; nothing may go wrong in its console."""
    shape = {**playwright.devices["Galaxy S24"], "locale": "ko-KR", "timezone_id": "Asia/Seoul"}
    context = browser.new_context(**{**shape, "reduced_motion": "reduce", **more})
    page = context.new_page()
    page.set_default_timeout(20_000)
    noise: list[str] = []
    page.on("pageerror", lambda error: noise.append(str(error)))
    page.on("console", lambda line: noise.append(line.text) if "Policy" in line.text else None)
    yield page
    context.close()
    assert noise == []


@pytest.fixture
def phone(browser: Browser, playwright: Playwright) -> Iterator[Page]:
    """Return a page of a telephone."""
    with telephone(browser, playwright) as page:
        yield page


JOINT = ["device", "request", "terms", "identify", "phone_check", "account", "certificate_key", "confirm"]
BANK = [
    "device", "terms", "phone_check", "id_card", "account", "one_won", "pattern", "device_key", "confirm",
]  # fmt: skip


def refuse_to_store(page: Page, *, is_full: bool) -> None:
    """Let the browser have no room for certificates, or have it again."""
    page.add_init_script(
        "const put = IDBObjectStore.prototype.put; IDBObjectStore.prototype.put = function (value) {"
        " if (localStorage.getItem('full') && value.sort !== 'pending')"
        " throw new DOMException('no room', 'QuotaExceededError'); return put.call(this, value); };"
    )
    page.evaluate(
        "full => full ? localStorage.setItem('full', '1') : localStorage.removeItem('full')", is_full
    )


def test_a_joint_certificate_is_issued_and_made_anew_on_the_telephone(phone: Page, live: Centre) -> None:
    """Seven steps, then six; the password never leaves the page, and only the new certificate stays there."""
    sent: list[str] = []
    phone.on("request", lambda request: sent.append(request.post_data or ""))
    han = Handset(phone, live, "han")
    han.begin("joint", "issue")
    steps = han.walk()
    han.wait_until_done()
    assert [step for step in steps if step != "reissue"] == JOINT
    assert not any(PASSWORD in body for body in sent)
    first = han.held()
    assert [(one["product"], one["name"], one["state"]) for one in first] == [
        ("공동인증서", "한서연", "live")
    ]
    assert han.findings() == []
    phone.goto(f"{live.url}/app/")
    phone.locator(".rack__item:has-text('공동인증서') svg.seal").wait_for()
    refuse_to_store(phone, is_full=True)
    han.begin("joint", "reissue")
    han.walk()
    assert "쓰시던 인증서는 그대로예요" in han.page.locator(".ending__head").inner_text()
    assert han.findings() == []
    assert han.held() == first
    refuse_to_store(phone, is_full=False)
    han.begin("joint", "reissue")
    steps = han.walk()
    han.wait_until_done()
    assert steps == [
        "device", "reissue_request", "phone_check", "identify", "account", "terms", "certificate_key",
        "confirm",
    ]  # fmt: skip
    second = han.held()
    assert len(second) == 1
    assert second[0]["id"] != first[0]["id"]


def test_a_bank_certificate_is_issued_by_keyboard_alone_and_serves_as_factor(
    phone: Page, live: Centre
) -> None:
    """Pattern by arrow keys; then the sixteen steps of the financial certificate with that pattern."""
    lee = Handset(phone, live, "lee", by_keyboard=True, pin="739105")
    lee.begin("bank", "issue")
    assert [step for step in lee.walk() if step != "reissue"] == BANK
    lee.wait_until_done()
    assert [one["product"] for one in lee.held()] == ["은행인증서"]
    lee.begin("financial", "issue")
    steps = [step for step in lee.walk() if step != "reissue"]
    lee.wait_until_done()
    assert steps == [
        "terms", "identify", "identity_way", "phone_check", "account_password", "account_number", "factor",
        "bank_certificate", "details", "pin", "confirm",
    ]  # fmt: skip
    manage(lee, new=(2, 4, 6, 7))


def manage(lee: Handset, new: tuple[int, ...]) -> None:
    """Change the pattern, log in with it, change the PIN, and end a certificate."""
    page, old = lee.page, lee.pattern
    page.goto(f"{lee.centre.url}/app/certificates/")
    page.locator(".store summary").click()
    page.locator("a[href='/app/bank/pattern/']").click()
    assert lee.findings() == []
    drawn = page.locator(".pattern__trace polyline[points='']")
    for pattern in (old, new, old, new):  # the second new one differs: it is asked for again
        lee.draw(pattern)
        drawn.wait_for(state="attached")
    with page.expect_navigation():
        lee.draw(new)
    assert "패턴을 바꿨어요" in page.locator("[role=status]").first.inner_text()
    lee.pattern = new
    page.goto(f"{lee.centre.url}/login/bank/?next=/app/financial/pin/")
    with page.expect_navigation(url="**/app/financial/pin/"):
        lee.draw(new)
    assert lee.findings() == []
    lee.type_secret("pin", lee.pin)
    lee.type_secret("new_pin", "480617")
    lee.type_secret("again", "480617")
    page.locator("form#act .btn--primary").click()
    assert "비밀번호를 바꿨어요" in page.locator("[role=status]").first.inner_text()
    page.goto(f"{lee.centre.url}/app/certificates/financial/revoke/")
    assert lee.findings() == []
    lee.choose("reason", "cessationOfOperation")
    page.locator("input[name=sure]").check(force=True)
    with page.expect_navigation():
        lee.draw(new)
    assert "인증서를 폐기했어요" in page.locator("[role=status]").first.inner_text()


def test_the_password_of_a_certificate_is_asked_where_it_is_on_the_telephone(
    browser: Browser, playwright: Playwright, start_centre: Callable[..., Centre]
) -> None:
    """A wrong one is told on the device and goes nowhere; the right one signs, and the journey goes on."""
    centre = start_centre()
    with telephone(browser, playwright) as page:
        lee = Handset(page, centre, "lee", pin="739105")
        lee.begin("joint", "issue")
        lee.walk()
        lee.wait_until_done()
        sent: list[str] = []
        page.on("request", lambda request: sent.append(request.post_data or ""))
        lee.begin("financial", "issue")
        lee.walk("certificate_password")
        assert lee.findings() == []
        before = len(sent)
        page.locator("#sign-password").fill(f"not-{PASSWORD}")
        page.locator("#act button[value=submit]").first.click()
        page.locator("certificate-sign [data-error]:not([hidden])").wait_for()
        assert sent[before:] == []
        page.locator("#sign-password").fill(PASSWORD)
        lee.press()
        assert lee.step == "account_number"
        assert not any(PASSWORD in body for body in sent)


def test_weak_passwords_and_patterns_are_refused_on_the_device(phone: Page, live: Centre) -> None:
    """Nothing is sent for a weak or mistyped password; the rules say which one is broken."""
    baek = Handset(phone, live, "baek")
    baek.begin("joint", "issue")
    baek.walk(until="certificate_key")
    sent: list[str] = []
    phone.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    submit = phone.locator("#act button[value=submit]")
    for password, again in (
        ("short1!", "short1!"),
        ("aaa-Good-Enough7", "aaa-Good-Enough7"),
        (PASSWORD, "x"),
    ):
        phone.locator("#key-password").fill(password)
        phone.locator("#key-again").fill(again)
        submit.click()
        phone.locator("device-key [role=alert]:not([hidden])").wait_for()
    assert sent == []
    assert baek.findings() == []
    assert phone.locator("[data-rule][data-kept=true]").count() == 4


def test_an_approval_needs_the_number_and_the_pattern(phone: Page, live: Centre, browser: Browser) -> None:
    """A web journey waits; a wrong pattern is refused and counted, number and pattern together approve."""
    kim = Handset(phone, live, "kim")
    kim.begin("bank", "issue")
    kim.walk()
    kim.wait_until_done()
    context = browser.new_context(locale="ko-KR", reduced_motion="reduce")
    desk = Customer(context.new_page(), live, "kim")
    desk.begin("financial", "issue")
    desk.walk(until="factor")
    desk.choose("factor", "bank_certificate")
    desk.press()
    number = desk.code()
    phone.goto(f"{live.url}/app/approvals/")
    assert kim.findings() == []
    phone.locator(".tiles a").click()
    kim.draw(kim.pattern)
    phone.locator("pattern-lock [role=alert]:not([hidden])").wait_for()
    assert kim.findings() == []
    phone.locator("#f-number").fill(number)
    with phone.expect_navigation():
        kim.draw((0, 1, 2, 5))
    assert kim.errors == ["패턴이 맞지 않아요. 다시 그려 주세요."]
    assert kim.findings() == []
    phone.locator("#f-number").fill(number)
    with phone.expect_navigation():
        kim.draw(kim.pattern)
    assert phone.url.endswith("?ended=approved")
    assert kim.findings() == []
    desk.press()
    assert desk.step in {"contact", "mail_code"}
    context.close()


#: In place of the browser's own push service, which no machine of the tests can reach.
SUBSCRIBED = """subscription => {
    const made = () => ({...subscription, options: {applicationServerKey: null}, toJSON: () => subscription,
                         unsubscribe: async () => { sessionStorage.removeItem('on'); return true; }});
    PushManager.prototype.getSubscription = async () => sessionStorage.getItem('on') ? made() : null;
    PushManager.prototype.subscribe = async how => {
        sessionStorage.setItem('on', '1');
        sessionStorage.setItem('key', [...how.applicationServerKey].length);
        return made();
    };
}"""
#: What the browser tells its worker when it ends a subscription and makes another.
CHANGED = """([before, next]) => {
    let work;
    const event = Object.assign(new Event('pushsubscriptionchange'), {
        oldSubscription: {endpoint: before}, newSubscription: {toJSON: () => next},
        waitUntil: promise => { work = promise; },
    });
    self.dispatchEvent(event);
    return work;
}"""


def turn_messages_on(jung: Handset, subscriber: PushedBrowser) -> None:
    """Walk the page of messages: blocked, without a service, on; each said in words and clean to axe-core."""
    phone, page = jung.page, f"{jung.centre.url}/app/menu/messages/"
    said = phone.locator("push-switch[data-ready] [data-said]")
    phone.context.grant_permissions(["geolocation"])  # and no other: messages are blocked
    phone.goto(page)
    assert said.inner_text().startswith("이 브라우저에서 알림이 막혀 있어요.")
    assert phone.locator("push-switch button:visible").count() == 0
    assert jung.findings() == []
    phone.context.grant_permissions(["notifications"])
    phone.reload()
    assert said.inner_text() == "지금은 이 기기로 알림을 받지 않아요."
    phone.get_by_role("button", name="알림 켜기").click()
    error = phone.locator("push-switch [role=alert]:not([hidden])")
    assert error.inner_text().startswith("브라우저의 알림 서비스에 연결할 수 없어요.")
    assert jung.findings() == []
    phone.evaluate(SUBSCRIBED, subscriber.subscription)
    phone.get_by_role("button", name="알림 켜기").click()
    phone.get_by_role("button", name="알림 끄기").wait_for()
    assert said.inner_text() == "이 기기로 알림을 받고 있어요."
    assert phone.evaluate("sessionStorage.getItem('key')") == "65"
    assert jung.findings() == []


def test_a_question_is_pushed_and_a_refused_approval_is_over(
    phone: Page, live: Centre, browser: Browser, push_peer: LoopbackService
) -> None:
    """The telephone that takes messages gets the question, sealed; one press says that it was not me.

    The question is then gone, and the web journey has not moved on.
    """
    first, subscriber = PushedBrowser(push_peer), PushedBrowser(push_peer)
    jung = Handset(phone, live, "jung")
    phone.goto(f"{live.url}/app/menu/messages/")
    assert "먼저 인증서를 발급받아" in phone.locator("push-switch[data-ready] [data-said]").inner_text()
    jung.begin("bank", "issue")
    jung.walk()
    jung.wait_until_done()
    turn_messages_on(jung, first)
    (worker,) = phone.context.service_workers
    worker.evaluate(CHANGED, [first.endpoint, subscriber.subscription])
    context = browser.new_context(locale="ko-KR", reduced_motion="reduce")
    desk = Customer(context.new_page(), live, "jung")
    desk.begin("financial", "reissue")
    desk.walk(until="factor")
    desk.choose("factor", "bank_certificate")
    desk.press()
    wait_until(lambda: bool(subscriber.got), "the question to be pushed")
    (shown,) = subscriber.messages()
    assert (shown["title"], shown["url"]) == ("본인이 맞는지 확인해 주세요", "/app/approvals/")
    assert desk.code() not in shown["text"]
    subscriber.got[0].token(audience=f"https://{push_peer.host}")
    assert first.got == []
    phone.goto(live.url + shown["url"])
    phone.locator(".tiles a").click()
    with phone.expect_navigation():
        phone.locator("button[value=reject]").click()
    assert phone.url.endswith("?ended=rejected")
    assert phone.locator(".tiles a").count() == 0
    desk.press()
    assert desk.step == "bank_certificate"
    context.close()


def test_a_certificate_is_copied_and_the_centre_sees_ciphertext_once(
    phone: Page, live: Centre, browser: Browser, tmp_path: Path
) -> None:
    """Twelve digits move it; they are never sent, work once, and the file exported opens with openssl."""
    hong = Handset(phone, live, "hong")
    hong.begin("joint", "issue")
    hong.walk()
    hong.wait_until_done()
    hong.held()
    sent: list[str] = []
    context = browser.new_context(locale="ko-KR", reduced_motion="reduce", accept_downloads=True)
    desk = context.new_page()
    for page in (phone, desk):
        page.on("request", lambda request: sent.append(f"{request.url} {request.post_data or ''}"))
    phone.goto(f"{live.url}/app/copy/")
    phone.locator("copy-certificate[data-ready]").wait_for()
    phone.locator("#copy-password").fill(hong.password)
    phone.locator("form[data-send] button").click()
    digits = phone.locator("[data-digits]:not([hidden]) [data-number]").inner_text().replace(" ", "")
    assert re.fullmatch(r"\d{12}", digits)
    desk.goto(f"{live.url}/device/")
    _receive(desk, digits, hong.password)
    desk.locator(".store > li").wait_for()
    assert not any(digits in body or hong.password in body for body in sent)
    desk.reload()
    _receive(desk, digits, hong.password)
    desk.locator("copy-certificate > [role=alert]:not([hidden])").wait_for()
    desk.locator(".store summary").click()
    desk.get_by_role("button", name="PFX로 내보내기").click()
    desk.locator("#store-password").fill(hong.password)
    with desk.expect_download() as download:
        desk.locator("dialog .btn--primary").click()
    file = tmp_path / "copy.p12"
    download.value.save_as(file)
    shown = subprocess.run(
        ["openssl", "pkcs12", "-in", file, "-passin", f"pass:{hong.password}", "-nodes", "-legacy"],
        capture_output=True, check=True, timeout=30,
    ).stdout  # fmt: skip
    assert b"BEGIN CERTIFICATE" in shown
    assert b"PRIVATE KEY" in shown
    context.close()


def _receive(page: Page, digits: str, password: str) -> None:
    page.locator("copy-certificate[data-ready]").wait_for()
    page.locator("#copy-number").fill(digits)
    page.locator("#copy-open").fill(password)
    page.locator("form[data-receive] button").click()


def test_a_journey_moves_to_the_telephone_and_its_number_works_once(
    phone: Page, live: Centre, customer: Callable[..., Customer]
) -> None:
    """Begun at the desk, gone on with on the telephone; the desk is told, and the number is spent."""
    desk = customer("baek")
    desk.begin("financial", "issue")
    desk.walk(until="ars")
    run = desk.run
    desk.page.get_by_role("button", name="다른 기기에서 이어 하기").click()
    number = desk.page.locator(".handoff-number").inner_text()
    assert desk.findings() == []
    there = Customer(phone, live, "baek")
    phone.goto(f"{live.url}/continue/")
    phone.locator("#f-number").fill(number)
    with phone.expect_navigation():
        phone.locator(".prefs button").click()
    assert there.step == "ars"
    assert there.run == run
    desk.page.goto(f"{live.url}/runs/{run}/")
    assert "다른 기기로" in desk.page.locator("main").inner_text()
    phone.goto(f"{live.url}/continue/")
    phone.locator("#f-number").fill(number)
    with phone.expect_navigation():
        phone.locator(".prefs button").click()
    assert there.errors


@pytest.mark.parametrize("language", ["ko-KR", "en-GB"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_place_of_the_app_is_clean(
    browser: Browser, playwright: Playwright, live: Centre, language: str, scheme: str
) -> None:
    """axe-core finds nothing, nothing is cut off sideways, and targets are large enough."""
    with telephone(browser, playwright, locale=language, color_scheme=scheme) as page:
        eyes = Handset(page, live, "han")
        for place in PLACES:
            page.goto(live.url + place)
            assert eyes.findings() == [], place
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, place
            small = page.evaluate(
                """[...document.querySelectorAll('a,button,input:not([type=hidden]),summary')].filter(e => {
                     const r = e.getBoundingClientRect(), inline = getComputedStyle(e).display === 'inline';
                     const seen = r.width && !inline && !/skip|unseen/.test(e.className);
                     return seen && (r.height < 24 || r.width < 24);
                   }).map(e => e.outerHTML.slice(0, 80))"""
            )
            assert small == [], place


@contextmanager
def installed(playwright: Playwright, folder: Path) -> Iterator[Page]:
    """Use a browser with a profile of its own, as installing needs."""
    context = playwright.chromium.launch_persistent_context(
        folder, executable_path=CHROMIUM, args=list(QUIET), locale="ko-KR", reduced_motion="reduce"
    )
    try:
        yield context.pages[0]
    finally:
        context.close()


def test_the_app_can_be_installed_works_offline_and_shows_what_is_pushed(
    playwright: Playwright, live: Centre, tmp_path: Path
) -> None:
    """No installability error; the shell without network; a push becomes a notification that leads inside."""
    with installed(playwright, tmp_path / "profile") as page:
        page.set_default_timeout(20_000)
        page.context.grant_permissions(["notifications"], origin=live.url)
        page.goto(f"{live.url}/app/")
        page.evaluate("navigator.serviceWorker.ready.then(() => null)")
        page.reload()
        cdp = page.context.new_cdp_session(page)
        assert cdp.send("Page.getInstallabilityErrors")["installabilityErrors"] == []
        found: list[dict[str, Any]] = []
        cdp.on("ServiceWorker.workerRegistrationUpdated", lambda event: found.extend(event["registrations"]))
        cdp.send("ServiceWorker.enable")
        while not found:
            page.evaluate("fetch('/app/manifest.webmanifest').then(() => null)")
        said = '{"title":"승인 요청","text":"금융인증서 발급","url":"https://elsewhere.example/"}'
        shown: list[Any] = []
        for turn in range(1000):
            if turn % 200 == 0:  # a push that meets a worker not yet started is lost: services send it again
                cdp.send(
                    "ServiceWorker.deliverPushMessage",
                    {"origin": live.url, "registrationId": found[0]["registrationId"], "data": said},
                )
            shown = page.evaluate(
                "navigator.serviceWorker.ready.then(r => r.getNotifications())"
                ".then(all => all.map(n => [n.title, n.body, n.data.url]))"
            )
            if shown:
                break
        assert shown == [["승인 요청", "금융인증서 발급", "/app/"]]
        page.context.set_offline(True)
        page.goto(f"{live.url}/app/menu/")
        assert "인터넷" in page.locator("h1").inner_text()
        page.locator("device-store[data-ready]").wait_for(state="attached")
        assert Handset(page, live, "han").findings() == []
        page.context.set_offline(False)


def test_an_old_app_is_told_to_update(phone: Page, live: Centre) -> None:
    """A device that says it runs an old version meets the notice on every page of the app."""
    phone.context.add_cookies([{"name": "dojang_app", "value": "0.9.0", "url": live.url}])
    phone.goto(f"{live.url}/app/menu/")
    assert "1.0.0" in phone.locator(".update").inner_text()


def test_the_app_is_light(phone: Page, live: Centre) -> None:
    """Everything the first page of the app loads, without fonts, stays under 60 kB compressed."""
    weights: dict[str, int] = {}
    phone.on(
        "response",
        lambda answer: weights.update(
            {
                answer.url: 0
                if ".woff2" in answer.url or ".png" in answer.url
                else len(gzip.compress(answer.body()))
            }
        ),
    )
    phone.goto(f"{live.url}/app/joint/issue/", wait_until="networkidle")
    assert 0 < sum(weights.values()) < 60 * 1024, weights
