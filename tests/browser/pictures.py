"""Takes the pictures of the guides: walks journeys as somebody of the cast, keeps what each step shows.

Not collected with the tests; `make pictures` runs it and the result is committed, a few kilobytes each.
Nothing typed is on a picture: each is taken before the step is answered.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.browser.customer import Customer
from tests.browser.handset import Handset

from dojang.web.guides import PICTURES, picture_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser, Page
    from tests.centres import Centre

pytestmark = [pytest.mark.browser, pytest.mark.live]

WIDTH, TALLEST, SCALE, QUALITY = 400, 620, 1.25, 58
PINS: dict[type[Customer], str] = {Customer: "271846", Handset: "583914"}  # a new one must differ
#: Who walks what, how far: enough of them to see every step that the cast can come to.
WALKS: tuple[tuple[type[Customer], str, str, str, str], ...] = (
    (Customer, "hong", "financial", "issue", ""),
    (Customer, "lee", "financial", "issue", "contact"),
    (Customer, "kim", "financial", "issue", "contact"),
    (Customer, "jung", "financial", "issue", "ars"),
    (Handset, "hong", "joint", "issue", ""),
    (Handset, "hong", "bank", "issue", ""),
    (Handset, "hong", "financial", "issue", ""),
    (Handset, "han", "financial", "issue", "details"),
    (Handset, "lee", "financial", "issue", "details"),
    (Handset, "hong", "joint", "reissue", "identify"),
    (Handset, "jung", "financial", "issue", "identity_way"),
)


def take(page: Page) -> tuple[bytes, int, int]:
    """Photograph the journey on a page: WebP, width and height in CSS pixels."""
    page.evaluate("document.fonts.ready")
    box: dict[str, float] = page.evaluate(
        "() => { const it = document.querySelector('.sheet') ?? document.querySelector('main');"
        " const r = it.getBoundingClientRect(); return { y: r.top + scrollY, height: r.height }; }"
    )
    height = round(min(box["height"], TALLEST))
    clip = {"x": 0, "y": round(box["y"]), "width": WIDTH, "height": height, "scale": SCALE}
    session = page.context.new_cdp_session(page)
    answer = session.send(
        "Page.captureScreenshot",
        {"format": "webp", "quality": QUALITY, "clip": clip, "captureBeyondViewport": True},
    )
    session.detach()
    return base64.b64decode(answer["data"]), WIDTH, height


def keep(walker: Customer, journey: str, locale: str, taken: dict[str, dict[str, Any]]) -> None:
    """Photograph the step on the screen unless there is a picture of it already."""
    key = picture_key(journey, walker.step, locale)
    if key in taken:
        return
    data, width, height = take(walker.page)
    file = PICTURES / f"{key}.webp"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    taken[key] = {"file": f"{key}.webp", "width": width, "height": height}


def walk(walker: Customer, journey: str, until: str, photograph: Callable[[Customer, str], None]) -> None:
    """Answer step by step, photographing each, as far as told; `AssertionError` when a step does not pass."""
    before = ("", "")
    while walker.step and walker.step != until:
        here = (walker.step, walker.title)
        assert here != before, f"{here} does not pass: {walker.errors}"
        photograph(walker, journey)
        before = here
        if walker.answer() == "confirm":
            walker.wait_until_done()
            return


def save(taken: dict[str, dict[str, Any]], locale: str) -> None:
    """Write the index anew: this language's pictures as taken now, the other's as they were."""
    index = PICTURES / "index.json"
    before = json.loads(index.read_text("utf-8")) if index.exists() else {}
    others = {key: entry for key, entry in before.items() if not key.endswith(f".{locale}")}
    kept = dict(sorted({**others, **taken}.items()))
    index.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
    listed = {entry["file"] for entry in kept.values()}
    for file in PICTURES.rglob("*.webp"):
        if str(file.relative_to(PICTURES)) not in listed:
            file.unlink()


@pytest.mark.parametrize("locale", ["ko", "en"])
def test_take_pictures(start_centre: Callable[..., Centre], browser: Browser, locale: str) -> None:
    """Every walk comes as far as it should, and leaves a picture of each step on its way."""
    centre = start_centre()
    taken: dict[str, dict[str, Any]] = {}
    handsets: dict[str, Any] = {}
    failed: list[str] = []
    for kind, handle, product, purpose, until in WALKS:
        context = (handsets.get(handle) if kind is Handset else None) or browser.new_context(
            viewport={"width": WIDTH, "height": 1100}, locale=locale, reduced_motion="reduce",
            timezone_id="Asia/Seoul", has_touch=kind is Handset,
        )  # fmt: skip
        if kind is Handset:
            handsets[handle] = context
        page = context.new_page()
        page.set_default_timeout(10_000)
        walker = kind(page, centre, handle, pin=PINS[kind])
        journey = f"{product}-{'app' if kind is Handset else 'web'}-{purpose}"
        centre.request("POST", "/sandbox/api/clock", {"advance_seconds": 61})  # a token's number is good once
        try:
            walker.begin(product, purpose)
            walk(walker, journey, until, lambda who, of: keep(who, of, locale, taken))
        except Exception as error:  # noqa: BLE001 - the other walks go on; all failures are told at the end
            failed.append(f"{journey} by {handle} at {walker.step}: {error}")
        page.close()
        save(taken, locale)
    assert failed == []
