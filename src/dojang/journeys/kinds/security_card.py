"""Security card: last four digits of its serial, and two half-codes.

Rule of the supervisor (2006): the first two digits of one cell and the last two of another. The two cells
stay the same for the customer until they are answered rightly, in whatever run and channel, so that nobody
can reload until known cells come up.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from dojang.journeys.kinds.base import Base, digits_of, error, foreign, is_unusable, wrong
from dojang.journeys.model import PageParts, RunView
from dojang.journeys.outcomes import Count, Entered, Outcome, Passed, Rejected
from dojang.journeys.page import Field, FieldError, Message, Show
from dojang.ports.writing import is_digits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dojang.ports.world import World

SERIAL_TAIL = 4
HALF = 2


class SecurityCard(Base):
    """Two half-codes from a card of paper."""

    name = "security_card"
    proves = True
    factors = ("security_card",)

    def enter(self, run: RunView, world: World) -> Entered:
        """Take the customer's open challenge, or draw two distinct cells."""
        assert run.customer is not None
        pending = run.pending_challenge
        if pending is not None:
            return Entered(scratch={"cells": list(pending["cells"])})
        cells = draw_cells(world.corebank.factors(run.customer).card_cells)
        return Entered(scratch={"cells": cells}, challenge={"cells": cells})

    def page(self, run: RunView) -> PageParts:
        """Ask for the serial's tail and the two halves."""
        first, second = (f"{cell:02d}" for cell in _cells(run))
        code = {"required": True, "pattern": "[0-9]{2}", "length": HALF}
        fields = (
            Field(
                "serial_tail",
                "secret_digits",
                Message("field.serial_tail"),
                rules={"required": True, "pattern": "[0-9]{4}", "length": SERIAL_TAIL},
                secret=True,
            ),
            Field(
                "code_first",
                "card_code",
                Message("field.code_first", {"cell": first}),
                rules={**code, "part": "first"},
                secret=True,
            ),
            Field(
                "code_second",
                "card_code",
                Message("field.code_second", {"cell": second}),
                rules={**code, "part": "last"},
                secret=True,
            ),
        )
        shown = Show("card_cells", {"first": first, "second": second})
        return PageParts(fields=fields, show=(shown,), messages=(Message("scam.security_card"),))

    def validate(self, run: RunView, data: Mapping[str, Any]) -> dict[str, Any] | tuple[FieldError, ...]:
        """Check form."""
        del run
        lengths = {"serial_tail": SERIAL_TAIL, "code_first": HALF, "code_second": HALF}
        given = {name: digits_of(data, name) for name in lengths}
        mistakes = tuple(
            error("digits_needed", name, count=length)
            for name, length in lengths.items()
            if not is_digits(given[name], length)
        )
        return mistakes or given

    def counts(self, run: RunView, data: Mapping[str, Any] | None) -> tuple[Count, ...]:
        """Count for the customer until a right answer or an unlock."""
        del data
        return (Count(factor="security_card", limit=run.policy.wrong_entries.security_card),)

    def ask(self, run: RunView, data: Mapping[str, Any] | None, world: World) -> Any:
        """Ask the core bank, unless the challenge on the page was answered meanwhile elsewhere."""
        assert data is not None
        assert run.customer is not None
        if run.pending_challenge is None or tuple(run.pending_challenge["cells"]) != _cells(run):
            return {"stale": True}
        first, second = _cells(run)
        match = world.corebank.check_card(
            run.customer,
            serial_tail=data["serial_tail"],
            first=(first, data["code_first"]),
            second=(second, data["code_second"]),
        )
        return {"match": match}

    def judge(self, run: RunView, answer: Any) -> Outcome:
        """Pass on a right answer, which also frees the challenge; a wrong one keeps it."""
        if answer.get("stale"):
            return Rejected(errors=(error("challenge_stale"),), enter_again=True, compared=False)
        match = answer["match"]
        if match.ok:
            fact = run.prove("security_card", customer=run.customer)
            return Passed(facts=(fact,), challenge_answered=True)
        if is_unusable(match.reason):
            return Rejected(errors=(error("card_unusable", phone=run.policy.bank.phone),), compared=False)
        return wrong(
            run,
            ("security_card",),
            "card_wrong",
            limit=run.policy.wrong_entries.security_card,
            mismatch=foreign(run, "security_card", match.owner),
        )


def draw_cells(count: int) -> list[int]:
    """Draw two distinct cells out of 1 … `count`, each pair alike likely."""
    first = secrets.randbelow(count) + 1
    second = secrets.randbelow(count - 1) + 1
    return [first, second + (second >= first)]


def _cells(run: RunView) -> tuple[int, int]:
    first, second = run.scratch["cells"]
    return first, second
