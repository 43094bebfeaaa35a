"""Withdrawal account and its four-digit password."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from dojang.journeys.kinds.base import (
    Base,
    digits_of,
    error,
    foreign,
    read_account,
    text_of,
    wrong,
)
from dojang.journeys.model import ONWARD, PageParts, RunView
from dojang.journeys.outcomes import Count, Entered, Outcome, Passed, Rejected
from dojang.journeys.page import Field, FieldError, Message, Option, Show
from dojang.ports.writing import is_digits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dojang.ports.world import World

PASSWORD_DIGITS = 4
_ID = re.compile(r"[A-Za-z0-9_.:+-]{1,80}")  # an id of the bank's


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
            limit=run.policy.wrong_entries.account_password,
            subject_kind="account",
            subject=account,
        ),
    )


class Account(Base):
    """Ownership of a withdrawal account. Somebody else's account and a wrong password sound the same."""

    name = "account"
    proves = True
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
        own = Count(factor="account", limit=run.policy.wrong_entries.account)
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
                limit=run.policy.wrong_entries.account,
                mismatch=foreign(run, "account", match.owner),
            )
        fact = run.prove("account", customer=run.customer, values={"masked": answer["masked"]})
        return Passed(facts=(fact,))


class AccountNumber(Base):
    """The number of a withdrawal account by itself; with a password proven before, of that same account."""

    name = "account_number"
    factors = ("account",)

    def page(self, run: RunView) -> PageParts:
        """Ask for the number."""
        del run
        return PageParts(fields=account_fields()[:1], submit=ONWARD)

    def validate(self, run: RunView, data: Mapping[str, Any]) -> dict[str, Any] | tuple[FieldError, ...]:
        """Check form."""
        del run
        account = read_account(data)
        return {"account": account} if account is not None else (error("account_format", "account"),)

    def counts(self, run: RunView, data: Mapping[str, Any] | None) -> tuple[Count, ...]:
        """Count for the customer, with the tries of the account's password."""
        del data
        return (Count(factor="account", limit=run.policy.wrong_entries.account),)

    def ask(self, run: RunView, data: Mapping[str, Any] | None, world: World) -> Any:
        """Ask the core bank whose account it is."""
        assert data is not None
        assert run.customer is not None
        return world.corebank.find_account(run.customer, account=data["account"])

    def judge(self, run: RunView, answer: Any) -> Outcome:
        """Pass only for the customer's own account."""
        proven = run.fact("account")
        same = proven is None or answer.account is None or proven.values["account_id"] == answer.account.id
        if not answer.ok or not same:
            return wrong(
                run,
                ("account",),
                "account_number_wrong",
                "account",
                limit=run.policy.wrong_entries.account,
                mismatch=foreign(run, "account", answer.owner),
            )
        values = {"masked": answer.account.masked, "account_id": answer.account.id}
        return Passed(facts=(run.prove("account_number", customer=run.customer, values=values),))


class AccountPassword(Base):
    """The password of the account named before, or of one the customer picks from a masked list."""

    name = "account_password"
    proves = True
    factors = ("account",)

    def enter(self, run: RunView, world: World) -> Entered:
        """Read the customer's accounts; only ids and masks are kept."""
        assert run.customer is not None
        named = run.fact("account_number")
        accounts = [{"id": a.id, "masked": a.masked} for a in world.corebank.accounts(run.customer)]
        if named is not None:
            accounts = [a for a in accounts if a["id"] == named.values["account_id"]]
        if not accounts:
            return Entered(stop=error("no_account", phone=run.policy.bank.phone))
        return Entered(scratch={"accounts": accounts})

    def page(self, run: RunView) -> PageParts:
        """Ask for the password, and for which account when there are several."""
        accounts = _accounts(run)
        password = account_fields()[1]
        if len(accounts) == 1:
            rows = [{"label": Message("field.account"), "value": accounts[0]["masked"]}]
            return PageParts(fields=(password,), show=(Show("facts", {"rows": rows}),))
        options = tuple(Option(a["id"], Message("option.account", {"masked": a["masked"]})) for a in accounts)
        which = Field(
            "account_id", "choice", Message("field.which_account"), {"required": True}, options=options
        )
        return PageParts(fields=(which, password))

    def validate(self, run: RunView, data: Mapping[str, Any]) -> dict[str, Any] | tuple[FieldError, ...]:
        """Check form."""
        ids = [a["id"] for a in _accounts(run)]
        chosen = text_of(data, "account_id") or (ids[0] if len(ids) == 1 else "")
        password = digits_of(data, "account_password")
        mistakes = []
        if not _ID.fullmatch(chosen):  # an id of another page is no mistake of form: whose it is, is asked
            mistakes.append(error("account_required", "account_id"))
        if not is_digits(password, PASSWORD_DIGITS):
            mistakes.append(error("account_password_format", "account_password"))
        return tuple(mistakes) or {"account_id": chosen, "account_password": password}

    def counts(self, run: RunView, data: Mapping[str, Any] | None) -> tuple[Count, ...]:
        """Count for the customer, over all channels."""
        del data
        return (Count(factor="account", limit=run.policy.wrong_entries.account),)

    def ask(self, run: RunView, data: Mapping[str, Any] | None, world: World) -> Any:
        """Ask the core bank."""
        assert data is not None
        assert run.customer is not None
        if data["account_id"] not in [a["id"] for a in _accounts(run)]:
            return {"owner": world.corebank.owner_of_id(data["account_id"])}
        match = world.corebank.check_account_password(
            run.customer, account_id=data["account_id"], account_password=data["account_password"]
        )
        return {"match": match, "account_id": data["account_id"]}

    def judge(self, run: RunView, answer: Any) -> Outcome:
        """Pass on the right password."""
        if "owner" in answer:
            return Rejected(
                errors=(error("account_required", "account_id"),),
                mismatch=foreign(run, "account", answer["owner"]),
                enter_again=True,
            )
        account = next(a for a in _accounts(run) if a["id"] == answer["account_id"])
        if not answer["match"].ok:
            return wrong(
                run,
                ("account",),
                "account_password_wrong",
                "account_password",
                limit=run.policy.wrong_entries.account,
                mismatch=foreign(run, "account", answer["match"].owner),
            )
        values = {"masked": account["masked"], "account_id": account["id"]}
        return Passed(facts=(run.prove("account", customer=run.customer, values=values),))


def _accounts(run: RunView) -> list[dict[str, str]]:
    return list(run.scratch.get("accounts", ()))
