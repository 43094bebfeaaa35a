"""One won sent to the customer's account at another bank, with a code in the place of the sender's name."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any

from dojang.journeys.kinds.account import account_fields
from dojang.journeys.kinds.base import (
    Base,
    digits_of,
    error,
    foreign,
    is_past,
    late_code,
    later,
    read_account,
    text_of,
    wrong,
)
from dojang.journeys.model import PageParts, RunView
from dojang.journeys.outcomes import Count, Entered, Outcome, Passed, Pending, Rejected
from dojang.journeys.page import Field, FieldError, Message, Option, Wait
from dojang.ports.writing import is_digits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dojang.ports.world import World


class OneWon(Base):
    """Name the account, then read the code off its bankbook."""

    name = "one_won"
    proves = True
    factors = ("one_won",)

    def enter(self, run: RunView, world: World) -> Entered:
        """Read which banks there are."""
        banks = [
            {"code": b.code, "name": b.name_en if run.locale == "en" else b.name_ko}
            for b in world.corebank.other_banks()
        ]
        return Entered(scratch={"banks": banks})

    def page(self, run: RunView) -> PageParts:
        """Ask for the account, or for the code that was sent there."""
        if run.scratch.get("sent"):
            return self._code_page(run)
        options = tuple(Option(b["code"], Message("option.bank", {"name": b["name"]})) for b in _banks(run))
        bank = Field("bank", "choice", Message("field.bank"), {"required": True}, options=options)
        account = Field(
            "account",
            "digits",
            Message("field.other_account"),
            rules=account_fields()[0].rules,
            help=Message("field.other_account_help"),
        )
        return PageParts(fields=(bank, account), submit=Message("action.send_won"))

    def _code_page(self, run: RunView) -> PageParts:
        until, digits = str(run.scratch["until"]), run.policy.one_won.digits
        rules = {"required": True, "pattern": f"[0-9]{{{digits}}}", "length": digits}
        code = Field("code", "otp", Message("field.won_code", {"count": digits}), rules, secret=True)
        args = {"bank": run.scratch["name"], "masked": run.scratch["masked"]}
        return PageParts(
            fields=(code,),
            wait=Wait(self.name, "expired" if is_past(run, until) else "sent", until),
            messages=(Message("scam.one_won"), Message("one_won.sent", args)),
            title=Message("step.one_won.code"),
            resend=Message("action.send_again"),
            errors=late_code(run, until),
        )

    def validate(self, run: RunView, data: Mapping[str, Any]) -> dict[str, Any] | tuple[FieldError, ...]:
        """Read the account or the code, by what the page asked for."""
        if run.scratch.get("sent"):
            code, digits = digits_of(data, "code"), run.policy.one_won.digits
            mistake = (error("digits_needed", "code", count=digits),)
            return {"code": code} if is_digits(code, digits) else mistake
        bank, account = text_of(data, "bank"), read_account(data)
        mistakes = []
        if bank not in {b["code"] for b in _banks(run)}:
            mistakes.append(error("bank_required", "bank"))
        if account is None:
            mistakes.append(error("account_format", "account"))
        return tuple(mistakes) or {"bank": bank, "account": account}

    def counts(self, run: RunView, data: Mapping[str, Any] | None) -> tuple[Count, ...]:
        """Count tries of the code; count transfers, so many a day."""
        if data is not None and "code" in data:
            return (Count(factor="one_won", limit=run.policy.wrong_entries.one_won),)
        return (
            Count(
                factor="one_won_sends",
                limit=run.policy.one_won.per_day,
                on_pass="keep",  # noqa: S106 - a word, not a password
                locks=False,
                code="one_won_spent",
            ),
        )

    def ask(self, run: RunView, data: Mapping[str, Any] | None, world: World) -> Any:
        """Send one won, or compare."""
        assert run.customer is not None
        if data is not None and "code" in data:
            if is_past(run, run.scratch["until"]):
                return {"late": True}
            return {"right": hmac.compare_digest(data["code"], self._code(run, int(run.scratch["sent"])))}
        to = data or {"bank": run.scratch["bank"], "account": run.scratch["account"]}
        number = int(run.scratch.get("sent", 0)) + 1
        memo = f"{run.policy.one_won.sender}{self._code(run, number)}"
        match = world.corebank.send_one_won(
            run.customer, bank=to["bank"], account=to["account"], memo=memo, key=run.key(str(number))
        )
        return {"match": match, "sent": number, **to}

    def judge(self, run: RunView, answer: Any) -> Outcome:
        """Pass on the latest code, in time."""
        if "match" in answer:
            return self._sent(run, answer)
        if answer.get("late"):
            return Rejected(errors=(error("code_late", "code"),), compared=False)
        if not answer["right"]:
            return wrong(run, (self.name,), "code_wrong", "code", limit=run.policy.wrong_entries.one_won)
        values = {"bank": run.scratch["bank"], "masked": run.scratch["masked"]}
        return Passed(facts=(run.prove("one_won", customer=run.customer, values=values),))

    def _sent(self, run: RunView, answer: Mapping[str, Any]) -> Outcome:
        match = answer["match"]
        if not match.ok:
            return Rejected(
                errors=(error("one_won_not_own", "account"),), mismatch=foreign(run, "account", match.owner)
            )
        scratch = {
            **run.scratch,
            "sent": answer["sent"],
            "bank": answer["bank"],
            "account": answer["account"],
            "name": next((b["name"] for b in _banks(run) if b["code"] == answer["bank"]), ""),
            "masked": f"***{answer['account'][-4:]}",
            "until": later(run, run.policy.one_won.ttl),
        }
        again = (Message("code.sent_again"),) if answer["sent"] > 1 else ()
        return Pending(scratch=scratch, messages=again)

    def _code(self, run: RunView, number: int) -> str:
        return run.code(f"one_won:{number}", run.policy.one_won.digits)


def _banks(run: RunView) -> list[dict[str, str]]:
    return list(run.scratch.get("banks", ()))
