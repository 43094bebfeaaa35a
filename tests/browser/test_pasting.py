"""What people paste into the pages: nothing is cut on the way, and what was meant arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.customer import Customer

pytestmark = [pytest.mark.browser, pytest.mark.live]


def test_a_whole_number_pasted_into_its_first_box_fills_both(customer: Callable[..., Customer]) -> None:
    """Full-width, with a dash: the number identifies; a telephone from the contacts is the registered one."""
    hong = customer("hong")
    hong.begin()
    hong.walk(until="identify")
    rrn = hong.drawer["rrn"]
    wide = f"{rrn[:6]}-{rrn[6:]}".translate({ord("0") + n: 0xFF10 + n for n in range(10)})
    hong.page.locator("#f-rrn_front").fill(wide)
    boxes = [hong.page.locator(f"#f-rrn_{half}").input_value() for half in ("front", "back")]
    assert boxes == [rrn[:6], rrn[6:]]
    hong.type("user_id", hong.drawer["user_id"])
    hong.press()
    assert hong.step == "ars"
    hong.walk(until="contact")
    hong.page.locator("#f-email").fill("x" * 65 + "@example.test")
    hong.page.locator("#f-phone").fill(
        f"\u202d+82 (0){hong.number[1:3]}-{hong.number[3:7]}-{hong.number[7:]}\u202c"
    )
    hong.press()
    assert ["너무 길어요" in text for text in hong.errors] == [True]
    hong.page.locator("#f-email").fill("hong@example.test")
    hong.press()
    assert hong.step == "person"
