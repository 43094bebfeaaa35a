"""A person with the app open on their telephone: the steps only the app has, by finger and by keyboard."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.browser.customer import TURNS, Customer
from tests.browser.hands import Keyboard

if TYPE_CHECKING:
    from collections.abc import Sequence

PASSWORD = "seal-Ink7.warm"  # keeps every rule: letters, digits, signs, no sequence
PATTERN = (0, 4, 8, 5, 2)


@dataclass
class Handset(Customer):
    """One of the cast with the app on `page`."""

    password: str = PASSWORD
    pattern: Sequence[int] = PATTERN

    def begin(self, product: str = "joint", purpose: str = "issue") -> None:
        """Go the way of the guide: app, ≡, 인증/보안, the product, its button."""
        self.page.goto(f"{self.centre.url}/app/")
        for way in (
            ".top__tool", ".rows a[href='/app/menu/security/']", f"a[href='/app/{product}/']",
            f"form[action='/app/{product}/{purpose}/'] button",
        ):  # fmt: skip
            self.noticed()
            with self.page.expect_navigation():
                self.hands.press(self.page.locator(way).first)
        self.page.wait_for_url("**/app/runs/**")

    def walk(self, until: str = "") -> list[str]:
        """Answer steps until the named one is on the screen, or until nothing is left to answer."""
        passed: list[str] = []
        # What follows the last answer the page does by itself: it stores the certificate and says so.
        for _ in range(TURNS):
            if passed[-1:] == ["confirm"] or (until and self.step == until):
                return passed
            step = self.answer()
            passed += [step] if passed[-1:] != [step] else []
        raise AssertionError((passed, self.errors))

    def wait_until_done(self) -> None:
        """Wait for the stamped seal, and until the telephone has put its keys in order."""
        super().wait_until_done()
        self.page.locator("[data-run-state][data-settled]").wait_for()

    # --- steps -------------------------------------------------------------------------------------------

    def _do_device(self) -> None:
        self.page.locator("[data-check=version][data-good=true]").wait_for()
        self.press()

    def _do_request(self) -> None:
        self.press()

    def _do_reissue_request(self) -> None:
        self.choose("reason")
        self.press()

    def _do_phone_check(self) -> None:
        if not self.page.locator("input[name=code]").count():
            drawer = self.drawer
            line = drawer["lines"][0]
            self.type("name", drawer["name"])
            self.type("birth", drawer["birth"].replace("-", ""))
            self.choose("gender", line["gender"])
            self.choose("carrier", line["carrier"])
            self.type("phone", line["number"])
            self.codes_before = len(self.codes(line["number"]))
        else:
            self.type("code", self.texted_code(self.drawer["lines"][0]["number"]))
        self.press()

    def _do_id_card(self) -> None:
        paper = self.drawer["papers"][0]
        self.choose("card_type", paper["type"])
        self.type_secret("card_number", paper["number"])
        self.type("issued", paper["issued"].replace("-", ""))
        self.press()

    def _do_one_won(self) -> None:
        if not self.page.locator("input[name=code]").count():
            book = self.drawer["other_bankbooks"][0]
            self.choose("bank", book["bank"])
            self.type("account", book["number"])
        else:
            deposits = self.drawer["other_bankbooks"][0]["deposits"]
            digits = re.search(r"\d{4}", str(deposits[0]["memo"] if "memo" in deposits[0] else deposits[0]))
            assert digits, deposits
            self.type("code", digits[0])
        self.press()

    def _do_certificate_key(self) -> None:
        self.typed.append(self.password)
        for field in ("#key-password", "#key-again"):
            self.hands.write(self.page.locator(field), self.password)
        self.press()

    def _do_certificate_password(self) -> None:
        self.page.locator("certificate-sign[data-ready]").wait_for()
        self.hands.write(self.page.locator("#sign-password"), self.password)
        self.press()

    def _do_pattern(self) -> None:
        self.noticed()
        self.draw(self.pattern)
        self.page.locator("pattern-lock:not([data-state=bad]) .pattern__trace polyline[points='']").wait_for(
            state="attached"
        )
        with self.page.expect_navigation():
            self.draw(self.pattern)

    def _do_device_key(self) -> None:
        self.press()

    def _do_bank_certificate(self) -> None:
        self.noticed()
        with self.page.expect_navigation():
            self.draw(self.pattern)

    def _do_identity_way(self) -> None:
        self.choose("way", "phone_check")
        self.press()

    def _do_account_number(self) -> None:
        account = next(a for a in self.drawer["accounts"] if a["kind"] == "withdrawal")
        self.type("account", account["number"])
        self.press()

    def _do_account_password(self) -> None:
        account = next(a for a in self.drawer["accounts"] if a["kind"] == "withdrawal")
        if self.page.locator("input[name=account_id]").count():
            self.choose("account_id")
        self.type_secret("account_password", account["password"])
        self.press()

    def _do_details(self) -> None:
        self.press()

    def _do_factor(self) -> None:
        own = self.page.locator("input[name=factor][value=bank_certificate]")
        self.choose("factor", "bank_certificate" if own.count() else None)
        self.press()

    # --- the pattern -------------------------------------------------------------------------------------

    def draw(self, dots: Sequence[int]) -> None:
        """Draw a pattern in one stroke, or join its dots by keyboard."""
        lock = self.page.locator("pattern-lock .pattern")
        lock.scroll_into_view_if_needed()
        if self.by_keyboard:
            self._draw_by_keyboard(dots)
            return
        box = lock.bounding_box()
        assert box
        third = box["width"] / 3
        places = [(box["x"] + third * (d % 3 + 0.5), box["y"] + third * (d // 3 + 0.5)) for d in dots]
        mouse = self.page.mouse
        mouse.move(*places[0])
        mouse.down()
        for place in places[1:]:
            mouse.move(*place, steps=6)
        mouse.up()

    def _draw_by_keyboard(self, dots: Sequence[int]) -> None:
        assert isinstance(self.hands, Keyboard)
        self.hands.reach(self.page.locator(".pattern__dot[tabindex='0']"))
        here = int(self.page.evaluate("document.activeElement.dataset.dot"))
        for dot in dots:
            keys: list[str] = []
            down, right = dot // 3 - here // 3, dot % 3 - here % 3
            keys += ["ArrowDown" if down > 0 else "ArrowUp"] * abs(down)
            keys += ["ArrowRight" if right > 0 else "ArrowLeft"] * abs(right)
            for key in [*keys, "Space"]:
                self.page.keyboard.press(key)
            here = dot
        self.hands.press(self.page.locator(".pattern__tools .btn"))

    # --- what is kept on the device ----------------------------------------------------------------------

    def held(self) -> list[dict[str, Any]]:
        """Certificates on the device, as its list shows them."""
        self.page.goto(f"{self.centre.url}/app/certificates/")
        self.page.locator("device-store[data-ready]").wait_for(state="attached")
        items = self.page.locator(".store > li").all()
        return [
            {
                "id": item.get_attribute("data-id"),
                "state": item.get_attribute("data-state"),
                "name": item.locator("strong").first.inner_text(),
                "product": item.locator(".mine__text > span").first.inner_text(),
            }
            for item in items
        ]
