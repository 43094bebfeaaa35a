"""Identify: user id and RRN are exchanged for the customer id at once; the RRN is kept nowhere."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from dojang.journeys.kinds.base import Base, digits_of, error, raw_of, wrong
from dojang.journeys.kinds.eligibility import facts_of, greetings, refusal
from dojang.journeys.login import is_logged_in, login_of
from dojang.journeys.model import PageParts, RunView
from dojang.journeys.outcomes import Count, Mismatch, Outcome, Passed, Stopped
from dojang.journeys.page import Field, FieldError, Message
from dojang.ports.writing import RRN, USER_ID, plain_user_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dojang.journeys.model import Fact
    from dojang.ports.corebank import Customer, Match
    from dojang.ports.world import World

_RRN_LENGTH = 13


@dataclass(frozen=True, slots=True)
class Identified:
    """Answer of the core bank: the match, the customer when it matched, the user id's owner when not."""

    match: Match
    customer: Customer | None
    user_id_owner: str | None


class Identify(Base):
    """User id and RRN. One and the same refusal for an unknown id, a wrong RRN and somebody else's RRN."""

    name = "identify"

    def is_current(self, run: RunView, fact: Fact) -> bool:
        """Keep what was typed as long as it lives; a log-in holds no longer than its certificate."""
        return login_of(run) is not fact or is_logged_in(run)

    def page(self, run: RunView) -> PageParts:
        """Ask for both; a user id just looked up stands in its field, masked."""
        found = _found(run)
        notes = (Message("identify.found", {"user_id": found["masked"]}),) if found else ()
        user_id = Field(
            "user_id",
            "user_id",
            Message("field.user_id", {"bank": run.policy.bank.name(run.locale)}),
            rules={"required": True, "min_length": 6, "max_length": 12}
            | ({} if found else {"pattern": USER_ID.pattern}),
            value=found["masked"] if found else None,
        )
        rrn = Field(
            "rrn",
            "rrn",
            Message("field.rrn"),
            rules={"required": True, "pattern": RRN.pattern, "length": _RRN_LENGTH},
            secret=True,
            help=Message("field.rrn_help"),
        )
        return PageParts(fields=(user_id, rrn), messages=notes)

    def validate(self, run: RunView, data: Mapping[str, Any]) -> dict[str, Any] | tuple[FieldError, ...]:
        """Check form. The RRN's check digit is not looked at: numbers since October 2020 have none."""
        user_id, rrn = plain_user_id(raw_of(data, "user_id")), digits_of(data, "rrn")
        mistakes = []
        if not USER_ID.fullmatch(_meant(run, user_id)):
            mistakes.append(error("user_id_format", "user_id"))
        if not RRN.fullmatch(rrn) or birth_of_rrn(rrn) is None:
            mistakes.append(error("rrn_format", "rrn"))
        return tuple(mistakes) or {"user_id": user_id, "rrn": rrn}

    def counts(self, run: RunView, data: Mapping[str, Any] | None) -> tuple[Count, ...]:
        """Count per user id and day, whether such an id exists or not."""
        user_id = _meant(run, str((data or {}).get("user_id", ""))).lower()
        return (
            Count(
                factor="identify",
                limit=run.policy.wrong_entries.identify,
                subject_kind="user_id",
                subject=user_id,
            ),
        )

    def ask(self, run: RunView, data: Mapping[str, Any] | None, world: World) -> Identified:
        """Exchange both for the customer; as many questions for a stranger as for a customer."""
        assert data is not None
        user_id = _meant(run, data["user_id"])
        match = world.corebank.find_customer(user_id=user_id, rrn=data["rrn"])
        owner = world.corebank.customer_of_user_id(user_id)
        customer = world.corebank.customer(match.owner) if match.ok and match.owner else None
        return Identified(match, customer, owner)

    def judge(self, run: RunView, answer: Any) -> Outcome:
        """Bind the run to the customer, if this customer may do this here."""
        found: Identified = answer
        if found.customer is None:
            owners = tuple(sorted({o for o in (found.match.owner, found.user_id_owner) if o}))
            mismatch = Mismatch(evidence="rrn", owners=owners) if len(owners) > 1 else None
            return wrong(
                run,
                ("identify",),
                "user_not_found",
                limit=run.policy.wrong_entries.identify,
                mismatch=mismatch,
            )
        customer = found.customer
        refused = refusal(run, customer)
        if refused is not None:
            return Stopped(error=refused)
        fact = run.prove("identified", customer=customer.id, values=facts_of(customer))
        return Passed(facts=(fact,), messages=greetings(customer))


def _found(run: RunView) -> Mapping[str, Any] | None:
    """Return the user id that was looked up in this run, plain and masked."""
    fact = run.facts.get("find-id/found_id")
    return fact.values if fact is not None and fact.values.get("user_id") else None


def _meant(run: RunView, user_id: str) -> str:
    """Return the user id meant: the one looked up when its masked form was left in the field."""
    found = _found(run)
    return str(found["user_id"]) if found and user_id == found["masked"] else user_id


def birth_of_rrn(rrn: str) -> date | None:
    """Read the birth date out of an RRN or a foreigner's number; ``None`` when there is no such day.

    The seventh digit tells the century: 1, 2, 5, 6 the 1900s; 3, 4, 7, 8 the 2000s; 9, 0 the 1800s.
    """
    century = {"1": 1900, "2": 1900, "5": 1900, "6": 1900, "3": 2000, "4": 2000, "7": 2000, "8": 2000}
    try:
        return date(century.get(rrn[6], 1800) + int(rrn[:2]), int(rrn[2:4]), int(rrn[4:6]))
    except ValueError:
        return None
