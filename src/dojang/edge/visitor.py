"""Who is asking, as a request tells it: the one way from a request to `Acting`, and to the World."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dojang.edge.wording import reader_locale
from dojang.guard.sealing import digest_of
from dojang.ports.acting import Acting

if TYPE_CHECKING:
    from django.http import HttpRequest

    from dojang.ports.world import World

DEVICE_COOKIE = "dojang_device"
#: Where a page's script leaves the proof of work it found.
WORK_COOKIE = "dojang_work"
_DEVICE = re.compile(r"[A-Za-z0-9_-]{16,64}")
_LONGEST_AGENT = 400
_BROWSERS = (
    ("Whale", "Whale"), ("SamsungBrowser", "Samsung Internet"), ("Edg", "Edge"), ("OPR", "Opera"),
    ("Firefox", "Firefox"), ("FxiOS", "Firefox"), ("CriOS", "Chrome"), ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)  # fmt: skip
_SYSTEMS = (
    ("Windows", "Windows"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"),
    ("Mac OS", "macOS"), ("CrOS", "ChromeOS"), ("Linux", "Linux"),
)  # fmt: skip


def acting_of(request: HttpRequest, *, customer_id: str = "", token: str = "") -> Acting:
    """Say who asks: `customer_id` once that is proven, `token` of a run, of which only the hash goes on."""
    return Acting(
        kind="customer",
        id=customer_id,
        session=digest_of(token) if token else "",
        source=request.META.get("REMOTE_ADDR", ""),
        channel=_channel(request),
        locale=reader_locale(),
        origin=f"{request.scheme}://{request.get_host()}",
        agent=agent_of(request),
        device=device_of(request),
        work=(request.headers.get("X-Dojang-Work") or request.COOKIES.get(WORK_COOKIE, ""))[:160],
    )


def _channel(request: HttpRequest) -> str:
    """Name the door. A page of the site that the app leads to says so in its address."""
    if request.path.startswith("/api/"):
        return "api"
    return "app" if request.path.startswith("/app/") or request.GET.get("from") == "app" else "web"


def agent_parts(request: HttpRequest) -> tuple[str, str]:
    """Name browser and system, such as ``Chrome`` and ``Windows``; empty what is unknown."""
    text = request.headers.get("User-Agent", "")[:_LONGEST_AGENT]
    browser, system = (
        next((name for mark, name in table if mark in text), "") for table in (_BROWSERS, _SYSTEMS)
    )
    return browser, system


def agent_of(request: HttpRequest) -> str:
    """Name browser and system in a few words, such as ``Chrome, Windows``; empty when unknown."""
    return ", ".join(filter(None, agent_parts(request)))


def device_of(request: HttpRequest) -> str:
    """Return the id of the device; empty before the app has been opened on it.

    128 random bits made on the device, in a cookie. It proves nothing: it only says whose questions to show.
    """
    value = request.COOKIES.get(DEVICE_COOKIE, "")[:64]
    return value if _DEVICE.fullmatch(value) else ""


def world_of(request: HttpRequest) -> World:
    """Return the outside, attached to the request at the door."""
    world: World = request.world  # type: ignore[attr-defined]
    return world
