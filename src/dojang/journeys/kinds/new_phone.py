"""Changing a registered telephone number: which one, and the new one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dojang.journeys.kinds.base import Base, error, foreign, read_mobile, text_of
from dojang.journeys.model import PageParts, RunView
from dojang.journeys.outcomes import Count, Entered, Outcome, Passed, Rejected
from dojang.journeys.page import Field, FieldError, Message, Option

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dojang.ports.world import World


class NewPhone(Base):
    """The number to be replaced (asked only when there are several) and the new number."""

    name = "new_phone"

    def enter(self, run: RunView, world: World) -> Entered:
        """Read the registered numbers; only ids and masks are kept."""
        assert run.customer is not None
        phones = world.corebank.phones(run.customer)
        if not phones:
            return Entered(stop=error("no_phone", phone=run.policy.bank.phone))
        return Entered(scratch={"phones": [{"id": p.id, "masked": p.masked} for p in phones]})

    def page(self, run: RunView) -> PageParts:
        """Ask for the new number."""
        phones = run.scratch.get("phones", ())
        fields = [
            Field(
                "new_phone",
                "phone",
                Message("field.new_phone"),
                rules={"required": True, "pattern": "010[0-9]{8}"},
                help=Message("field.phone_help"),
            )
        ]
        if len(phones) > 1:
            options = tuple(Option(p["id"], Message("option.phone", {"masked": p["masked"]})) for p in phones)
            label = Message("field.old_phone")
            fields.insert(0, Field("old_phone", "choice", label, rules={"required": True}, options=options))
        return PageParts(
            fields=tuple(fields), messages=(Message("scam.new_phone"), Message("new_phone.recent"))
        )

    def validate(self, run: RunView, data: Mapping[str, Any]) -> dict[str, Any] | tuple[FieldError, ...]:
        """Check form."""
        phones = [p["id"] for p in run.scratch.get("phones", ())]
        old = text_of(data, "old_phone") or (phones[0] if len(phones) == 1 else "")
        new = read_mobile(data, "new_phone")
        mistakes = []
        if old not in phones:
            mistakes.append(error("phone_required", "old_phone"))
        if new is None:
            mistakes.append(error("phone_format", "new_phone"))
        return tuple(mistakes) or {"old_phone": old, "new_phone": new}

    def counts(self, run: RunView, data: Mapping[str, Any] | None) -> tuple[Count, ...]:
        """Count numbers named: each tells whether it is somebody's, and the next page texts it."""
        del data
        return (
            Count(
                factor="new_phones",
                limit=run.policy.phones.new_per_day,
                on_pass="keep",  # noqa: S106 - a word, not a password
                locks=False,
                code="sends_spent",
            ),
        )

    def ask(self, run: RunView, data: Mapping[str, Any] | None, world: World) -> Any:
        """Ask whose the new number is."""
        assert data is not None
        assert run.customer is not None
        phones = world.corebank.phones(run.customer)
        old = next((p.number for p in phones if p.id == data["old_phone"]), None)
        return {
            "old": old,
            "new": data["new_phone"],
            "owner": world.corebank.owner_of_phone(data["new_phone"]),
        }

    def judge(self, run: RunView, answer: Any) -> Outcome:
        """Accept a number that is nobody's yet."""
        if answer["old"] is None:
            return Rejected(errors=(error("phone_required", "old_phone"),), enter_again=True)
        if answer["owner"] == run.customer:
            return Rejected(errors=(error("phone_same", "new_phone"),))
        if answer["owner"] is not None:
            mismatch = foreign(run, "phone", answer["owner"])
            return Rejected(errors=(error("phone_unusable", "new_phone"),), mismatch=mismatch)
        values = {"old": answer["old"], "new": answer["new"]}
        return Passed(facts=(run.prove("new_phone", customer=run.customer, values=values),))
