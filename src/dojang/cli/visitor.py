"""A member of the cast who walks the journey of the certificate we advise, through the JSON API.

Everything the person types comes from their own drawer, phone and mailbox (`/sandbox/api/`), exactly as
somebody sitting at the screen would find it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from dojang.cli.output import say
from dojang.pki.errors import DojangError

if TYPE_CHECKING:
    from collections.abc import Callable

    from dojang.cli.web_client import Client

#: Any six digits that keep the rules: no birth date, no telephone, no run, no sequence.
PIN = "271846"
LAST_GUIDE_STEP = 18
_LONGEST_WAIT = 30.0
_OK = (200, 201)


class DemoFailedError(DojangError):
    """The walk did not reach its end; `data` says at which step and why."""

    code: ClassVar[str] = "demo_failed"


@dataclass(slots=True)
class Visitor:
    """One person at one centre. `done` hears of each of the guide's steps: (number, note, seconds)."""

    client: Client
    handle: str
    done: Callable[[int, str, float], None]
    drawer: dict[str, Any] = field(default_factory=dict)
    page: dict[str, Any] = field(default_factory=dict)
    _since: float = 0.0
    _told: int = 0

    def walk(self, journey: str) -> dict[str, Any]:
        """Walk a journey from the first page to the last; return the last page. Raises `DemoFailedError`."""
        self.drawer = self.client.get("sandbox", "api", "people", self.handle, "drawer")
        self._since = time.monotonic()
        self.client.get("certs/")
        self._tell(1)
        self._begin(journey)
        self._tell(2)
        steps = 0
        while self.page["state"] == "open":
            steps += 1
            if steps > 60:  # noqa: PLR2004 - twice what any journey needs
                raise self._failure("it goes in circles")
            self._answer_page()
        self._wait_for_issue()
        self._tell(LAST_GUIDE_STEP)
        return self.page

    # --- the pages ---------------------------------------------------------------------------------------

    def _begin(self, journey: str) -> None:
        status, answer = self.client.post("api", "v1", "runs", journey=journey)
        if status not in _OK:
            raise DemoFailedError("not started", step="start", why=_why(answer))
        self.page, self.client.token = answer, answer["token"]

    def _answer_page(self) -> None:
        step = self.page["step"]
        guide = list(self.page["position"]["guide_steps"])
        data, note = self._data(step)
        if step != "ars":
            # Reading the page is the first of its steps in the guide, sending it the last.
            for number in guide[:-1]:
                self._tell(number)
        before = (self.page["step"], self.page["revision"])
        self._submit(data)
        if step == "ars" and data:
            self._take_call(guide)
        if (self.page["step"], self.page["revision"]) == before:
            raise self._failure("the page did not move on")
        if self.page["step"] != step and guide:
            self._tell(guide[-1], note)

    def _data(self, step: str) -> tuple[dict[str, Any], str]:
        """Return what this person types at a step, and a word about it."""
        drawer, account = self.drawer, self._withdrawal()
        phone = drawer["numbers"][0]
        typed: dict[str, Callable[[], dict[str, Any]]] = {
            "terms": lambda: {"agree": self._offered("agree")},
            "identify": lambda: {"user_id": drawer["user_id"], "rrn": drawer["rrn"]},
            "reissue": lambda: {"reason": self._offered("reason")[0]},
            "ars": lambda: {"phone": self._offered("phone")[0]},
            "account": lambda: {"account": account["number"], "account_password": account["password"]},
            "factor": lambda: {"factor": self._offered("factor")[0]},
            "security_card": self._card,
            "otp": lambda: {"code": self._refreshed()["token"]["code"]},
            "contact": lambda: {"email": drawer["email"] or f"{self.handle}@example.test", "phone": phone},
            "person": lambda: {"name": drawer["name"], "phone": phone, "birth": drawer["birth"]},
            "pin": lambda: {"pin": PIN, "pin_again": PIN},
        }
        if step == "sms_reply":
            digits = self._shown("code")["digits"]
            self._need(self.client.post("sandbox", "api", "phones", phone, "reply", text=digits))
            return {}, say("first.reply", digits=digits)
        return typed.get(step, dict)(), ""

    def _take_call(self, guide: list[int]) -> None:
        """Answer the call, key the digits on the screen, and wait until the centre has heard of it."""
        self._tell(guide[0])
        digits = self._shown("code")["digits"]
        number = self.drawer["numbers"][0]
        place = ("sandbox", "api", "phones", number)
        call = self.client.get(*place)["calls"][0]["id"]
        self._need(self.client.post(*place, "calls", call, "answer"))
        self._need(self.client.post(*place, "calls", call, "keys", digits=digits))
        self._tell(guide[1], say("first.call", digits=digits))
        deadline = time.monotonic() + _LONGEST_WAIT
        while self.page["step"] == "ars":
            self._submit({})
            if time.monotonic() > deadline:
                raise self._failure("the call was not noticed")

    def _card(self) -> dict[str, Any]:
        card, cells = self.drawer["card"], self._shown("card_cells")
        first, second = str(int(cells["first"])), str(int(cells["second"]))
        return {
            "serial_tail": card["serial"][-4:],
            "code_first": card["cells"][first][:2],
            "code_second": card["cells"][second][-2:],
        }

    def _wait_for_issue(self) -> None:
        deadline = time.monotonic() + _LONGEST_WAIT
        while self.page["state"] == "issuing" and time.monotonic() < deadline:
            time.sleep(0.1)
            self.page = self.client.get("api", "v1", "runs", self.page["run"])
        if self.page["state"] != "done":
            raise self._failure(f"it ended {self.page['state']}")

    # --- small things ------------------------------------------------------------------------------------

    def _submit(self, data: dict[str, Any]) -> None:
        place = ("api", "v1", "runs", self.page["run"], "steps", self.page["step"])
        status, answer = self.client.post(*place, revision=self.page["revision"], action="submit", data=data)
        if status not in _OK:
            raise self._failure(_why(answer))
        self.page = answer

    def _tell(self, number: int, note: str = "") -> None:
        if number <= self._told:
            return
        now = time.monotonic()
        self._told = max(self._told, number)
        self.done(number, note, now - self._since)
        self._since = now

    def _offered(self, name: str) -> list[str]:
        """Return the values a field of the present page offers."""
        for item in self.page["fields"]:
            if item["name"] == name:
                return [option["value"] for option in item["options"]]
        raise self._failure(f"no field {name}")

    def _shown(self, kind: str) -> dict[str, Any]:
        for item in self.page["show"]:
            if item["kind"] == kind:
                return dict(item["data"])
        raise self._failure(f"nothing shown of kind {kind}")

    def _withdrawal(self) -> dict[str, Any]:
        return next(item for item in self.drawer["accounts"] if item["kind"] == "withdrawal")

    def _refreshed(self) -> dict[str, Any]:
        self.drawer = self.client.get("sandbox", "api", "people", self.handle, "drawer")
        return self.drawer

    def _need(self, answer: tuple[int, Any]) -> None:
        status, body = answer
        if status not in _OK:
            raise self._failure(_why(body))

    def _failure(self, why: str) -> DemoFailedError:
        return DemoFailedError(why, step=self.page.get("step", "start"), why=why)


def _why(answer: Any) -> str:
    """Read the reason out of a problem or a page with errors."""
    if isinstance(answer, dict):
        errors = answer.get("errors") or []
        if errors and isinstance(errors[0], dict) and "message" in errors[0]:
            return str(errors[0]["message"].get("text", errors[0]["code"]))
        return str(answer.get("detail") or answer.get("title") or answer)
    return str(answer)[:200]
