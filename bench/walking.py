"""Whole journeys of invented people, from the first page to the certificate: directly, and over HTTP.

The journey's steps are the product's; the telephone and the core bank are the sandbox's, whose share of the
machine is part of what is measured. The PIN costs what it costs in production.
"""

from __future__ import annotations

import dataclasses
import http.client
import itertools
import json
import threading
import time
from typing import TYPE_CHECKING, Any

from bench import issuing
from bench.centre import own_world
from bench.meter import Report, Spans, cpu_of, in_processes
from dojang.ports.acting import Acting

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.centre import Centre
    from dojang.ports.world import World
    from dojang.sandbox.cast import Person

JOURNEY = "financial-web-issue"
_PIN = "271846"
_OK = (200, 201)

Page = dict[str, Any]


class Walker:
    """One person at one journey. `way` is how the centre is reached; `spans` is what each step took."""

    def __init__(self, world: World, way: Way, person: Person) -> None:
        self.world, self.way, self.person = world, way, person
        self.spans: list[float] = []
        self.page: Page = {}

    def walk(self) -> None:
        """Walk from the first page to the last. Raises `RuntimeError` when the page does not move on."""
        self.page = self._timed(lambda: self.way.begin(JOURNEY))
        while self.page["state"] == "open":
            before = self.page["step"], self.page["revision"]
            self._step()
            if (self.page["step"], self.page["revision"]) == before:
                raise RuntimeError(f"stuck at {before}: {self.page['errors']}")
        if self.page["state"] != "done":
            raise RuntimeError(f"ended {self.page['state']}")

    def _step(self) -> None:
        step = self.page["step"]
        if step == "ars":
            self._submit({})
            self._submit({"phone": self._options("phone")[0]})
            telephony: Any = self.world.telephony
            number = self.person.lines[0].number
            call = telephony.calls(number, limit=1)[0]
            telephony.answer(number, call.id)
            telephony.press(number, call.id, self._shown("code")["digits"])
        if step == "sms_reply":
            sms: Any = self.world.sms
            sms.reply(number=self.person.lines[0].number, text=self._shown("code")["digits"])
        self._submit(self._answers(step))

    def _submit(self, data: dict[str, Any]) -> None:
        page = self.page
        self.page = self._timed(lambda: self.way.act(page["run"], page["step"], page["revision"], data))

    def _timed(self, work: Callable[[], Page]) -> Page:
        before = time.perf_counter()
        page = work()
        self.spans.append(time.perf_counter() - before)
        return page

    def _answers(self, step: str) -> dict[str, Any]:
        person = self.person
        account, phone = person.accounts[0], person.lines[0].number
        typed: dict[str, Callable[[], dict[str, Any]]] = {
            "terms": lambda: {"agree": self._options("agree")},
            "identify": lambda: {"user_id": person.user_id, "rrn": person.rrn},
            "account": lambda: {"account": account.number, "account_password": account.password},
            "factor": lambda: {"factor": "security_card"},
            "security_card": self._card,
            "contact": lambda: {"email": person.email, "phone": phone},
            "person": lambda: {"name": person.name, "phone": phone, "birth": f"{person.birth:%Y%m%d}"},
            "pin": lambda: {"pin": _PIN, "pin_again": _PIN},
        }
        return typed.get(step, dict)()

    def _card(self) -> dict[str, Any]:
        cells, card = self._shown("card_cells"), self.person.card
        assert card is not None
        first, second = card.cells[int(cells["first"]) - 1], card.cells[int(cells["second"]) - 1]
        return {"serial_tail": card.serial[-4:], "code_first": first[:2], "code_second": second[2:]}

    def _options(self, name: str) -> list[str]:
        fields = (item for item in self.page["fields"] if item["name"] == name)
        return [option["value"] for option in next(fields)["options"]]

    def _shown(self, kind: str) -> dict[str, Any]:
        return dict(next(item for item in self.page["show"] if item["kind"] == kind)["data"])


class Way:
    """How a walker reaches the centre."""

    def begin(self, journey: str) -> Page:
        """Start a run and return its first page."""
        raise NotImplementedError

    def act(self, run: str, step: str, revision: int, data: dict[str, Any]) -> Page:
        """Submit a page and return the next."""
        raise NotImplementedError


class Direct(Way):
    """Through `dojang.ra.actions`, without HTTP."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.acting = Acting(kind="customer", source="127.0.0.1", channel="web", locale="ko")

    def begin(self, journey: str) -> Page:
        """Start a run."""
        from dojang.ra.actions import session_of, start_run  # after Django's set-up

        visitor = dataclasses.replace(self.acting, session="")
        started = start_run(journey, locale="ko", acting=visitor, world=self.world)
        self.acting = dataclasses.replace(self.acting, session=session_of(started.token))
        return dataclasses.asdict(started.page)

    def act(self, run: str, step: str, revision: int, data: dict[str, Any]) -> Page:
        """Submit a page."""
        from dojang.ra.actions import act  # after Django's set-up

        page = act(run, step, revision, "submit", data, acting=self.acting, world=self.world)
        return dataclasses.asdict(page)


class OverHttp(Way):
    """Through the JSON interface, one kept connection."""

    def __init__(self, port: int) -> None:
        self.link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.token = ""

    def begin(self, journey: str) -> Page:
        """Start a run."""
        self.token = ""
        page = self._post("/api/v1/runs", {"journey": journey})
        self.token = page["token"]
        return page

    def act(self, run: str, step: str, revision: int, data: dict[str, Any]) -> Page:
        """Submit a page."""
        body = {"revision": revision, "action": "submit", "data": data}
        return self._post(f"/api/v1/runs/{run}/steps/{step}", body)

    def _post(self, path: str, body: dict[str, Any]) -> Page:
        headers = {"Content-Type": "application/json", "Accept-Language": "ko"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        self.link.request("POST", path, json.dumps(body), headers)
        answer = self.link.getresponse()
        content = answer.read()
        if answer.status not in _OK:
            raise RuntimeError(f"{answer.status} at {path}: {content[:300]!r}")
        page: Page = json.loads(content)
        return page


def walk_many(
    people: list[Person], threads: int, seconds: float, make: Callable[[World], Way]
) -> tuple[Spans, int]:
    """Let threads walk journeys one after the other; the spans of all steps and how many journeys ended.

    Threads begin one after the other over the first half second, so that they do not walk in step.
    """
    world, line = own_world(), iter(people)
    spans, failures, done = list[float](), list[BaseException](), itertools.count()
    until = time.perf_counter() + seconds

    def run(index: int) -> None:
        try:
            time.sleep(0.5 * index / threads)
            way = make(world)
            while time.perf_counter() < until:
                walker = Walker(world, way, next(line))
                walker.walk()
                spans.extend(walker.spans)
                next(done)
        except BaseException as failure:  # noqa: BLE001 - raised in the caller's thread
            failures.append(failure)
        finally:
            from django.db import connection  # after the set-up

            connection.close()

    began = time.perf_counter()
    workers = [threading.Thread(target=run, args=(index,)) for index in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(seconds + 120)
    if failures:
        raise failures[0]
    return Spans(spans, time.perf_counter() - began), next(done)


def run(report: Report, centre: Centre, seconds: float) -> None:
    """Print certificates and steps a second, and how long a step takes."""
    from dojang.sandbox.casting import add_crowd  # after Django's set-up

    report.part("whole journeys (12 answers of the customer, PIN at its production cost)")
    line = iter(add_crowd(centre.world.corebank.store, centre.world.clock, issuing.CROWD))  # type: ignore[attr-defined]
    for processes, threads in ((1, 1), (2, 4)):
        groups = [list(itertools.islice(line, 200)) for _ in range(processes)]
        made = centre.count("SELECT count(*) FROM ca_certificate")
        found = in_processes(
            processes,
            lambda index, groups=groups, threads=threads: _direct(groups[index], threads, seconds),  # type: ignore[misc]
        )
        made = centre.count("SELECT count(*) FROM ca_certificate") - made
        _tell(report, f"without HTTP, {processes} process(es) of {threads} thread(s)", found, made)
    for workers, clients in ((1, 8), (1, 32), (2, 32)):
        with centre.http(workers=workers, threads=16) as port:
            people = list(itertools.islice(line, 280))
            made = centre.count("SELECT count(*) FROM ca_certificate")
            found = in_processes(
                1,
                lambda _index, port=port, people=people, clients=clients: walk_many(  # type: ignore[misc]
                    people, clients, seconds, lambda _world: OverHttp(port)
                )[0],
            )
            made = centre.count("SELECT count(*) FROM ca_certificate") - made
            _tell(report, f"over HTTP, {workers} worker(s), {clients} clients", found, made)


def run_quick(report: Report, centre: Centre) -> None:
    """Measure what a journey over HTTP costs, beside what cannot be left out, and a step's round trips."""
    from dojang.sandbox.casting import add_crowd  # after Django's set-up

    report.part("a journey over HTTP, one client after the other (PIN at its production cost)")
    bank: Any = centre.world.corebank
    people = iter(add_crowd(bank.store, centre.world.clock, _QUICK + 4))
    pin = _pin_cost(centre)
    with centre.http(workers=1, threads=4) as port:
        server = centre.http_pid
        way = OverHttp(port)
        for _ in range(2):  # what is made once is not measured
            Walker(centre.world, way, next(people)).walk()
        bare = _bare_cost(port, server)
        before = [cpu_of(pid) for pid in (server, centre.signer.pid, centre.postmaster)]
        steps = 0
        for _ in range(_QUICK):
            walker = Walker(centre.world, way, next(people))
            walker.walk()
            steps += len(walker.spans)
        used = [
            1000 * (cpu_of(pid) - then) / _QUICK
            for pid, then in zip((server, centre.signer.pid, centre.postmaster), before, strict=True)
        ]
    requests, total = steps / _QUICK, sum(used)
    issue = report.figures.get("issue_cpu_ms", 0.0)
    floor = pin + requests * bare + issue
    report.line(
        f"CPU of a journey of {requests:.0f} requests",
        f"{total:.0f} ms",
        f"HTTP {used[0]:.0f}, signer {used[1]:.0f}, PostgreSQL (the simulated country's too) {used[2]:.0f}",
    )
    report.line(
        "what cannot be left out",
        f"{floor:.0f} ms",
        f"PIN {pin:.0f}, {requests:.0f} bare requests of {bare:.2f}, issuing {issue:.1f}",
    )
    report.figure("journey_cpu_ms", total)
    if issue:
        report.figure("journey_cpu_vs_floor", total / floor)
    _round_trips(report, centre, next(people))


_QUICK = 12  #: journeys of a quick run
_BARE = 400  #: bare requests whose cost is measured


def _pin_cost(centre: Centre) -> float:
    """Milliseconds of the signer's CPU for making a customer's key under a PIN, at its production cost."""
    before = cpu_of(centre.signer.pid)
    for number in range(10):
        centre.world.signer.create_wallet_key(
            key_id=f"bench-pin-{number}", customer_id="bench", pin=_PIN, idn="9001011234567", previous=None
        )
    return 1000 * (cpu_of(centre.signer.pid) - before) / 10


def _bare_cost(port: int, server: int) -> float:
    """Milliseconds of the server's CPU for the least it can answer."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    before = cpu_of(server)
    for _ in range(_BARE):
        link.request("GET", "/healthz")
        link.getresponse().read()
    link.close()
    return 1000 * (cpu_of(server) - before) / _BARE


def _round_trips(report: Report, centre: Centre, person: Person) -> None:
    from tests.round_trips import counting_round_trips  # needs Django's set-up

    with counting_round_trips() as trips:
        walker = Walker(centre.world, Direct(centre.world), person)
        walker.walk()
    each = trips.count / len(walker.spans)
    report.line("round trips to the database for a step", f"{each:.1f}", "of the centre's own connection")
    report.figure("step_round_trips", each)


def _direct(people: list[Person], threads: int, seconds: float) -> Spans:
    return walk_many(people, threads, seconds, Direct)[0]


def _tell(report: Report, what: str, found: Spans, made: int) -> None:
    report.line(
        what,
        f"{found.rate:,.0f} steps/s",
        f"{made / found.seconds:.1f} certificates/s, "
        f"a step p50 {found.ms(0.5):.1f} ms, p99 {found.ms(0.99):.1f} ms",
    )
