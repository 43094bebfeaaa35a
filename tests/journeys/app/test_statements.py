"""How many statements a step may cost: what was taken out of the way does not creep back."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from tests.journeys.app.walker import Walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)

#: By step, for a person who is here for the first time: every statement but BEGIN and COMMIT.
MOST = {
    "start": 6,
    "terms": 6,
    "identify": 20,
    "ars: choose": 12,
    "ars: done": 9,
    "account": 17,
    "factor": 12,
    "security_card": 16,
    "contact": 13,
    "person": 15,
    "sms_reply": 14,
    "pin": 17,
    "confirm": 54,
}


@contextmanager
def counting() -> Iterator[list[str]]:
    """List the statements of this thread's connection."""
    seen: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: Any, context: Any) -> Any:
        # Authorities are remembered for two seconds: whether a step reads them is a matter of the clock.
        if "ca_authority" not in sql:
            seen.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield seen


def test_a_step_costs_no_more_statements_than_it_did(world: World) -> None:
    """Each step of an issue on the web keeps within its figure."""
    cost: dict[str, int] = {}
    with counting() as seen:
        walk = Walk(world)
        cost["start"] = len(seen)
    while walk.page.state == "open":
        step = walk.page.step
        if step == "ars":
            with counting() as seen:
                walk.submit(phone=world.corebank.phones(walk.person.id)[0].id)
            cost["ars: choose"] = len(seen)
            walk.take_call()
            step = "ars: done"
        if step == "sms_reply":
            walk.reply(walk.code)
        answers = walk.answers(step) if step not in {"ars: done", "sms_reply"} else {}
        with counting() as seen:
            walk.submit(**answers)
        cost[step] = len(seen)
    assert walk.page.state == "done"
    assert cost.keys() == MOST.keys()
    assert {step: count for step, count in cost.items() if count > MOST[step]} == {}


def test_a_certificate_asks_the_signer_twice(world: World) -> None:
    """The last step asks for the certificate's signature once, and once for both status answers together."""
    walk = Walk(world).walk_to("confirm")
    before = world.signer.journal(limit=100_000)[-1].seq
    walk.submit()
    assert walk.page.state == "done"
    entries = world.signer.journal(after=before)
    assert [entry.verb for entry in entries] == ["sign_certificate", "sign_ocsp"]
    assert entries[1].body["count"] == 2
