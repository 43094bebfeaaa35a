"""Withdrawal account and its four-digit password."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dojang.journeys.kinds.base import Base, digits_of, error, foreign, is_digits, read_account, wrong
from dojang.journeys.model import DAY, Count, Outcome, PageParts, Passed, RunView
from dojang.journeys.page import Field, FieldError, Message

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dojang.ports.world import World

PASSWORD_DIGITS = 4


def account_fields() -> tuple[Field, Field]:
    """Return the two fields, alike wherever they are asked."""
    account = Field(
        "account",
        "digits",
        Message("field.account"),
        rules={"required": True, "pattern": "[0-9 -]{10,20}"},
        help=Message("field.account_help"),
    )
    password = Field(
        "account_password",
        "secret_digits",
        Message("field.account_password"),
        rules={"required": True, "pattern": "[0-9]{4}", "length": PASSWORD_DIGITS},
        secret=True,
    )
    return account, password


def password_counts(run: RunView, account: str) -> tuple[Count, ...]:
    """Count tries of one account's password, in whatever journey they are made.

    A day's window, because a stranger who knows the account number alone can use these up.
    """
    return (
        Count(
            factor="account_password",
            limit=run.policy.account_errors,
            window=DAY,
            subject_kind="account",
            subject=account,
        ),
    )


class Account(Base):
    """Ownership of a withdrawal account. Somebody else's account and a wrong password sound the same."""

    name = "account"
    factors = ("account",)

    def page(self, run: RunView) -> PageParts:
        """Ask for both."""
        del run
        return PageParts(fields=account_fields())

    def validate(self, run: RunView, data: Mapping[str, Any]) -> dict[str, Any] | tuple[FieldError, ...]:
        """Check form."""
        del run
        account, password = read_account(data), digits_of(data, "account_password")
        mistakes = []
        if account is None:
            mistakes.append(error("account_format", "account"))
        if not is_digits(password, PASSWORD_DIGITS):
            mistakes.append(error("account_password_format", "account_password"))
        return tuple(mistakes) or {"account": account, "account_password": password}

    def counts(self, run: RunView, data: Mapping[str, Any] | None) -> tuple[Count, ...]:
        """Count for the customer, and for the account typed."""
        own = Count(factor="account", limit=run.policy.account_errors, window=None)
        return (own, *password_counts(run, str((data or {}).get("account", ""))))

    def ask(self, run: RunView, data: Mapping[str, Any] | None, world: World) -> Any:
        """Ask the core bank."""
        assert data is not None
        assert run.customer is not None
        match = world.corebank.check_account(
            run.customer, account=data["account"], account_password=data["account_password"]
        )
        return {"match": match, "masked": f"***{data['account'][-4:]}"}

    def judge(self, run: RunView, answer: Any) -> Outcome:
        """Pass only for the customer's own account."""
        match = answer["match"]
        if not match.ok:
            return wrong(
                run,
                ("account", "account_password"),
                "account_wrong",
                limit=run.policy.account_errors,
                mismatch=foreign(run, "account", match.owner),
            )
        fact = run.prove("account", customer=run.customer, values={"masked": answer["masked"]})
        return Passed(facts=(fact,))
