"""`kill -9` in the middle of a batch of 64 orders: nothing lost, nothing double, all books agree."""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from tests.app.issuing.test_batches import place_for
from tests.centres import wait_until
from tests.faults.country import pause

from dojang.ca.models import Certificate, Intent
from dojang.ca.queries import verify_trail
from dojang.issuing.models import Order
from dojang.sandbox.casting import add_crowd

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from tests.faults.country import Country

pytestmark = pytest.mark.faults

KILLS = int(os.environ.get("FAULTS_BATCH_KILLS", "20"))
SIZE = 64
MOMENTS = ("random", "named", "intended", "signed", "answered", "done")


class Batch:
    """Sixty-four orders that are carried out by processes that die."""

    def __init__(self, country: Country, journal: sqlite3.Connection, people: list[str], number: int) -> None:
        self.country = country
        self.journal = journal
        self.orders = [place_for(country.world, person, name=f"round-{number}") for person in people]

    def entries(self, verb: str) -> int:
        """Count the signer's entries of a kind."""
        query = "SELECT count(*) FROM journal WHERE verb = ?"
        return int(self.journal.execute(query, (verb,)).fetchone()[0])

    def sign_of(self, moment: str) -> Callable[[], bool]:
        """Return a function that tells whether a moment has come, from now on."""
        signed, answered = self.entries("sign_certificate"), self.entries("sign_ocsp")
        rows = {
            "named": "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'",
            "intended": "SELECT count(*) FROM ca_intent WHERE state = 'open'",
            "done": f"SELECT count(*) FROM issuing_order WHERE id = '{self.orders[-1]}' AND state = 'done'",  # noqa: S608 - ours
        }
        if moment == "signed":
            return lambda: self.entries("sign_certificate") > signed
        if moment == "answered":
            return lambda: self.entries("sign_ocsp") > answered
        return lambda: self.country.ask(rows[moment]) > 0

    def strike(self, moment: str, chance: random.Random) -> bool:
        """Have the orders carried out by a process and kill it; whether it was at work still."""
        process = self.country.fork()
        process.begin({"do": "carry", "orders": self.orders})
        if moment == "random":
            pause(chance.uniform(0.0, 0.6))
        else:
            come, deadline = self.sign_of(moment), time.monotonic() + 10
            while not come() and time.monotonic() < deadline and not process.ended_within(0.0005):
                pass
        at_work = process.kill()
        query = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s"
        wait_until(lambda: not self.country.ask(query, process.backend), "the session to end")
        return at_work

    def check(self) -> None:
        """Nobody has two, and whatever was signed is an intent of the database."""
        twice = self.country.ask(
            "SELECT count(*) FROM (SELECT 1 FROM ca_certificate WHERE state = 'active'"
            " GROUP BY customer_id, product HAVING count(*) > 1) AS two"
        )
        assert twice == 0
        known = {int(serial, 16) for serial in Intent.objects.values_list("serial", flat=True)}
        signed = self.journal.execute(
            "SELECT json_extract(body, '$.serial') FROM journal WHERE verb = 'sign_certificate'"
        )
        assert {int(row[0], 16) for row in signed} <= known

    def finish(self) -> None:
        """Let the reconcile job do the rest; every order ends done, its holder with one certificate."""

        def is_over() -> bool:
            self.country.reconcile()
            return not Order.objects.filter(id__in=self.orders, state="placed").exists()

        wait_until(is_over, "the batch to end", patience=60)
        assert set(Order.objects.filter(id__in=self.orders).values_list("state", flat=True)) == {"done"}


@pytest.mark.timeout(400)
def test_kill_nine_in_the_middle_of_sixty_four_orders(
    country: Country, capsys: pytest.CaptureFixture[str]
) -> None:
    """Killed at every moment, some batches twice: each order ends done, each signature is one certificate."""
    seed = int(os.environ.get("FAULTS_SEED") or secrets.randbelow(1 << 32))
    chance, kills, misses, number = random.Random(seed), Counter[str](), 0, 0  # noqa: S311 - moments, not secrets
    bank: Any = country.world.corebank
    people = [person.id for person in add_crowd(bank.store, country.world.clock, SIZE)]
    with contextlib.closing(country.open_journal()) as journal:
        while kills.total() < KILLS:
            number += 1
            batch = Batch(country, journal, people, number)
            for _ in range(chance.choice((1, 1, 2))):
                moment = MOMENTS[(kills.total() + misses) % len(MOMENTS)]
                if batch.strike(moment, chance):
                    kills[moment] += 1
                else:
                    misses += 1
                batch.check()
            batch.finish()
        assert country.signatures() == Certificate.objects.count()
    with capsys.disabled():
        print(f"\nkill -9 in batches of {SIZE}: FAULTS_SEED={seed}, {number} batches, {misses} too late")  # noqa: T201
        print("  " + ", ".join(f"{count} {moment}" for moment, count in sorted(kills.items())))  # noqa: T201
    assert Certificate.objects.filter(product="financial", state="active").count() == SIZE
    assert Order.objects.filter(state="done").count() == number * SIZE
    told = country.ask(
        "SELECT count(*) FROM (SELECT customer_id, message_id, channel, key FROM notices_notice"
        " GROUP BY 1, 2, 3, 4 HAVING count(*) > 1) AS twice"
    )
    assert told == 0
    verified = verify_trail(country.world)
    assert verified.breaks == ()
    assert verified.ok
    assert country.reconcile().issuing == 0
