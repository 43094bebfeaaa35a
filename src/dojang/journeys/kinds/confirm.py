"""The last look: what will be issued, for whom, and what becomes of the certificate in use."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from dojang.journeys.kinds.base import Base, mask_email, mask_mobile, today
from dojang.journeys.kinds.choice import keeps_not_after
from dojang.journeys.model import PageParts, RunView
from dojang.journeys.outcomes import Outcome, Passed
from dojang.journeys.page import Message, Show
from dojang.pki.day import day_of


class Confirm(Base):
    """Show the facts and wait for the press of the button that issues."""

    name = "confirm"

    def page(self, run: RunView) -> PageParts:
        """Show what has been gathered, masked."""
        contact, person = run.fact("contact"), run.fact("person") or run.fact("identified")
        held = run.active_holding()
        kept = held is not None and keeps_not_after(run)
        ends = day_of(held.not_after) if held is not None and kept else _new_end(run)
        rows: list[dict[str, Any]] = [
            {"label": Message("facts.product"), "value": Message(f"product.{run.product}.name")},
            {"label": Message("facts.valid_until"), "value": ends.isoformat()},
            {"label": Message("facts.fee"), "value": _fee(run)},
        ]
        if person is not None:
            rows.insert(1, {"label": Message("facts.name"), "value": str(person.values["name"])})
        if contact is not None:
            rows.append({"label": Message("facts.email"), "value": mask_email(str(contact.values["email"]))})
            rows.append({"label": Message("facts.phone"), "value": mask_mobile(str(contact.values["phone"]))})
        notes = (Message("reissue.replaces"),) if held is not None else ()
        return PageParts(
            show=(Show("facts", {"rows": rows}),), messages=notes, submit=Message("action.issue")
        )

    def judge(self, run: RunView, answer: Any) -> Outcome:
        """Keep that the customer wanted it."""
        del answer
        return Passed(facts=(run.prove("confirmed", customer=run.customer),))


def _new_end(run: RunView) -> Any:
    return today(run) + timedelta(days=run.journey.product.life_under(run.policy))


def _fee(run: RunView) -> Message:
    won = run.policy.issue.fee
    return Message("facts.won", {"won": f"{won:,}"}) if won else Message("facts.free")
