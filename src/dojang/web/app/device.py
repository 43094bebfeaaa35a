"""What the app tells about itself: the id of the device and the version of the app, in two cookies.

Neither proves anything. The id is 128 random bits made on the device; it only says which device's questions
to show. Whatever matters is proved by a key that the device holds.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dojang.wallet.devices.actions import describe_device

if TYPE_CHECKING:
    from django.http import HttpRequest

    from dojang.ports.world import World

DEVICE_COOKIE = "dojang_device"
VERSION_COOKIE = "dojang_app"
#: Marks in what a browser says of itself, the telling ones first.
_PLATFORMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"),
    ("Mac OS X", "Mac"), ("Linux", "Linux"),
)  # fmt: skip
_BROWSERS = (
    ("SamsungBrowser", "Samsung Internet"), ("Edg", "Edge"), ("Whale", "Whale"), ("Firefox", "Firefox"),
    ("Chrome", "Chrome"), ("CriOS", "Chrome"), ("Safari", "Safari"),
)  # fmt: skip
_ID = re.compile(r"[A-Za-z0-9_-]{16,64}")
_VERSION = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})\.([0-9]{1,4})")


def device_of(request: HttpRequest) -> str:
    """Return the id of the device; empty before the app has been opened on it."""
    value = request.COOKIES.get(DEVICE_COOKIE, "")[:64]
    return value if _ID.fullmatch(value) else ""


def read_version(text: str) -> tuple[int, ...] | None:
    """Read ``1.2.3``; ``None`` when it is no version."""
    match = _VERSION.fullmatch(text)
    return tuple(int(part) for part in match.groups()) if match else None


def version_of(request: HttpRequest) -> str:
    """Return the version of the app on this device; empty when it has not said one."""
    value = request.COOKIES.get(VERSION_COOKIE, "")[:20]
    return value if read_version(value) else ""


def is_outdated(request: HttpRequest, least: str) -> bool:
    """Tell whether the app on this device is older than `least`; an unknown version is not."""
    found = read_version(version_of(request))
    needed = read_version(least)
    return found is not None and needed is not None and found < needed


def describe_this_device(request: HttpRequest, *, world: World) -> None:
    """Note what kind of device this is, for the list of one's devices; an unknown device is left alone."""
    device = device_of(request)
    if not device:
        return
    said = request.headers.get("User-Agent", "")[:400]
    platform = next((name for mark, name in _PLATFORMS if mark in said), "")
    browser = next((name for mark, name in _BROWSERS if mark in said), "")
    describe_device(
        device,
        label=" · ".join(part for part in (platform, browser) if part),
        platform=platform,
        app_version=version_of(request),
        world=world,
    )
