"""The customer's details as the bank has them, to be confirmed; the name is fixed, edits are kept apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dojang.journeys.kinds.base import Base, error, read_email, read_mobile, text_of
from dojang.journeys.kinds.contact import contact_counts, not_registered, own_numbers, phone_field
from dojang.journeys.model import ONWARD, PageParts, RunView
from dojang.journeys.outcomes import Count, Entered, Outcome, Passed
from dojang.journeys.page import Field, FieldError, Message, Show
from dojang.ports.writing import MAIL_LONGEST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dojang.ports.world import World

ADDRESS_SHORTEST = 5
ADDRESS_LONGEST = 120


class Details(Base):
    """E-mail, address and telephone, filled in with the bank's record."""

    name = "details"

    def enter(self, run: RunView, world: World) -> Entered:
        """Read the record."""
        assert run.customer is not None
        customer, phones = world.corebank.customer(run.customer), world.corebank.phones(run.customer)
        return Entered(
            scratch={
                "name": customer.name,
                "email": customer.email or "",
                "address": customer.address or "",
                "phone": phones[0].number if phones else "",
            }
        )

    def page(self, run: RunView) -> PageParts:
        """Show the name; ask whether the rest is right."""
        was = {
            name: run.typed.get(name) or run.scratch.get(name, "") for name in ("email", "address", "phone")
        }
        email = Field(
            "email",
            "email",
            Message("field.email"),
            {"required": True, "max_length": MAIL_LONGEST},
            value=was["email"],
        )
        address = Field(
            "address",
            "address",
            Message("field.address"),
            {"required": True, "max_length": ADDRESS_LONGEST},
            value=was["address"],
        )
        phone = phone_field()
        label = Message("field.telephone")
        phone = Field(phone.name, phone.kind, label, phone.rules, value=was["phone"], help=phone.help)
        rows = [{"label": Message("facts.customer_name"), "value": run.scratch.get("name", "")}]
        return PageParts(
            fields=(email, address, phone),
            show=(Show("facts", {"rows": rows}),),
            messages=(Message("details.name_fixed"),),
            submit=ONWARD,
        )

    def validate(self, run: RunView, data: Mapping[str, Any]) -> dict[str, Any] | tuple[FieldError, ...]:
        """Check form."""
        del run
        email, phone = read_email(data), read_mobile(data)
        address = text_of(data, "address")
        mistakes = []
        if isinstance(email, FieldError):
            mistakes.append(email)
        if not ADDRESS_SHORTEST <= len(address) <= ADDRESS_LONGEST:
            mistakes.append(error("address_format", "address"))
        if phone is None:
            mistakes.append(error("phone_format", "phone"))
        return tuple(mistakes) or {"email": email, "address": address, "phone": phone}

    def counts(self, run: RunView, data: Mapping[str, Any] | None) -> tuple[Count, ...]:
        """Count as the page for notices does: it is the same question."""
        del data
        return contact_counts(run)

    def ask(self, run: RunView, data: Mapping[str, Any] | None, world: World) -> Any:
        """Ask for the customer's own telephones."""
        assert data is not None
        return {**data, "own": own_numbers(run, world)}

    def judge(self, run: RunView, answer: Any) -> Outcome:
        """Keep what is right now and what was there before, and name what was edited."""
        if answer["phone"] not in answer["own"]:
            return not_registered()
        before = {name: str(run.scratch.get(name, "")) for name in ("email", "address", "phone")}
        values = {
            "email": answer["email"],
            "phone": answer["phone"],
            "address": answer["address"],
            "old_email": before["email"],
            "old_address": before["address"],
            "edited": [name for name, was in before.items() if was != answer[name]],
        }
        return Passed(facts=(run.prove("contact", customer=run.customer, values=values),))
