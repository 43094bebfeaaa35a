"""A person at a screen: the pages of a journey as a browser shows them, with their phone and drawer at hand.

Everything typed comes from the person's own drawer (`/sandbox/api/`), as somebody there would find it.
Waiting is always for something on the page, never for a length of time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from axe_playwright_python.base import AXE_SCRIPT
from tests.browser.hands import Finger, Keyboard
from tests.centres import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Page
    from tests.centres import Centre

PIN = "271846"  # keeps every rule: no birthday, no telephone, no sequence, no repetition
_FINDINGS = """async () => {
  const ends = (one) => one.effect?.getComputedTiming().iterations !== Infinity;
  const moves = (one) => one.playState === "running" && ends(one);
  for (let turn = 0; turn < 100 && document.getAnimations().some(moves); turn += 1) {
    await new Promise((resolve) => setTimeout(resolve, 10)); // colours on their way are nobody's colours
  }
  const found = await axe.run(document, { resultTypes: ["violations"] });
  return found.violations.flatMap((rule) => rule.nodes.map((node) => `${rule.id}: ${node.target}`));
}"""
TURNS = 40  #: pages of the longest journey, and some more
_RUN = re.compile(r"/runs/([A-Za-z0-9_-]+)/")


@dataclass
class Customer:
    """One of the cast (`handle`, such as ``hong``) in front of `page`, at `centre`."""

    page: Page
    centre: Centre
    handle: str
    pin: str = PIN  #: must differ from the one used before
    #: secrets typed so far, to look for where they must not be
    typed: list[str] = field(default_factory=list)
    by_keyboard: bool = False
    new_number: str = ""  #: for `change-phone`
    watch: Callable[[str, str], None] | None = None  #: hears of each page before it is left: step and text
    codes_before: int = 0  #: codes on the telephone when the newest was asked for
    hands: Finger | Keyboard = field(init=False)

    def __post_init__(self) -> None:
        """Take the hands the person has."""
        self.hands = (Keyboard if self.by_keyboard else Finger)(self.page)

    # --- what lies beside the screen ---------------------------------------------------------------------

    @property
    def drawer(self) -> dict[str, Any]:
        """What the person has at home, as it is now."""
        return dict(self._ask("GET", f"/sandbox/api/people/{self.handle}/drawer"))

    @property
    def number(self) -> str:
        """The telephone number registered last."""
        return str(self.drawer["numbers"][0])

    def phone(self) -> dict[str, Any]:
        """Look at the calls and messages of that telephone."""
        return dict(self._ask("GET", f"/sandbox/api/phones/{self.number}"))

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        status, answer = self.centre.request(method, path, body)
        assert status in {200, 201, 204}, (method, path, status, answer)
        return answer

    # --- what is on the screen ---------------------------------------------------------------------------

    @property
    def run(self) -> str:
        """Id of the run on the screen."""
        match = _RUN.search(self.page.url)
        assert match, self.page.url
        return match[1]

    @property
    def step(self) -> str:
        """Id of the step on the screen; empty on the last page."""
        held = self.page.locator("form input[name=step]")
        return held.first.get_attribute("value") or "" if held.count() else ""

    @property
    def title(self) -> str:
        """Heading of the page."""
        return self.page.locator("h1").inner_text()

    @property
    def errors(self) -> list[str]:
        """Sentences of the error summary."""
        return self.page.locator(".summary li").all_inner_texts()

    def code(self) -> str:
        """Read the number the page asks to key in or to send back."""
        return self.page.locator(".code__digits").inner_text().strip()

    def findings(self) -> list[str]:
        """Return what axe-core finds wrong with the page: ``rule: element``."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE_SCRIPT)
        return list(self.page.evaluate(_FINDINGS))

    # --- hands -------------------------------------------------------------------------------------------

    def begin(self, product: str = "financial", purpose: str = "issue") -> None:
        """Go the way of the guide: the bank's home, 인증센터, 개인, the certificate, its button."""
        self.page.goto(self.centre.url)
        ways = [".bar nav a[href='/certs/']", ".tabs a", f".cards a[href='/certs/{product}/issue/']"]
        if purpose == "reissue":
            ways[2:] = [f".cards a[href='/certs/{product}/']", f"a[href='/certs/{product}/reissue/']"]
        for way in (*ways, ".begin form button"):
            self.noticed()
            with self.page.expect_navigation():
                self.hands.press(self.page.locator(way).first)

    def noticed(self) -> None:
        """Let somebody who looks over the shoulder see the page before it is left."""
        if self.watch is not None:
            self.watch(self.step, self.page.locator("body").inner_text())

    def press(self, action: str = "submit") -> None:
        """Press a button of the form and wait for the answer."""
        self.noticed()
        with self.page.expect_navigation():
            self.hands.press(self.button(action))

    def button(self, action: str) -> Locator:
        """Find a button of the form."""
        return self.page.locator(f'button[form=act][value="{action}"], #act button[value="{action}"]').first

    def type(self, name: str, text: str) -> None:
        """Type into an ordinary field."""
        self.hands.write(self.page.locator(f'[name="{name}"]'), text)

    def type_secret(self, name: str, digits: str) -> None:
        """Type on the shuffled keypad; without JavaScript, into the field."""
        self.typed.append(digits)
        self.hands.key_in(self.page.locator(f'input[name="{name}"]'), digits)

    def choose(self, name: str, value: str | None = None) -> None:
        """Choose one of several, the first unless told."""
        choice = f'input[type=radio][name="{name}"]'
        one = choice if value is None else f'{choice}[value="{value}"]'
        self.hands.tick(self.page.locator(one).first)

    # --- one method a step -------------------------------------------------------------------------------

    def answer(self) -> str:
        """Answer the page on the screen rightly; return the id of its step, which may have a second page."""
        step = self.step
        getattr(self, f"_do_{step}")()
        return step

    def walk(self, until: str = "") -> list[str]:
        """Answer steps until the named one is on the screen, or the end; return their ids."""
        passed: list[str] = []
        for _ in range(TURNS):
            if not self.step or self.step == until:
                return passed
            step = self.answer()
            passed += [step] if passed[-1:] != [step] else []
        raise AssertionError((passed, self.errors))

    def wait_until_done(self) -> None:
        """Wait for the page with the stamped seal."""
        self.page.locator(".stamping svg.seal").wait_for()

    def see_the_seal(self) -> None:
        """Look again, as somebody without scripts does, until the seal is on the page."""
        for _ in range(100):
            if self.page.locator(".stamping svg.seal").count():
                return
            self.page.reload()
        raise AssertionError(self.title)

    def connect(self) -> None:
        """Connect this browser: name, birth date and number; the number on the screen goes back by text."""
        drawer, number = self.drawer, self.number
        self.page.goto(f"{self.centre.url}/login/connect/")
        self.type("name", drawer["name"])
        self.type("birth", drawer["birth"].replace("-", ""))
        self.type("phone", number)
        self.press()
        self._ask("POST", f"/sandbox/api/phones/{number}/reply", {"text": self.code()})
        self.press()
        assert self.page.url.split("?")[1].startswith("connected"), self.page.url

    def _do_terms(self) -> None:
        everything = self.page.locator("input[data-all]")
        if everything.is_visible():
            self.hands.tick(everything)
        else:
            for box in self.page.locator("input[name=agree]").all():
                self.hands.tick(box)
        self.press()

    def _do_identify(self) -> None:
        drawer = self.drawer
        self.type("user_id", drawer["user_id"])
        self.type("rrn_front", drawer["rrn"][:6])
        self.type_secret("rrn_back", drawer["rrn"][6:])
        self.press()

    def _do_reissue(self) -> None:
        if self.page.locator("input[name=reason]").count():
            self.choose("reason")
        self.press()

    def _do_ars(self) -> None:
        if self.page.locator("input[name=phone]").count():
            self.choose("phone")
        elif self.page.locator(".code__digits").count():
            self.take_call()
        self.press()

    def take_call(self) -> None:
        """Answer the ringing telephone, key in the number on the screen, and see the page say so."""
        calls = f"/sandbox/api/phones/{self.number}/calls"
        call = self.phone()["calls"][0]["id"]
        self._ask("POST", f"{calls}/{call}/answer")
        self._ask("POST", f"{calls}/{call}/keys", {"digits": self.code()})
        if self.page.locator("pin-pad, count-down[role=timer]").count():
            self.page.locator('.wait__track li[data-state="good"]').wait_for()

    def _do_account(self) -> None:
        account = next(a for a in self.drawer["accounts"] if a["kind"] == "withdrawal")
        self.type("account", account["number"])
        self.type_secret("account_password", account["password"])
        self.press()

    def _do_factor(self) -> None:
        self.choose("factor")
        self.press()

    def _do_security_card(self) -> None:
        card = self.drawer["card"]
        first, second = self.cells()
        self.type_secret("serial_tail", card["serial"][-4:])
        self.type_secret("code_first", card["cells"][first][:2])
        self.type_secret("code_second", card["cells"][second][-2:])
        self.press()

    def cells(self) -> tuple[str, str]:
        """Numbers of the two cells the page asks about."""
        asked = self.page.locator("[data-first][data-second]")
        first, second = (asked.get_attribute(f"data-{place}") for place in ("first", "second"))
        return str(int(first or "")), str(int(second or ""))

    def _do_otp(self) -> None:
        self.typed.append(self.drawer["token"]["code"])
        self.type("code", self.typed[-1])
        self.press()

    def _do_mail_code(self) -> None:
        letters = self._ask("GET", f"/sandbox/api/mail/{self.drawer['email']}")
        found = [re.search(r"\b\d{6}\b", letter["text"]) for letter in letters["letters"]]
        match = next((one for one in found if one), None)
        assert match, letters
        self.type("code", match[0])
        self.press()

    def _do_find_id(self) -> None:
        drawer = self.drawer
        account = next(a for a in drawer["accounts"] if a["kind"] == "withdrawal")
        self.type("name", drawer["name"])
        self.type("birth", drawer["birth"].replace("-", ""))
        self.type("account", account["number"])
        self.type_secret("account_password", account["password"])
        self.press()

    def _do_new_phone(self) -> None:
        if self.page.locator("input[name=old_phone]").count():
            self.choose("old_phone")
        self.type("new_phone", self.new_number)
        self.codes_before = len(self.codes(self.new_number))
        self.press()

    def _do_phone_code(self) -> None:
        self.type("code", self.texted_code(self.new_number))
        self.press()

    def codes(self, number: str) -> list[str]:
        """Read the codes out of a telephone's text messages, the newest last."""
        texts = [m["text"] for m in self._ask("GET", f"/sandbox/api/phones/{number}")["messages"]]
        return [match[0] for text in texts if (match := re.search(r"(?<!\d)\d{6}(?!\d)", text))]

    def texted_code(self, number: str) -> str:
        """Wait for a code that was not there when it was asked for: a worker sends it."""
        wait_until(lambda: len(self.codes(number)) > self.codes_before, "the text with the code")
        return self.codes(number)[-1]

    def _do_contact(self) -> None:
        self.type("email", self.drawer["email"] or f"{self.handle}@example.test")
        self.type("phone", self.number)
        self.press()

    def _do_person(self) -> None:
        drawer = self.drawer
        self.type("name", drawer["name"])
        self.type("phone", self.number)
        self.type("birth", drawer["birth"].replace("-", ""))
        self.press()

    def _do_sms_reply(self) -> None:
        self._ask("POST", f"/sandbox/api/phones/{self.number}/reply", {"text": self.code()})
        if self.page.locator("count-down[role=timer]").count():
            self.page.locator('.wait__track li[data-state="good"]').wait_for()
        self.press()

    def _do_pin(self) -> None:
        self.type_secret("pin", self.pin)
        self.type_secret("pin_again", self.pin)
        self.press()

    def _do_confirm(self) -> None:
        self.press()
