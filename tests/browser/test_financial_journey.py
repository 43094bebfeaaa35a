"""The financial certificate on the web, step by step as the printed guide has it, and all around it."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from tests.browser.customer import Customer
from tests.centres import Centre, running_centre, wait_until

from dojang.ports.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import BrowserContext, Page

pytestmark = [pytest.mark.browser, pytest.mark.live]


@pytest.fixture(scope="module")
def town() -> Iterator[Centre]:
    """Return a centre of this module's own: each test takes another person of the cast."""
    with running_centre() as centre:
        yield centre


@pytest.fixture
def seat(town: Centre, context: BrowserContext) -> Callable[..., Customer]:
    """Return a function that seats one of the cast at a new screen of one browser."""

    def sit(handle: str, page: Page | None = None, **more: Any) -> Customer:
        page = page or context.new_page()
        page.set_default_timeout(20_000)
        return Customer(page, town, handle, **more)

    return sit


def ocsp_status(town: Centre, serial: str, folder: Path) -> str:
    """Ask the status responder with openssl; return the line about the certificate."""
    for name, address in (("root", "/aia/root-1.cer"), ("issuing", "/aia/issuing-1.cer")):
        status, der = town.request("GET", address)
        assert status == 200, address
        subprocess.run(
            ["openssl", "x509", "-inform", "DER", "-out", str(folder / f"{name}.pem")], input=der, check=True
        )
    answer = subprocess.run(
        [
            "openssl", "ocsp", "-issuer", "issuing.pem", "-serial", f"0x{serial}", "-url", f"{town.url}/ocsp",
            "-CAfile", "root.pem", "-verify_other", "issuing.pem",
            "-validity_period", "3600",  # the town's clock is ahead of openssl's once a test has moved it
        ],
        cwd=folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "Response verify OK" in answer.stderr
    return answer.stdout.splitlines()[0].partition(": ")[2]


def texts(town: Centre, number: str) -> list[str]:
    """Return the texts a telephone received, newest first."""
    status, phone = town.request("GET", f"/sandbox/api/phones/{number}")
    assert status == 200
    return [message["text"] for message in phone["messages"]]


def serial_on_page(person: Customer) -> str:
    """Read the new certificate's serial number from the last page."""
    person.page.goto(f"{person.centre.url}/me/certificates/")
    link = person.page.locator(".mine a").first.get_attribute("href") or ""
    return link.rstrip("/").rpartition("/")[2]


def test_all_eighteen_steps_at_the_page_with_the_telephone_and_the_drawer(
    town: Centre, context: BrowserContext, seat: Callable[..., Customer], tmp_path: Path
) -> None:
    """From the bank's home to the stamped seal, then the re-issue: old revoked, new good, by openssl."""
    hong = seat("hong")
    page = hong.page
    page.goto(town.url)
    page.get_by_role("link", name="인증센터", exact=True).first.click()  # 1: 인증센터, 개인
    page.get_by_role("link", name="개인").click()
    page.get_by_role("link", name="발급/재발급").first.click()  # 2: 금융인증서 발급/재발급
    page.locator(".begin form button").click()
    page.wait_for_url("**/runs/**")
    page.get_by_role("button", name="전체약관보기").click()  # 3: every text is opened
    assert page.locator("terms-all details").count() == page.locator("terms-all details[open]").count() > 5
    assert hong.findings() == []
    assert [hong.answer(), hong.answer()] == ["terms", "identify"]  # 4, 5, 6

    telephone = context.new_page()
    telephone.goto(f"{town.url}/sandbox/phone/{hong.number}/")
    page.bring_to_front()
    hong.press()  # 7: 인증받기
    hong.choose("phone")
    hong.press()  # 8: number chosen
    telephone.bring_to_front()
    telephone.locator("#answer").click()  # 9: the call
    code = hong.code()
    for digit in code:
        telephone.locator(f"#key-{digit}").click()
    page.bring_to_front()  # a page behind another is drawn rarely, and everything there waits for that
    page.locator('.wait__track li[data-state="good"]').wait_for()
    hong.press()  # 전화승인완료
    assert hong.walk(until="security_card") == ["account", "factor"]  # 10

    drawer = context.new_page()
    drawer.goto(f"{town.url}/sandbox/drawer/hong/")  # 11: the codes are read from the card
    first, second = hong.cells()
    for cell in (first, second):
        assert drawer.get_by_text(hong.drawer["card"]["cells"][cell], exact=True).count() >= 1
    page.bring_to_front()
    assert hong.walk(until="sms_reply") == ["security_card", "contact", "person"]  # 12–15
    code = hong.code()
    telephone.bring_to_front()
    telephone.locator("#text").fill(code)  # 16: answer the SMS
    telephone.keyboard.press("Enter")
    page.bring_to_front()
    page.locator('.wait__track li[data-state="good"]').wait_for()
    hong.press()
    assert hong.walk() == ["pin", "confirm"]  # 17, 18
    hong.wait_until_done()
    old = serial_on_page(hong)
    assert ocsp_status(town, old, tmp_path) == "good"

    again = seat("hong", page, pin="583902")
    again.begin(purpose="reissue")
    assert "reissue" in again.walk()
    again.wait_until_done()
    new = serial_on_page(again)
    assert new != old
    assert ocsp_status(town, old, tmp_path) == "revoked"
    assert ocsp_status(town, new, tmp_path) == "good"


def test_back_refresh_and_a_second_tab(context: BrowserContext, seat: Callable[..., Customer]) -> None:
    """Back asks again and keeps what is not secret; refresh changes nothing; a second tab repeats nothing."""
    yoon = seat("yoon")
    yoon.begin()
    yoon.walk(until="contact")
    yoon.answer()
    assert yoon.step == "person"
    yoon.press("back")
    assert yoon.step == "contact"
    assert yoon.page.locator("[name=email]").input_value() == yoon.drawer["email"]
    yoon.page.reload()
    assert yoon.step == "contact"

    other = seat("yoon", context.new_page())
    other.page.goto(yoon.page.url)
    assert other.step == "contact"
    other.answer()
    assert other.step == "person"
    yoon.answer()  # the tab that fell behind repeats what was done: the present page, and nothing twice
    assert yoon.step == "person"
    other.press("back")
    other.answer()
    assert other.step == "person"
    yoon.type("name", yoon.drawer["name"])
    yoon.press()  # this page is of an earlier turn: it is told so, not obeyed
    assert yoon.step == "person"
    assert "이미 진행됐어요" in yoon.page.locator("main").inner_text()


def test_wrong_codes_lock_the_card_and_another_way_remains(seat: Callable[..., Customer]) -> None:
    """Each wrong card code says what is left; the fifth locks; the one-time password still works."""
    baek = seat("baek")
    baek.begin()
    baek.walk(until="factor")
    baek.choose("factor", "security_card")
    baek.press()
    for left in (4, 3, 2, 1):
        baek.type_secret("serial_tail", "0000")
        baek.type_secret("code_first", "00")
        baek.type_secret("code_second", "00")
        baek.press()
        assert f"{left}번" in " ".join(baek.errors)
        assert baek.findings() == []
    cells = baek.cells()
    baek.page.reload()
    assert baek.cells() == cells, "a challenge stays until it is answered"
    baek.type_secret("serial_tail", "0000")
    baek.type_secret("code_first", "00")
    baek.type_secret("code_second", "00")
    baek.press()
    assert baek.page.locator("input[name=code_first]").count() == 0
    assert baek.findings() == []
    baek.press("back")
    assert baek.step == "factor"
    baek.choose("factor", "otp")
    baek.press()
    baek.answer()
    assert baek.step == "contact"


def test_find_my_id_returns_to_where_it_was_called(seat: Callable[..., Customer]) -> None:
    """Wrong details tell nothing; right ones fill the ID in, masked, at the step that asked."""
    jung = seat("jung")
    jung.begin()
    jung.walk(until="identify")
    jung.press("side:find-id")
    drawer = jung.drawer
    account = next(a for a in drawer["accounts"] if a["kind"] == "withdrawal")
    for password in ("0000" if account["password"] != "0000" else "1111", account["password"]):
        assert jung.findings() == []
        jung.type("name", drawer["name"])
        jung.type("birth", drawer["birth"].replace("-", ""))
        jung.type("account", account["number"])
        jung.type_secret("account_password", password)
        jung.press()
    assert jung.step == "identify"
    shown = jung.page.locator("main").inner_text()
    assert drawer["user_id"] not in shown
    assert drawer["user_id"][:2] in shown
    assert jung.findings() == []
    field = jung.page.locator("[name=user_id]").input_value()
    assert field.startswith(drawer["user_id"][:2])
    assert field != drawer["user_id"]
    jung.type("rrn_front", drawer["rrn"][:6])
    jung.type_secret("rrn_back", drawer["rrn"][6:])
    jung.press()
    assert jung.step == "reissue"


def test_a_changed_number_is_called_and_takes_the_higher_path(
    seat: Callable[..., Customer], town: Centre
) -> None:
    """고객정보수정 inside the call's step: card, new number, code by text; then the call, and mail."""
    han = seat("han")
    han.begin()
    han.walk(until="ars")
    old = han.number
    han.press("side:change-phone")
    account = next(a for a in han.drawer["accounts"] if a["kind"] == "withdrawal")
    han.type("account", account["number"])
    han.type_secret("account_password", account["password"])
    han.press()
    han.choose("factor")
    han.press()
    han._do_security_card()
    new = "01000000299"
    han.type("new_phone", new)
    assert han.findings() == []
    han.press()
    (letter,) = texts(town, new)
    code = re.search(r"\b\d{6}\b", letter)
    assert code
    han.type("code", code[0])
    han.press()
    assert han.step == "ars"
    assert han.number == new
    wait_until(
        lambda: any("바뀌" in text or "바꾸" in text for text in texts(town, old)),
        "the old number to be told",
    )
    steps = han.walk()
    assert "mail_code" in steps
    han.wait_until_done()


def test_a_run_times_out_and_another_begins(seat: Callable[..., Customer], town: Centre) -> None:
    """Eleven idle minutes end the run with a sentence and a way out; a shorter rest does not."""
    kim = seat("kim")
    kim.begin()
    kim.answer()
    status, _ = town.request("POST", "/sandbox/api/clock", {"advance_seconds": 300})
    assert status == 200
    kim.page.reload()
    assert kim.step == "identify"
    kim.answer()
    kim.page.goto(town.url)
    kim.page.goto(f"{town.url}/certs/financial/issue/")  # resume: the browser still knows the run
    kim.page.locator('a[href*="/runs/"]').first.click()
    assert kim.step == "ars"
    town.request("POST", "/sandbox/api/clock", {"advance_seconds": 660})
    kim.page.reload()
    assert kim.step == ""
    assert kim.findings() == []
    kim.begin()
    assert kim.step == "terms"


@pytest.mark.parametrize("handle", ["park", "choi"])
def test_whoever_may_not_is_told_why_and_where_to_go(seat: Callable[..., Customer], handle: str) -> None:
    """A locked customer and a child are refused politely, with the way out, and nothing is issued."""
    person = seat(handle)
    person.begin()
    assert [person.answer(), person.answer()] == ["terms", "identify"]
    assert person.page.locator("input[name=phone]").count() == 0
    assert person.findings() == []
    assert re.search(f"{Policy().bank.phone}|영업점", person.page.locator("main").inner_text())
