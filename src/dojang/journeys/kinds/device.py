"""The app itself: which device it runs on, and whether it is new enough."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from dojang.journeys.kinds.base import Base, error, text_of
from dojang.journeys.login import login_of
from dojang.journeys.model import PageParts, RunView
from dojang.journeys.outcomes import Outcome, Passed, Stopped
from dojang.journeys.page import Field, FieldError, Message, Show

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dojang.ports.world import World

_DEVICE = re.compile(r"[A-Za-z0-9_-]{16,64}")
_VERSION = re.compile(r"[0-9]{1,4}(\.[0-9]{1,4}){2}")


class DeviceCheck(Base):
    """Device id and version, filled in by the app. An old app is told to update; a blocked device stops.

    So does one that is not the device somebody logged in on.
    """

    name = "device"

    def page(self, run: RunView) -> PageParts:
        """Ask the app, not the customer."""
        fields = (
            Field(
                "device_id", "hidden", Message("field.device"), {"required": True, "pattern": _DEVICE.pattern}
            ),
            Field(
                "app_version", "hidden", Message("field.app"), {"required": True, "pattern": _VERSION.pattern}
            ),
        )
        shown = Show("device", {"min_version": run.policy.devices.min_app_version, "update_url": "/app/"})
        return PageParts(fields=fields, show=(shown,), submit=Message("action.start"))

    def validate(self, run: RunView, data: Mapping[str, Any]) -> dict[str, Any] | tuple[FieldError, ...]:
        """Check form, and the version."""
        device, version = text_of(data, "device_id"), text_of(data, "app_version")
        if not _DEVICE.fullmatch(device) or not _VERSION.fullmatch(version):
            return (error("device_format"),)
        if _numbers(version) < _numbers(run.policy.devices.min_app_version):
            return (error("update_required", version=run.policy.devices.min_app_version),)
        return {"device_id": device, "app_version": version}

    def ask(self, run: RunView, data: Mapping[str, Any] | None, world: World) -> Any:
        """Ask whether the device was blocked."""
        assert data is not None
        del world
        return {**data, "state": run.credentials.device_state(run.customer, device_id=data["device_id"])}

    def judge(self, run: RunView, answer: Any) -> Outcome:
        """Keep which device this is."""
        if answer["state"] == "blocked":
            return Stopped(error=error("device_blocked", phone=run.policy.bank.phone))
        login = login_of(run)
        if login is not None and login.values["device_id"] != answer["device_id"]:
            return Stopped(error=error("login_elsewhere"))
        values = {name: answer[name] for name in ("device_id", "app_version")}
        return Passed(facts=(run.prove("device", customer=None, values=values),))


def device_of(run: RunView) -> str:
    """Return the id of the device this run is walked on; empty on a computer."""
    fact = run.facts.get("device")
    return str(fact.values["device_id"]) if fact is not None else ""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
