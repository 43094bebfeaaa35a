"""Somebody who walks a journey to its end and looks hard at every page on the way.

A look at a page: its title and language, nothing wider than the screen, nothing left untranslated, and
axe-core's findings in light and in dark. By keyboard also once around all controls with Tab. Each kind of
step is first answered wrongly (`REFUSALS`), and what it offers besides the way on (another factor, a side
journey) is looked at too.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.browser.hands import Keyboard

from dojang.ports.policy import Policy
from dojang.products.messages import catalog

if TYPE_CHECKING:
    from tests.browser.customer import Customer

    from dojang.journeys.model import Journey

DOCS = Path(__file__).resolve().parents[2] / "docs" / "journeys"
#: A bank that wants everything a journey can ask for, and sets no limit that a day of testing meets.
STRICT = json.dumps(
    {
        "products": {"financial": {"app_certificate_password": True}, "joint": {"needs_factor": True}},
        "phones": {"recent_days": 36_500},
        "reissue": {"per_day": 50}, "ars": {"calls_per_day": 50}, "phone_check": {"texts_per_day": 50},
        "one_won": {"per_day": 50}, "approvals": {"questions": 50},
    }
)  # fmt: skip
_POLICY = Policy().changed(json.loads(STRICT))
_FOREIGN = """() => {
  const hangul = /[\\u3131-\\u318e\\uac00-\\ud7a3]/, found = [];
  const what = NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT;
  const walker = document.createTreeWalker(document.documentElement, what);
  for (let it = walker.nextNode(); it; it = walker.nextNode()) {
    const owner = it.nodeType === 1 ? it : it.parentElement;
    if (owner.closest("[lang=ko], script, style, template") && owner !== document.documentElement) continue;
    const spoken = ["aria-label", "title", "alt", "placeholder"];
    const said = it.nodeType === 3 ? [it.data] : spoken.map((name) => it.getAttribute(name));
    for (const text of said) if (text && hangul.test(text)) found.push(text.trim());
  }
  return found;
}"""
#: Steps whose page has nothing that can be answered wrongly.
HARMLESS = {"device", "request", "device_key", "confirm"}
#: Steps that are judged on the device, by what is looked for there.
ON_DEVICE = {
    "certificate_key": "device-key",
    "certificate_password": "certificate-sign",
    "pattern": "pattern-lock",
}


@dataclass
class Walk:
    """One person's way through one journey.

    `takes` says what to choose where there is a choice; the other ways are looked at and left again.
    `refused` are the kinds of steps already answered wrongly, `asides` the side journeys already walked.
    """

    person: Customer
    journey: Journey
    locale: str
    takes: dict[str, str] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    asides: set[str] = field(default_factory=set)
    seen: list[str] = field(default_factory=list)
    path: list[str] = field(default_factory=list)
    aside_seen: dict[str, list[str]] = field(default_factory=dict)

    def go(self, until: str = "") -> None:
        """Walk to the end, or to a step, which is looked at."""
        for _ in range(60):
            step = self.person.step
            self.look()
            if step == until:
                return
            self.stumble(step)
            self.step_aside(step)
            self.path += [step] if step not in self.path else []
            if step in self.takes:
                self.peek(step)
                self.person.choose(self._field, self.takes[step])
                self.person.press()
            else:
                self.person.answer()
            if step == "confirm":
                break
        self.person.wait_until_done()
        self._inspect("done")

    @property
    def policy(self) -> Policy:
        """The figures of the strict bank."""
        return _POLICY

    # --- looking -----------------------------------------------------------------------------------------

    @property
    def side(self) -> str:
        """Id of the side journey on the screen, if any."""
        if not self.person.page.locator(".side-mark").count():
            return ""
        here = self.person.step
        return next(s.id for s in self.journey.sides if any(step.id == here for step in s.steps))

    def look(self) -> None:
        """Look at the page on the screen, and remember its step."""
        side, step = self.side, self.person.step
        seen = self.aside_seen.setdefault(side, []) if side else self.seen
        seen += [step] if step not in seen else []
        titles = {
            text for key, text in catalog(self.locale).items() if key.startswith(f"step.{step}.")
        }  # fmt: skip
        assert self.person.title in titles, (step, self.person.title)
        self._inspect(step)
        if isinstance(self.person.hands, Keyboard):
            self.person.hands.tour()
            assert self.person.hands.lost == [], step

    def _inspect(self, step: str) -> None:
        page = self.person.page
        assert page.locator("html").get_attribute("lang") == self.locale
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, step
        if self.locale == "en":
            assert page.evaluate(_FOREIGN) == [], step
        for scheme in ("dark", "light"):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            found = self.person.findings()
            assert found == [], (step, scheme)

    # --- besides the way on ------------------------------------------------------------------------------

    @property
    def _field(self) -> str:
        return {"identity_way": "way"}.get(self.person.step, self.person.step)

    def peek(self, step: str) -> None:
        """Look at what comes with each other choice, and go back."""
        page, name = self.person.page, self._field
        offered = [one.get_attribute("value") or "" for one in page.locator(f"input[name={name}]").all()]
        assert self.takes[step] in offered, offered
        for value in offered:
            if value == self.takes[step]:
                continue
            self.person.choose(name, value)
            self.person.press()
            self.look()
            self.person.press("back")
            assert self.person.step == step

    def step_aside(self, step: str) -> None:
        """Walk each side journey that the step offers, once, until it is back at the step."""
        for side in self.journey.step(step).sides:
            if side in self.asides:
                continue
            self.asides.add(side)
            self.person.press(f"side:{side}")
            while self.side == side:
                here = self.person.step
                self.look()
                self.stumble(here)
                if here == "factor":
                    self.takes_aside()
                else:
                    self.person.answer()
            assert self.person.step == step

    def takes_aside(self) -> None:
        """Choose a medium inside a side journey, after a look at the other."""
        before = dict(self.takes)
        self.takes["factor"] = "security_card"
        self.peek("factor")
        self.person.choose("factor", "security_card")
        self.person.press()
        self.takes = before

    # --- wrong answers -----------------------------------------------------------------------------------

    def stumble(self, step: str) -> None:
        """Answer wrongly where a kind of step is met first: the page says so, where it is heard first."""
        page = self.person.page
        journey = self.journey.find(self.side) if self.side else self.journey
        before, waits = self.person.title, page.locator("live-wait").count() > 0
        kind = f"{journey.step(step).kind.name} {'asked' if waits else 'asking'}"
        if kind in self.refused or step in HARMLESS or page.locator("input[name=phone]:checked").count():
            return
        if step == "ars" and not waits and not page.locator("input[name=phone]").count():
            return  # the page that only asks for the call
        self.refused.add(kind)
        if step in ON_DEVICE:
            self._stumble_on_device(ON_DEVICE[step])
        else:
            self._answer_wrongly(step)
            told = page.evaluate("document.activeElement.matches('.summary, .note--told')")
            assert told, f"{step}: what went wrong is not what is heard first"
            for link in page.locator(".summary a").all():
                anchor = link.get_attribute("href") or ""
                assert page.locator(anchor).count() == 1, anchor
        assert self.person.step == step
        assert self.person.title == before
        self._inspect(f"{step}, refused")

    def _answer_wrongly(self, step: str) -> None:
        page = self.person.page
        if step == "details":
            self.person.type("address", "")
        lock = page.locator("pattern-lock .pattern")
        if step == "bank_certificate" and lock.count():
            with page.expect_navigation():
                self.person.draw((0, 1, 2, 5))  # type: ignore[attr-defined]
        else:
            self.person.press()

    def _stumble_on_device(self, element: str) -> None:
        page = self.person.page
        if element == "pattern-lock":
            self.person.hands.press(page.locator(".pattern__tools .btn"))
        else:
            self.person.hands.press(self.person.button("submit"))
        page.locator(f"{element} [role=alert]:not([hidden])").wait_for()
        inside = f"document.activeElement.closest({element!r}) !== null"
        assert page.evaluate(inside), f"{element}: the focus is lost"


def guide_rows(journey_id: str) -> set[int]:
    """Numbers of the rows that the auditor's table shows of the printed guide."""
    table = (DOCS / f"{journey_id}.md").read_text("utf-8").partition("| no. |")[2].partition("\n\n")[0]
    return {int(number) for number in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)}


def steps_of(journey: Journey, *, holding: bool) -> list[str]:
    """Ids of a journey's steps in the bank's order; without a certificate in use nobody is asked why.

    Where no key is made on the device, the app answers for itself what it is.
    """
    steps = [step.id for step in journey.walk(_POLICY)]
    if journey.product.custody == "wallet":
        steps = [one for one in steps if one != "device"]
    return steps if holding else [one for one in steps if one != "reissue"]


def guide_numbers(journey: Journey, steps: list[str]) -> set[int]:
    """Numbers of the printed guide that steps stand for."""
    return {number for step in steps for number in journey.step(step).guide}
