"""`kill -9` of every process of a running centre while a customer walks: the run resumes and ends well."""

from __future__ import annotations

import json
import os
import random
import secrets
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.centres import wait_until

from dojang.cli.visitor import DemoFailedError, Visitor
from dojang.cli.web_client import CentreUnreachableError, Client
from dojang.sandbox.cast import BY_HANDLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.centres import Centre

pytestmark = [pytest.mark.live, pytest.mark.faults]

#: Answers of a centre that is just coming back.
AWAY = (502, 503, 504)
STEPS = ("terms", "identify", "ars", "account", "factor", "contact", "person", "sms_reply", "pin")
FIRST, SECOND = "271846", "840271"


class PatientClient(Client):
    """Tries again, as people and browsers do, until the centre answers."""

    def __init__(self, centre: Centre, came_back: Callable[[], None]) -> None:
        super().__init__(centre.url, "en")
        self._came_back = came_back
        self.again = 0  #: requests that had to be sent again

    def ask(self, method: str, place: tuple[str, ...], body: dict[str, Any] | None = None) -> tuple[int, Any]:
        """Send a request until it is answered; a repeat of the same answer to a page has no second effect."""
        deadline = time.monotonic() + 90
        while True:
            try:
                status, answer = super().ask(method, place, body)
            except CentreUnreachableError:
                status, answer = 503, {}
            if status not in AWAY:
                assert status < 500, (place, status, answer)
                return status, answer
            assert time.monotonic() < deadline, (place, status, answer)
            self.again += 1
            self._came_back()


class Walker(Visitor):
    """Walks on through whatever happens; `strike` is done a moment after a step was sent."""

    strikes: dict[str, Callable[[], None]]
    pin = FIRST
    refused = 0

    def _submit(self, data: dict[str, Any]) -> None:
        strike = self.strikes.pop(self.page["step"], None)
        timer = threading.Thread(target=strike) if strike else None
        if timer is not None:
            timer.start()
        place = ("api", "v1", "runs", self.page["run"])
        status, answer = self.client.post(
            *place, "steps", self.page["step"], revision=self.page["revision"], action="submit", data=data
        )
        if timer is not None:
            timer.join()
        if status == 409:  # the answer had got through before the repeat
            answer = self.client.get(*place)
        elif status == 422:  # something behind the centre is away: nothing was counted, the page says so
            codes = [error["code"] for error in answer["errors"]]
            assert all(code.endswith("_unavailable") for code in codes), codes
            self.refused += 1
            self.client.get("readyz")
        elif status != 200:
            raise DemoFailedError(str(answer), step=self.page["step"])
        self.page = answer

    def _data(self, step: str) -> tuple[dict[str, Any], str]:
        if step == "pin":
            return {"pin": self.pin, "pin_again": self.pin}, ""
        return super()._data(step)

    def _take_call(self, guide: list[int]) -> None:
        if any(item["kind"] == "code" for item in self.page["show"]):
            super()._take_call(guide)

    def _need(self, answer: tuple[int, Any]) -> None:
        """Take a refused repeat (the call was answered before) for done."""
        assert answer[0] < 500, answer


class Trial:
    """One centre, its kills, and what must hold after each journey."""

    def __init__(self, centre: Centre, chance: random.Random) -> None:
        self.centre = centre
        self.chance = chance
        self.kills: list[str] = []
        self.again = 0

    def killer(self, name: str) -> Callable[[], None]:
        """Return what kills a process of a name within a tenth of a second."""

        def kill() -> None:
            threading.Event().wait(self.chance.uniform(0, 0.12))
            wait_until(lambda: name in self.centre.pids(), f"{name} to be there", patience=30)
            os.kill(self.centre.pids()[name][0], signal.SIGKILL)
            self.kills.append(name)

        return kill

    def came_back(self) -> None:
        """Wait for the centre; a killed supervisor is started again once its children are gone."""
        centre = self.centre
        assert centre.process is not None
        if centre.process.poll() is not None:
            wait_until(lambda: not processes_of(centre.home), "the orphans to end", patience=30)
            centre.start()
        wait_until(lambda: centre.process is not None and self._is_ready(), "the centre", patience=60)

    def _is_ready(self) -> bool:
        assert self.centre.process is not None
        return self.centre.process.poll() is not None or self.centre.is_ready()

    def walk(self, handle: str, journey: str, *, strikes: dict[str, str], pin: str = FIRST) -> dict[str, Any]:
        """Walk one person through, killing the named processes at the named steps; return the last page."""
        client = PatientClient(self.centre, self.came_back)
        walker = Walker(client, handle, lambda *_: None)
        walker.pin = pin
        walker.strikes = {step: self.killer(name) for step, name in strikes.items()}
        page = walker.walk(journey)
        assert walker.strikes == {}
        self.came_back()
        client._link.close()
        self.again += client.again
        return page

    def active(self, handle: str) -> list[str]:
        """Return the serials of a person's active certificates."""
        listed = self.centre.dojang("cert", "list", BY_HANDLE[handle].id, "--json")
        return [item["serial"] for item in json.loads(listed.stdout) if item["state"] == "active"]


def processes_of(home: Path) -> list[int]:
    """List live processes that name a data folder in their command line or environment."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            words = (place / "cmdline").read_bytes() + b"\0" + (place / "environ").read_bytes()
            state = (place / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0]
        except OSError:
            continue
        if os.fsencode(home) in words and state != "Z":
            found.append(int(place.name))
    return found


@pytest.mark.timeout(400)
def test_a_journey_survives_the_kill_of_every_process(
    start_centre: Callable[..., Centre], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Web, signer, worker, database and supervisor each die twice under a walk; every walk ends, once."""
    seed = int(os.environ.get("FAULTS_SEED") or secrets.randbelow(1 << 32))
    figures = tmp_path / "dojang.toml"
    figures.write_text("[policy.ars]\ncalls_per_run = 20\ncalls_per_day = 50\n", "ascii")
    centre = start_centre(config=str(figures))
    trial = Trial(centre, random.Random(seed))  # noqa: S311 - moments, not secrets
    early = trial.chance.sample(STEPS, 5)
    began = time.monotonic()
    people = ("hong", "lee", "han", "smith")
    for handle, name, step in zip(people, ("http", "signer", "worker", "postgres"), early, strict=False):
        page = trial.walk(handle, "financial-web-issue", strikes={step: name, "confirm": name})
        assert trial.active(handle) == [page["result"]["serial"]], name
    before = trial.active("hong")
    page = trial.walk("hong", "financial-web-reissue", strikes={early[4]: "up", "confirm": "up"}, pin=SECOND)
    assert trial.active("hong") == [page["result"]["serial"]] != before
    spent = time.monotonic() - began
    verified = centre.dojang("audit", "verify", "--json")
    assert json.loads(verified.stdout)["ok"], verified.stdout + verified.stderr
    with capsys.disabled():
        print(  # noqa: T201 - the figures are the result
            f"\nwhole centre: FAULTS_SEED={seed}, killed {trial.kills}, early at {early}, "
            f"{trial.again} requests sent again, {spent:.0f} s"
        )
    assert sorted(trial.kills) == sorted([*["http", "postgres", "signer", "up", "worker"]] * 2)
    centre.stop()
    wait_until(lambda: not processes_of(centre.home), "everything to end", patience=20)
