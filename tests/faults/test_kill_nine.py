"""`kill -9` of every process at random points of issue and re-issue: never two, never none, all recorded.

The moments are drawn from a printed seed (`FAULTS_SEED` repeats the plan; what the machine was doing
at that moment does not repeat). A kill counts when the process under way had not answered yet.
"""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from tests.centres import wait_until
from tests.faults.country import Country, Customer, count_signatures

from dojang.ca.actions import reconcile as reconcile_authority
from dojang.ca.actions import revoke_certificate
from dojang.ca.queries import active_certificate, certificates_of, verify_trail
from dojang.journeys.kinds.ars_call import LIVE
from dojang.ports.acting import Acting
from dojang.ra.actions.upkeep import expire_runs

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from dojang.sandbox.cast import Person

pytestmark = pytest.mark.faults

KILLS = int(os.environ.get("FAULTS_KILLS", "210"))
SYSTEM = Acting(kind="system", id="tests", channel="job")
#: What dies at the last step, when, and how often.
PLAN = (
    ("customer", "random", 22),
    ("customer", "issuing", 10),
    ("customer", "intended", 8),
    ("customer", "signed", 12),
    ("customer", "stored", 8),
    ("customer", "done", 2),
    ("signer", "random", 6),
    ("signer", "intended", 6),
    ("backend", "random", 4),
    ("backend", "signed", 2),
    ("postmaster", "random", 3),
    ("postmaster", "intended", 1),
    ("postmaster", "stored", 1),
)
EARLIER = ("identify", "ars", "account", "security_card", "contact", "person", "sms_reply", *["pin"] * 5)
#: Signs of progress to be watched for.
SIGNS = {
    "issuing": "SELECT 1 FROM issuing_order WHERE id = %s AND state = 'placed'",
    "intended": "SELECT 1 FROM ca_intent WHERE order_key = %s",
    "stored": "SELECT 1 FROM ca_certificate c JOIN ca_intent i ON i.id = c.intent_id WHERE i.order_key = %s",
    "done": "SELECT 1 FROM issuing_order WHERE id = %s AND state = 'done'",
}
TOTALS = {
    "certificates": "SELECT count(*) FROM ca_certificate WHERE product = 'financial'",
    "active": "SELECT count(*) FROM ca_certificate WHERE product = 'financial' AND state = 'active'",
    "not decided": "SELECT count(*) FROM ca_certificate WHERE product = 'financial' AND state = 'issued'",
    "intents open": "SELECT count(*) FROM ca_intent WHERE state = 'open'",
    "intents void": "SELECT count(*) FROM ca_intent WHERE state = 'void'",
    "intents late": "SELECT count(*) FROM ca_intent WHERE state = 'late'",
    "orders done": "SELECT count(*) FROM issuing_order WHERE state = 'done'",
    "orders under way": "SELECT count(*) FROM issuing_order WHERE state IN ('placed', 'delivering')",
    "orders failed": "SELECT count(*) FROM issuing_order WHERE state = 'failed'",
    "runs failed": "SELECT count(*) FROM ra_run WHERE state = 'failed'",
    "keys live": "SELECT count(*) FROM wallet_walletkey WHERE state = 'live'",
    "keys prepared": "SELECT count(*) FROM wallet_walletkey WHERE state = 'prepared'",
}


@dataclass
class Havoc:
    """Kills, mends and checks, and keeps count."""

    country: Country
    journal: sqlite3.Connection
    chance: random.Random
    kills: Counter[str] = field(default_factory=Counter)  #: by what died and when, while at work
    misses: int = 0  #: kills after the answer
    ends: Counter[str] = field(default_factory=Counter)  #: how runs came to their end
    spans: dict[str, float] = field(default_factory=dict)  #: seconds an order takes undisturbed
    mending: dict[str, list[float]] = field(default_factory=dict)  #: seconds from kill to the run's end
    seen: int = 0  #: journal entries looked at

    # --- undisturbed, for the measure

    def measure(self, person: Person) -> None:
        """Let somebody through undisturbed, twice, and note how long each kind of order takes."""
        for _ in range(2):
            walk = self.country.customer(person)
            walk.walk_to("pin")
            self._span("pin", walk.order(**walk.answers("pin")))
            walk.refresh()
            self._span("confirm", walk.order())
            self.finish(walk, "undisturbed")

    def _span(self, name: str, order: dict[str, Any]) -> None:
        process = self.country.fork()
        began = time.perf_counter()
        process.begin(order)
        answer = process.answer()
        assert "error" not in answer, answer
        self.spans[name] = time.perf_counter() - began

    # --- killing

    def strike(self, order: dict[str, Any], target: str, moment: str, span: str) -> None:
        """Have an order done by another process, kill what is to be killed at the moment, restart it."""
        country, process = self.country, self.country.fork()
        before = count_signatures(self.journal)
        process.begin(order)
        if moment == "random":
            process.ended_within(self.chance.uniform(0, self.spans[span] * 1.1))
        else:
            while not process.ended_within(0.0001) and not self._reached(moment, order["run"], before):
                pass
            process.ended_within(self.chance.uniform(0, 0.004))
        at_work = not process.ended_within(0)
        if target == "customer":
            at_work = process.kill()
        elif target == "signer":
            country.signer.kill()
            country.restart_signer()
            process.answer()
        elif target == "backend":
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.backend, signal.SIGKILL)
            process.answer()
            country.reconnect()
        elif target == "postmaster":
            assert country.postgres.process is not None
            country.postgres.process.kill()
            country.restart_postgres()
            process.answer()
        if at_work:
            what = "earlier step" if span != "confirm" else order["do"].replace("act", "last step")
            self.kills[f"{target} at {what}, {moment}"] += 1
        else:
            self.misses += 1
        if moment == "random":  # the machine's pace changes: keep most kills inside the work, some behind it
            self.spans[span] *= 1.03 if at_work else 0.9
        if target == "customer" and self.chance.random() < 0.5:
            # Its database session dies by and by: half of the time whoever comes next meets it alive.
            wait_until(lambda: self._is_gone(process.backend), "the session to end")

    def _is_gone(self, backend: int) -> bool:
        return not self.country.ask("SELECT count(*) FROM pg_stat_activity WHERE pid = %s", backend)

    def _reached(self, moment: str, run: str, before: int) -> bool:
        if moment == "signed":
            return count_signatures(self.journal) > before
        return self.country.ask(SIGNS[moment], run) is not None

    # --- one run with its kills

    def one_run(self, target: str, moment: str) -> None:
        """Walk somebody to the last step, kill there, mend, and check after everything."""
        person = self._next_person()
        held = active_certificate(person.id, "financial") is not None
        walk = self.country.customer(person)
        if self.chance.random() < 0.6:
            self.kill_early(walk, self.chance.choice(EARLIER))
        walk.walk_to("confirm")
        began = time.perf_counter()
        self.strike(walk.order(), target, moment, "confirm")
        self.check(person, held=held)
        self.mend(walk, held=held)
        self.mending.setdefault(target, []).append(time.perf_counter() - began)
        self.finish(walk, f"after {target}")

    def _next_person(self) -> Person:
        """Take somebody new, a holder, or a holder whose certificate was revoked before."""
        person = self.chance.choice(self.country.people)
        if self.chance.random() < 0.15:
            holding = active_certificate(person.id, "financial")
            if holding is not None:
                revoke_certificate(
                    holding.id, "cessationOfOperation", acting=SYSTEM, world=self.country.world
                )
        return person

    def kill_early(self, walk: Customer, step: str) -> None:
        """Kill whoever submits an earlier step; the customer presses again."""
        walk.walk_to(step)
        if step == "ars":
            order = walk.order(phone=self.country.world.corebank.phones(walk.person.id)[0].id)
        elif step == "sms_reply":
            walk.reply(walk.code)
            order = walk.order()
        else:
            order = walk.order(**walk.answers(step))
        self.strike(order, "customer", "random", "pin")
        walk.refresh()
        if walk.page.step == "ars" and any(show.kind == "code" for show in walk.page.show):
            walk.take_call()
            walk.submit()
        elif walk.page.step == "ars":
            # A call nobody knows of any more may be ringing: the line is busy until it is put down.
            telephony: Any = self.country.world.telephony
            for call in telephony.calls(walk.number):
                if call.state in LIVE:
                    telephony.reject(walk.number, call.id)

    def mend(self, walk: Customer, *, held: bool) -> None:
        """Do what customers and the job do after a crash, killing most of those as well."""
        again: Callable[[], object]
        for disturbed in range(8):
            state = self.country.ask("SELECT state FROM issuing_order WHERE id = %s", walk.run)
            if state == "done":
                return
            if state is None:
                order, again = walk.order(), walk.submit
            else:
                assert state == "placed", state
                order, again = self.chance.choice(
                    [
                        (walk.opening(), walk.refresh),
                        ({"do": "reconcile", "run": walk.run}, self.country.reconcile),
                        ({"do": "reconcile", "run": walk.run}, self.give_up_intents),
                    ]
                )
            if disturbed < 4 and self.chance.random() < 0.8:
                moment = self.chance.choice(["random", "random", "random", "signed", "stored"])
                self.strike(order, "customer", moment, "confirm")
                self.check(walk.person, held=held)
            else:
                again()
        self.country.settle(walk)

    def give_up_intents(self) -> None:
        """Let the authority decide alone what it finds, as when a customer holds the run meanwhile."""
        reconcile_authority(acting=SYSTEM, world=self.country.world, confirmed=lambda _row: False)

    # --- what must hold

    def check(self, person: Person, *, held: bool) -> None:
        """Never two, never none for a holder; usable means the wallet signs; every signature is known."""
        usable = self.country.usable(person)
        assert len(usable) == 1 if held else len(usable) <= 1, [view.serial for view in usable]
        for view in usable:
            self.country.sign(view)
        self.check_journal()

    def check_journal(self) -> None:
        """Every serial the signer signed since the last look is an intent of the database."""
        rows = self.journal.execute(
            "SELECT seq, lower(json_extract(body, '$.serial')) FROM journal"
            " WHERE verb = 'sign_certificate' AND seq > ? ORDER BY seq",
            (self.seen,),
        ).fetchall()
        for seq, serial in rows:
            known = self.country.ask(
                "SELECT count(*) FROM ca_intent WHERE ltrim(serial, '0') = ltrim(%s, '0')", serial
            )
            assert known == 1, f"serial {serial} is in the signer's journal, but in {known} intents"
            self.seen = seq

    def finish(self, walk: Customer, how: str) -> None:
        """Check the end of a run: done, with the one usable certificate its page shows."""
        self.country.settle(walk)
        assert walk.page.state == "done", (walk.page.state, walk.codes)
        self.check(walk.person, held=True)
        holding = active_certificate(walk.person.id, "financial")
        assert walk.page.result is not None
        assert holding is not None
        assert walk.page.result["serial"] == holding.serial
        self.ends[how] += 1


@pytest.mark.timeout(420)
def test_kill_nine_at_any_point_of_issue_and_reissue(
    country: Country, capsys: pytest.CaptureFixture[str]
) -> None:
    """After each of 200 kills every customer has the one usable certificate due, and all books agree."""
    seed = int(os.environ.get("FAULTS_SEED") or secrets.randbelow(1 << 32))
    with capsys.disabled():
        print(f"\nkill -9: FAULTS_SEED={seed}")  # noqa: T201 - to repeat the plan
    with contextlib.closing(country.open_journal()) as journal:
        havoc = Havoc(country, journal, random.Random(seed))  # noqa: S311 - moments, not secrets
        havoc.measure(country.people[0])
        plan = [(target, moment) for target, moment, times in PLAN for _ in range(times)]
        havoc.chance.shuffle(plan)
        began = time.monotonic()
        while plan or havoc.kills.total() < KILLS:
            havoc.one_run(*(plan.pop() if plan else ("customer", "random")))
        spent = time.monotonic() - began
        the_books_agree(havoc)
        with capsys.disabled():
            report(havoc, spent)
    assert havoc.kills.total() >= 200


def the_books_agree(havoc: Havoc) -> None:
    """Reconcile to the end, then compare database, trail and the signer's journal."""
    country = havoc.country
    country.reconcile()
    expire_runs(acting=SYSTEM, world=country.world)
    assert country.reconcile().issuing == 0
    verified = verify_trail(country.world)
    assert verified.breaks == ()
    assert verified.ok
    totals = {name: country.ask(query) for name, query in TOTALS.items()}
    subscribers = country.ask("SELECT count(*) FROM ca_certificate")
    assert country.signatures() == subscribers, "as many signatures as certificates"
    assert totals["orders done"] == havoc.ends.total()
    assert (totals["orders under way"], totals["orders failed"], totals["runs failed"]) == (0, 0, 0)
    assert (totals["intents open"], totals["not decided"], totals["keys prepared"]) == (0, 0, 0)
    holders = [person for person in country.people if certificates_of(person.id)]
    usable = sum(len(country.usable(person)) for person in holders)
    assert totals["active"] == usable
    assert totals["keys live"] >= usable
    # Each certificate was told to every channel once, however often its run was taken up.
    told = country.ask(
        "SELECT count(*) FROM (SELECT customer_id, message_id, channel, key FROM notices_notice"
        " GROUP BY 1, 2, 3, 4 HAVING count(*) > 1) AS twice"
    )
    assert told == 0


def report(havoc: Havoc, spent: float) -> None:
    """Print the figures."""
    lines = [f"kill -9: {havoc.kills.total()} kills at work, {havoc.misses} too late, in {spent:.0f} s"]
    lines += [f"  {count:4} {name}" for name, count in sorted(havoc.kills.items())]
    lines.append(f"  runs: {dict(sorted(havoc.ends.items()))}")
    lines.append(f"  books: { {name: havoc.country.ask(query) for name, query in TOTALS.items()} }")
    for target, times in havoc.mending.items():
        middle = sorted(times)[len(times) // 2]
        lines.append(
            f"  {target}: from kill to done, checks included: median {middle:.2f} s, most {max(times):.2f} s"
        )
    print("\n".join(lines))  # noqa: T201 - the figures are the result
