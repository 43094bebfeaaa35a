"""Where notices go, and the person check: name, telephone and birth date as the bank has them."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from dojang.journeys.kinds.base import (
    Base,
    error,
    foreign,
    read_birth,
    read_email,
    read_mobile,
    read_name,
    wrong,
)
from dojang.journeys.model import PageParts, RunView
from dojang.journeys.outcomes import Count, Outcome, Passed, Rejected
from dojang.journeys.page import Field, FieldError, Message
from dojang.ports.writing import MAIL_LONGEST, NAME_LONGEST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dojang.ports.world import World


def phone_field() -> Field:
    """Return the field for a mobile number."""
    rules = {"required": True, "pattern": "010[0-9]{8}"}
    return Field("phone", "phone", Message("field.phone"), rules=rules, help=Message("field.phone_help"))


class Contact(Base):
    """E-mail and telephone for notices. The telephone must be registered for the customer.

    The address is only kept with the run here; the bank's record changes when the certificate is issued,
    so that the address registered before is told as well.
    """

    name = "contact"

    def page(self, run: RunView) -> PageParts:
        """Ask for both."""
        del run
        email = Field(
            "email", "email", Message("field.email"), rules={"required": True, "max_length": MAIL_LONGEST}
        )
        return PageParts(fields=(email, phone_field()))

    def validate(self, run: RunView, data: Mapping[str, Any]) -> dict[str, Any] | tuple[FieldError, ...]:
        """Check form."""
        del run
        email, phone = read_email(data), read_mobile(data)
        mistakes = []
        if isinstance(email, FieldError):
            mistakes.append(email)
        if phone is None:
            mistakes.append(error("phone_format", "phone"))
        return tuple(mistakes) or {"email": email, "phone": phone}

    def ask(self, run: RunView, data: Mapping[str, Any] | None, world: World) -> Any:
        """Ask whose number it is, and which address was registered before."""
        assert data is not None
        assert run.customer is not None
        owner = world.corebank.owner_of_phone(data["phone"])
        return {**data, "owner": owner, "old_email": world.corebank.customer(run.customer).email or ""}

    def judge(self, run: RunView, answer: Any) -> Outcome:
        """Keep where notices go, now and before."""
        if answer["owner"] != run.customer:
            return Rejected(
                errors=(error("phone_not_registered", "phone"),),
                mismatch=foreign(run, "phone", answer["owner"]),
            )
        values = {name: answer[name] for name in ("email", "phone", "old_email")}
        return Passed(facts=(run.prove("contact", customer=run.customer, values=values),))


class PersonDetails(Base):
    """Name, telephone and birth date must be the bank's; they are not free text."""

    name = "person"
    factors = ("person",)

    def page(self, run: RunView) -> PageParts:
        """Ask for the three."""
        del run
        name = Field(
            "name", "name", Message("field.name"), rules={"required": True, "max_length": NAME_LONGEST}
        )
        birth = Field("birth", "birth", Message("field.birth"), rules={"required": True})
        return PageParts(fields=(name, phone_field(), birth))

    def validate(self, run: RunView, data: Mapping[str, Any]) -> dict[str, Any] | tuple[FieldError, ...]:
        """Check form."""
        name, phone, birth = read_name(data), read_mobile(data), read_birth(run, data)
        mistakes = [name] if isinstance(name, FieldError) else []
        mistakes += [
            error(f"{field}_format", field)
            for field, value in (("phone", phone), ("birth", birth))
            if value is None
        ]
        if mistakes or birth is None:
            return tuple(mistakes)
        return {"name": name, "phone": phone, "birth": birth.isoformat()}

    def counts(self, run: RunView, data: Mapping[str, Any] | None) -> tuple[Count, ...]:
        """Count for the customer until a right answer or an unlock."""
        del data
        return (Count(factor="person", limit=run.policy.wrong_entries.person),)

    def ask(self, run: RunView, data: Mapping[str, Any] | None, world: World) -> Any:
        """Ask the core bank to compare."""
        assert data is not None
        assert run.customer is not None
        match = world.corebank.check_person(
            run.customer, name=data["name"], phone=data["phone"], birth=date.fromisoformat(data["birth"])
        )
        return {**data, "match": match}

    def judge(self, run: RunView, answer: Any) -> Outcome:
        """Pass when all three are the customer's."""
        match = answer["match"]
        if not match.ok:
            return wrong(
                run,
                ("person",),
                "person_wrong",
                limit=run.policy.wrong_entries.person,
                mismatch=foreign(run, "person", match.owner),
            )
        values = {name: answer[name] for name in ("name", "phone", "birth")}
        return Passed(facts=(run.prove("person", customer=run.customer, values=values),))
