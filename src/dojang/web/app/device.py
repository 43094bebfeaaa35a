"""What the app tells about itself beside the device's id: its version, in a cookie. It proves nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dojang.edge.visitor import agent_parts, device_of
from dojang.wallet.devices.actions import describe_device

if TYPE_CHECKING:
    from django.http import HttpRequest

    from dojang.ports.world import World

VERSION_COOKIE = "dojang_app"
_VERSION = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})\.([0-9]{1,4})")


def read_version(text: str) -> tuple[int, ...] | None:
    """Read ``1.2.3``; ``None`` when it is no version."""
    match = _VERSION.fullmatch(text)
    return tuple(int(part) for part in match.groups()) if match else None


def is_outdated(request: HttpRequest, least: str) -> bool:
    """Tell whether the app on this device is older than `least`; an unknown version is not."""
    found = read_version(request.COOKIES.get(VERSION_COOKIE, "")[:20])
    needed = read_version(least)
    return found is not None and needed is not None and found < needed


def describe_this_device(request: HttpRequest, *, world: World) -> None:
    """Note what kind of device this is, for the list of one's devices; an unknown device is left alone."""
    device = device_of(request)
    if not device:
        return
    browser, platform = agent_parts(request)
    version = request.COOKIES.get(VERSION_COOKIE, "")[:20]
    describe_device(
        device,
        label=" · ".join(part for part in (platform, browser) if part),
        platform=platform,
        app_version=version if read_version(version) else "",
        world=world,
    )
