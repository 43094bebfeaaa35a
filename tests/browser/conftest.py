"""A real browser: Debian's Chromium, kept from calling home, in front of a centre that really runs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from tests.browser.customer import Customer

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from tests.centres import Centre

CHROMIUM = "/usr/bin/chromium"
QUIET = (
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


@pytest.fixture(scope="session")
def base_url() -> None:
    """Give no address common to all: each centre has its own (and the plugin's fixture warns)."""


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Start the Chromium of the machine; Playwright's own cannot be fetched everywhere."""
    # Playwright leaves its event loop set in this thread, which Django takes for asynchronous code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": list(QUIET)}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """Sit in Korea, at a desktop, without moving pictures."""
    return {
        **browser_context_args, "locale": "ko-KR", "timezone_id": "Asia/Seoul", "reduced_motion": "reduce",
        "viewport": {"width": 1280, "height": 860},
    }  # fmt: skip


@pytest.fixture
def customer(live: Centre, page: Page) -> Callable[..., Customer]:
    """Return a function that seats one of the cast at the screen."""
    page.set_default_timeout(20_000)

    def seat(handle: str, **more: Any) -> Customer:
        return Customer(page, live, handle, **more)

    return seat
