"""An identity card, checked with the state's register. Here the card is what says who the customer is."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from dojang.journeys.kinds.base import (
    Base,
    digits_of,
    error,
    is_unusable,
    read_day,
    text_of,
    wrong,
)
from dojang.journeys.kinds.eligibility import facts_of, greetings, refusal
from dojang.journeys.model import PageParts, RunView
from dojang.journeys.outcomes import Count, Outcome, Passed, Rejected, Stopped
from dojang.journeys.page import Field, FieldError, Message, Option
from dojang.ports.writing import is_digits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dojang.ports.world import World

LENGTHS = {"resident": 13, "driver": 12, "foreigner": 13}


class IdCard(Base):
    """Kind, number and day of issue. The number is compared once and kept nowhere."""

    name = "id_card"

    def page(self, run: RunView) -> PageParts:
        """Ask for what is printed on the card."""
        del run
        options = tuple(Option(t, Message(f"option.id_card.{t}")) for t in LENGTHS)
        fields = (
            Field("card_type", "choice", Message("field.card_type"), {"required": True}, options=options),
            Field(
                "card_number",
                "secret_digits",
                Message("field.card_number"),
                {
                    "required": True,
                    "pattern": "[0-9]{12,13}",
                    "min_length": 12,
                    "max_length": 13,
                    "length": 13,
                },
                secret=True,
                help=Message("field.card_number_help"),
            ),
            Field("issued", "birth", Message("field.issued"), {"required": True}),
        )
        return PageParts(fields=fields, messages=(Message("scam.id_card"),))

    def validate(self, run: RunView, data: Mapping[str, Any]) -> dict[str, Any] | tuple[FieldError, ...]:
        """Check form; each kind of card has its own length."""
        card_type, number = text_of(data, "card_type"), digits_of(data, "card_number")
        issued = read_day(run, data, "issued")
        mistakes = []
        if card_type not in LENGTHS:
            mistakes.append(error("card_type_required", "card_type"))
        if not is_digits(number, LENGTHS.get(card_type, 13)):
            mistakes.append(error("card_number_format", "card_number"))
        if issued is None:
            mistakes.append(error("issued_format", "issued"))
        if issued is None or mistakes:
            return tuple(mistakes)
        return {"card_type": card_type, "card_number": number, "issued": issued.isoformat()}

    def counts(self, run: RunView, data: Mapping[str, Any] | None) -> tuple[Count, ...]:
        """Count for the telephone checked before: nobody else is known yet."""
        del data
        checked = run.fact("phone_check")
        return (
            Count(
                factor="id_card",
                limit=run.policy.wrong_entries.id_card,
                subject_kind="phone",
                subject=str(checked.values["phone"]) if checked is not None else "",
            ),
        )

    def ask(self, run: RunView, data: Mapping[str, Any] | None, world: World) -> Any:
        """Ask the register, and the bank about the customer found."""
        assert data is not None
        del run
        match = world.corebank.check_id_card(
            card_type=data["card_type"],
            card_number=data["card_number"],
            issued=date.fromisoformat(data["issued"]),
        )
        customer = world.corebank.customer(match.owner) if match.ok and match.owner else None
        return {"match": match, "customer": customer, "type": data["card_type"]}

    def judge(self, run: RunView, answer: Any) -> Outcome:
        """Bind the run to the card's owner; a telephone of somebody else before it is a mismatch."""
        match, customer = answer["match"], answer["customer"]
        if customer is None:
            if is_unusable(match.reason):
                return Rejected(errors=(error("id_card_unusable"),), compared=False)
            return wrong(run, ("id_card",), "id_card_wrong", limit=run.policy.wrong_entries.id_card)
        refused = refusal(run, customer)
        if refused is not None:
            return Stopped(error=refused)
        facts = (
            run.prove("identified", customer=customer.id, values=facts_of(customer)),
            run.prove("id_card", customer=customer.id, values={"type": answer["type"]}),
        )
        return Passed(facts=facts, messages=greetings(customer))
