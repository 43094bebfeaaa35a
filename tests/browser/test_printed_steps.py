"""The 47 steps the banks' guides print, with no setting changed: the tables against what a browser saw.

A table of `docs/journeys/` says of each printed step where it is done and which of the guide's own words
stand there. A browser walks the four journeys, and somebody looks over the shoulder: every row is met, in the
printed order and words, and no page is seen that no row speaks of.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from tests.browser.customer import Customer
from tests.browser.handset import Handset
from tests.browser.walking import DOCS
from tests.centres import running_centre

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, BrowserContext, Page, Playwright
    from tests.centres import Centre

pytestmark = [pytest.mark.browser, pytest.mark.live]

BEFORE, END = "", "done"  #: where there is no step: before a run begins, and after its last
ALL = 7 + 6 + 18 + 16


@dataclass(frozen=True)
class Row:
    """One row of a table: the printed number, the words, and the steps that do it (none: before the run)."""

    number: int
    words: tuple[str, ...]
    steps: tuple[str, ...]


@dataclass
class Seen:
    """What somebody saw on the way: for each page the step it belongs to, and everything written on it."""

    pages: list[tuple[str, str]] = field(default_factory=list)

    def __call__(self, step: str, text: str) -> None:
        """Note one page."""
        self.pages.append((step, text))

    @property
    def steps(self) -> list[str]:
        """Ids of the steps in the order they were first seen."""
        return list(dict.fromkeys(step for step, _ in self.pages if step not in {BEFORE, END}))

    def first(self, row: Row, word: str, since: int) -> int | None:
        """Return the first page from `since` on that is the row's and says the word."""
        places = row.steps or (BEFORE,)
        # The last row is read where the journey ends as well: that is where it says "issued".
        places = (*places, END) if "confirm" in row.steps else places
        found = (at for at, (step, text) in enumerate(self.pages) if step in places and word in text)
        return next((at for at in found if at >= since), None)


def rows_of(journey: str) -> list[Row]:
    """Read the printed steps out of a journey's table."""
    text = (DOCS / f"{journey}.md").read_text("utf-8")
    table = text.partition("## As the guide prints it")[2].partition("## ")[0]
    rows = re.findall(r"^\| (\d+) \| [^|]* \| ([^|]*) \| ([^|]*) \|$", table, re.MULTILINE)
    return [
        Row(
            int(number),
            () if words == "–" else tuple(words.split(", ")),
            tuple(re.findall(r"`(\w+)`", steps)),
        )
        for number, words, steps in rows
    ]


def differences(journey: str, seen: Seen) -> list[str]:
    """Hold what was seen against the table, row by row; return what is not as printed."""
    wrong, since = [], 0
    for row in rows_of(journey):
        at = [seen.first(row, word, since) for word in row.words]
        wrong += [f"{row.number}: {word}" for word, found in zip(row.words, at, strict=True) if found is None]
        since = min((found for found in at if found is not None), default=since)
    spoken_of = {step for row in rows_of(journey) for step in row.steps}
    wrong += [f"not printed: {step}" for step in seen.steps if step not in spoken_of]
    numbers = {step: row.number for row in reversed(rows_of(journey)) for step in row.steps}
    order = [numbers[step] for step in seen.steps if step in numbers]
    return wrong + ([] if order == sorted(order) else [f"order: {seen.steps}"])


@pytest.fixture(scope="module")
def centre() -> Iterator[Centre]:
    """Start a centre nobody has set anything of."""
    with running_centre() as started:
        yield started


@pytest.fixture(scope="module")
def telephone(browser: Browser, playwright: Playwright) -> Iterator[BrowserContext]:
    """Return Hong's telephone: certificates stay on it from one test of this file to the next."""
    shape: dict[str, Any] = {
        **playwright.devices["Galaxy S24"],
        "locale": "ko-KR",
        "timezone_id": "Asia/Seoul",
    }
    context = browser.new_context(**shape, reduced_motion="reduce")
    yield context
    context.close()


@pytest.fixture(scope="module")
def hand(centre: Centre, telephone: BrowserContext) -> Callable[[], Handset]:
    """Return a function that takes the telephone in hand at a fresh page of the app."""

    def take() -> Handset:
        page = telephone.new_page()
        page.set_default_timeout(20_000)
        return Handset(page, centre, "hong")

    return take


def finish(person: Customer) -> Seen:
    """Walk the journey begun to its end; return what was seen on the way."""
    assert isinstance(person.watch, Seen)
    person.walk()
    person.wait_until_done()
    person.watch(END, person.page.locator("main").inner_text())
    return person.watch


def walk(person: Customer, product: str, purpose: str) -> Seen:
    """Go from the bank's home, or the app's, to the seal."""
    person.watch = Seen()
    person.begin(product, purpose)
    return finish(person)


def log_in(person: Handset) -> None:
    """Log in to the app with the pattern of the bank certificate on this telephone."""
    person.page.goto(f"{person.centre.url}/login/bank/?next=/app/")
    with person.page.expect_navigation():
        person.draw(person.pattern)
    assert person.page.url.endswith("/app/")


@pytest.fixture(scope="module")
def first_joint(hand: Callable[[], Handset]) -> Seen:
    """Return what was seen when Hong's first joint certificate was issued on his telephone."""
    return walk(hand(), "joint", "issue")


def test_the_tables_hold_all_47_printed_steps() -> None:
    """7 and 6 of the joint certificate, 18 and 16 of the financial one."""
    tables = ("joint-app-issue", "joint-app-reissue", "financial-web-issue", "financial-app-issue")
    numbers = [[row.number for row in rows_of(journey)] for journey in tables]
    assert numbers == [list(range(1, count + 1)) for count in (7, 6, 18, 16)]
    assert sum(map(len, numbers)) == ALL


def test_the_joint_certificate_s_seven_and_six(first_joint: Seen, hand: Callable[[], Handset]) -> None:
    """Issued on the telephone, then made anew in the printed order."""
    assert differences("joint-app-issue", first_joint) == []
    again = walk(hand(), "joint", "reissue")
    assert differences("joint-app-reissue", again) == []


@pytest.mark.usefixtures("first_joint")
def test_the_financial_certificate_s_sixteen_in_the_app(hand: Callable[[], Handset]) -> None:
    """Logged in with the bank certificate: exactly the printed pages, the first four in the app's menu."""
    held = hand()
    held.begin("bank", "issue")
    held.walk()
    held.wait_until_done()
    person = hand()
    log_in(person)
    seen = walk(person, "financial", "issue")
    assert differences("financial-app-issue", seen) == []
    assert seen.steps == [
        "terms", "identity_way", "phone_check", "account_password", "certificate_password",
        "account_number", "bank_certificate", "details", "pin", "confirm",
    ]  # fmt: skip
    assert [step for step, _ in seen.pages].count(BEFORE) == 4


def test_the_financial_certificate_s_eighteen_on_the_web(centre: Centre, page: Page) -> None:
    """At a desktop, with the security card."""
    page.set_default_timeout(20_000)
    person = Customer(page, centre, "han")
    seen = walk(person, "financial", "issue")
    assert differences("financial-web-issue", seen) == []
