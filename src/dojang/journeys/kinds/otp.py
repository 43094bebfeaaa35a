"""One-time password from a token; a value is accepted once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dojang.journeys.kinds.base import Base, digits_of, error, foreign, is_unusable, wrong
from dojang.journeys.model import PageParts, RunView
from dojang.journeys.outcomes import Count, Outcome, Passed, Rejected
from dojang.journeys.page import Field, FieldError, Message
from dojang.ports.writing import is_digits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dojang.ports.world import World

DIGITS = 6


class Otp(Base):
    """Six digits that change every minute."""

    name = "otp"
    proves = True
    factors = ("otp",)

    def page(self, run: RunView) -> PageParts:
        """Ask for the number on the token."""
        del run
        code = Field(
            "code",
            "otp",
            Message("field.otp"),
            rules={"required": True, "pattern": "[0-9]{6}", "length": DIGITS},
            secret=True,
        )
        return PageParts(fields=(code,), messages=(Message("scam.otp"),))

    def validate(self, run: RunView, data: Mapping[str, Any]) -> dict[str, Any] | tuple[FieldError, ...]:
        """Check form."""
        del run
        code = digits_of(data, "code")
        return {"code": code} if is_digits(code, DIGITS) else (error("digits_needed", "code", count=DIGITS),)

    def counts(self, run: RunView, data: Mapping[str, Any] | None) -> tuple[Count, ...]:
        """Count for the customer until a right answer or an unlock."""
        del data
        return (Count(factor="otp", limit=run.policy.wrong_entries.otp),)

    def ask(self, run: RunView, data: Mapping[str, Any] | None, world: World) -> Any:
        """Ask the core bank, which remembers used values."""
        assert data is not None
        assert run.customer is not None
        return world.corebank.check_otp(run.customer, code=data["code"], key=run.key("otp"))

    def judge(self, run: RunView, answer: Any) -> Outcome:
        """Pass on a fresh, right value."""
        if answer.ok:
            return Passed(facts=(run.prove("otp", customer=run.customer),))
        if is_unusable(answer.reason):
            return Rejected(errors=(error("otp_unusable", phone=run.policy.bank.phone),), compared=False)
        code = "otp_reused" if answer.reason == "reused" else "otp_wrong"
        return wrong(
            run,
            ("otp",),
            code,
            "code",
            limit=run.policy.wrong_entries.otp,
            mismatch=foreign(run, "otp", answer.owner),
        )
