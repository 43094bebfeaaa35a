"""Find my ID: name, birth date, withdrawal account and its password lead to the user id, shown masked."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from dojang.journeys.kinds.account import account_fields, password_counts
from dojang.journeys.kinds.base import (
    Base,
    digits_of,
    error,
    read_account,
    read_birth,
    read_name,
    wrong,
)
from dojang.journeys.model import PageParts, RunView
from dojang.journeys.outcomes import Count, Outcome, Passed
from dojang.journeys.page import Field, FieldError, Message
from dojang.ports.writing import NAME_LONGEST, is_digits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dojang.ports.world import World


@dataclass(frozen=True, slots=True)
class FoundCustomer:
    """The customer found and the masked user id, or nothing."""

    customer: str | None
    masked: str = ""
    user_id: str = field(default="", repr=False)


class FindId(Base):
    """Look a user id up. Whatever is wrong, the answer is the same."""

    name = "find_id"
    proves = True

    def page(self, run: RunView) -> PageParts:
        """Ask for the four things."""
        del run
        name = Field(
            "name", "name", Message("field.full_name"), rules={"required": True, "max_length": NAME_LONGEST}
        )
        birth = Field("birth", "birth", Message("field.birth"), rules={"required": True})
        return PageParts(fields=(name, birth, *account_fields()), submit=Message("action.find_id"))

    def validate(self, run: RunView, data: Mapping[str, Any]) -> dict[str, Any] | tuple[FieldError, ...]:
        """Check form."""
        name, birth = read_name(data), read_birth(run, data)
        account, password = read_account(data), digits_of(data, "account_password")
        mistakes = []
        if isinstance(name, FieldError):
            mistakes.append(name)
        if birth is None:
            mistakes.append(error("birth_format", "birth"))
        if account is None:
            mistakes.append(error("account_format", "account"))
        if not is_digits(password, 4):
            mistakes.append(error("account_password_format", "account_password"))
        if birth is None or mistakes:
            return tuple(mistakes)
        return {"name": name, "birth": birth.isoformat(), "account": account, "account_password": password}

    def counts(self, run: RunView, data: Mapping[str, Any] | None) -> tuple[Count, ...]:
        """Count per account and day: as look-ups, and as tries of that account's password."""
        account = str((data or {}).get("account", ""))
        lookup = Count(
            factor="lookup",
            limit=run.policy.wrong_entries.find_id,
            subject_kind="account",
            subject=account,
        )
        return (lookup, *password_counts(run, account))

    def ask(self, run: RunView, data: Mapping[str, Any] | None, world: World) -> FoundCustomer:
        """Ask the core bank."""
        assert data is not None
        match = world.corebank.find_user_id(
            name=data["name"],
            birth=date.fromisoformat(data["birth"]),
            account=data["account"],
            account_password=data["account_password"],
        )
        del run
        if not match.ok or match.owner is None:
            return FoundCustomer(None)
        masked = world.corebank.customer(match.owner).user_id_masked
        return FoundCustomer(match.owner, masked, world.corebank.user_id_of(match.owner))

    def judge(self, run: RunView, answer: Any) -> Outcome:
        """Keep the user id for the step that asked, which shows it masked: it stays on the server."""
        found: FoundCustomer = answer
        if found.customer is None:
            return wrong(
                run, ("lookup", "account_password"), "id_not_found", limit=run.policy.wrong_entries.find_id
            )
        values = {"masked": found.masked, "user_id": found.user_id}
        fact = run.prove("found_id", customer=found.customer, values=values)
        return Passed(facts=(fact,))
