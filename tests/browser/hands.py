"""Two pairs of hands for the browser's tests: a finger, and somebody who has only a keyboard.

The keyboard's hands never put the focus anywhere by script: they press Tab (and Shift, arrows, Space, Enter)
until it is there, and at every stop on the way it must be seen where the focus is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

FARTHEST = 90  #: stops of the Tab key on the longest page

#: What is wrong with the place of the focus: nothing to see of it, out of sight, or under something else.
_PLACE = """() => {
  const it = document.activeElement;
  if (!it || it === document.body || it === document.documentElement) return ["", ""];
  const stops = (window.stopsOfTab ??= new Map());
  if (!stops.has(it)) stops.set(it, `${stops.size}: ${it.outerHTML.slice(0, 110)}`);
  const name = stops.get(it);
  const drawn = (one) => {
    const style = one && getComputedStyle(one);
    return style && style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  };
  if (!drawn(it) && !drawn(it.closest(".pick"))) return [name, "its focus cannot be seen"];
  const box = it.getBoundingClientRect();
  if (box.bottom <= 0 || box.top >= innerHeight) return [name, "it is out of sight"];
  const mine = it.closest("label, pin-pad") ?? it;
  const spots = [[0.5, 0.5], [0.1, 0.2], [0.9, 0.8], [0.5, 0.15], [0.5, 0.85]];
  const free = spots.some(([x, y]) => {
    const found = document.elementFromPoint(box.left + box.width * x, box.top + box.height * y);
    return found && (mine.contains(found) || found.contains(it));
  });
  return [name, free ? "" : "something lies over it"];
}"""

#: Everything that the Tab key has to come to: one of each group of radio buttons, nothing hidden.
_STOPS = """() => {
  const seen = (one) => one.checkVisibility({ visibilityProperty: true }) && one.getClientRects().length > 0;
  const kinds = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]";
  const all = [...document.querySelectorAll(kinds)]
    .filter((one) => one.tabIndex >= 0 && !one.disabled && seen(one) && !one.closest(".pad"));
  const groups = new Map();
  for (const one of all) groups.set(one.type === "radio" ? `radio ${one.name}` : one, one);
  return groups.size;
}"""


@dataclass
class Finger:
    """Taps and types where it likes."""

    page: Page

    def press(self, what: Locator) -> None:
        """Press a button or follow a link."""
        what.click()

    def write(self, where: Locator, text: str) -> None:
        """Put text into a field, in place of what is there."""
        where.fill(text)

    def tick(self, box: Locator) -> None:
        """Switch a box on, or choose one of several."""
        box.check()

    def key_in(self, where: Locator, digits: str) -> None:
        """Type digits on the shuffled keypad; without JavaScript, into the field."""
        if where.get_attribute("readonly") is None:
            where.fill(digits)
            return
        where.click()
        pad = self.page.locator("pin-pad", has=where).locator(".pad")
        for digit in digits:
            pad.get_by_role("button", name=digit, exact=True).click()


@dataclass
class Keyboard:
    """Works everything by keys. `lost` collects every stop where the focus could not be seen."""

    page: Page
    lost: list[str] = field(default_factory=list)

    def press(self, what: Locator) -> None:
        """Press a button or follow a link."""
        self.reach(what)
        self.page.keyboard.press("Enter")

    def write(self, where: Locator, text: str) -> None:
        """Put text into a field, in place of what is there."""
        self.reach(where)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.press("Delete")
        self.page.keyboard.type(text)

    def tick(self, box: Locator) -> None:
        """Switch a box on, or choose one of several by the arrow keys."""
        if box.get_attribute("type") != "radio":
            self.reach(box)
            if not box.is_checked():
                self.page.keyboard.press("Space")
            return
        self.reach(box, group=box.get_attribute("name") or "")
        self.page.keyboard.press("Space")
        for _ in range(20):
            if box.is_checked():
                return
            self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"the arrow keys do not come to {box}")

    def key_in(self, where: Locator, digits: str) -> None:
        """Type digits: the keypad takes those of a keyboard too."""
        self.reach(where)
        self.page.keyboard.type(digits)

    def reach(self, what: Locator, *, group: str = "") -> None:
        """Press Tab until the focus is on `what`, or on any radio button of its `group`."""
        target = what.element_handle()
        there = (
            "([it, group]) => document.activeElement === it"
            " || (group !== '' && document.activeElement?.name === group)"
        )
        for _ in range(FARTHEST):
            if self.page.evaluate(there, [target, group]):
                self._look()
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"Tab never comes to {what}")

    def tour(self) -> None:
        """Go once around the page by Tab: every control is come to, none holds the focus, each is seen."""
        wanted = int(self.page.evaluate(_STOPS))
        met: set[str] = set()
        count = 0
        for _ in range(FARTHEST):
            self.page.keyboard.press("Tab")
            name = self._look()
            if name in met or (not name and met):
                break
            met.add(name)
            count += 1
        assert count >= wanted, f"Tab comes to {count} of {wanted} controls: {sorted(met)}"

    def _look(self) -> str:
        name, wrong = self.page.evaluate(_PLACE)
        if wrong:
            self.lost.append(f"{wrong}: {name}")
        return str(name)


def hands_of(page: Page, *, by_keyboard: bool) -> Any:
    """Return the hands that somebody has."""
    return Keyboard(page) if by_keyboard else Finger(page)
