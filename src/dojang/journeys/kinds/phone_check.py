"""A telephone in one's own name: name, birth date, gender, carrier and number, then a code by text.

Before the customer is known, the second page comes whatever was typed, and a text goes out only when the
line is that person's: nobody learns from it who is a customer, nor from its time, since the text is a job's
and a job is left in either case. A telephone alone never issues anything.
"""

from __future__ import annotations

import hmac
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from dojang.journeys.kinds.base import (
    Base,
    digits_of,
    error,
    foreign,
    is_past,
    late_code,
    later,
    mask_mobile,
    read_birth,
    read_mobile,
    read_name,
    text_of,
    wrong,
)
from dojang.journeys.kinds.contact import phone_field
from dojang.journeys.model import PageParts, RunView
from dojang.journeys.outcomes import Count, Outcome, Passed, Pending, Rejected
from dojang.journeys.page import Field, FieldError, Message, Option, Wait
from dojang.ports.limits import RUN, Limit
from dojang.ports.writing import NAME_LONGEST, is_digits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dojang.ports.corebank import Match
    from dojang.ports.world import World

DIGITS = 6
GENDERS = ("male", "female")
CARRIERS = ("garam", "narae", "daon", "thrifty")
_LINE = ("name", "birth", "gender", "carrier", "phone")


class PhoneCheck(Base):
    """Own name first, then the code."""

    name = "phone_check"
    proves = True
    factors = ("phone_check",)

    def page(self, run: RunView) -> PageParts:
        """Ask for the line, or for the code sent to it."""
        return self._code_page(run) if run.scratch.get("sent") else self._line_page()

    @staticmethod
    def _line_page() -> PageParts:
        genders = tuple(Option(g, Message(f"option.gender.{g}")) for g in GENDERS)
        carriers = tuple(Option(c, Message(f"option.carrier.{c}")) for c in CARRIERS)
        fields = (
            Field(
                "name", "name", Message("field.name"), rules={"required": True, "max_length": NAME_LONGEST}
            ),
            Field("birth", "birth", Message("field.birth"), rules={"required": True}),
            Field("gender", "choice", Message("field.gender"), rules={"required": True}, options=genders),
            Field("carrier", "choice", Message("field.carrier"), rules={"required": True}, options=carriers),
            phone_field(),
        )
        return PageParts(
            fields=fields, messages=(Message("scam.phone_check"),), submit=Message("action.send_code")
        )

    def _code_page(self, run: RunView) -> PageParts:
        until = str(run.scratch["until"])
        rules = {"required": True, "pattern": "[0-9]{6}", "length": DIGITS}
        code = Field("code", "otp", Message("field.sent_code"), rules=rules, secret=True)
        sent = Message("phone_check.sent", {"masked": mask_mobile(run.scratch["line"]["phone"])})
        return PageParts(
            fields=(code,),
            wait=Wait(self.name, "expired" if is_past(run, until) else "sent", until),
            messages=(Message("scam.phone_check"), sent),
            title=Message("step.phone_check.code"),
            resend=Message("action.send_again"),
            errors=late_code(run, until),
        )

    def validate(self, run: RunView, data: Mapping[str, Any]) -> dict[str, Any] | tuple[FieldError, ...]:
        """Read the line or the code, by what the page asked for."""
        if run.scratch.get("sent"):
            code = digits_of(data, "code")
            mistake = (error("digits_needed", "code", count=DIGITS),)
            return {"code": code} if is_digits(code, DIGITS) else mistake
        name, birth, phone = read_name(data), read_birth(run, data), read_mobile(data)
        gender, carrier = text_of(data, "gender"), text_of(data, "carrier")
        found = {
            "name": name,
            "birth": None if birth is None else birth.isoformat(),
            "gender": gender if gender in GENDERS else None,
            "carrier": carrier if carrier in CARRIERS else None,
            "phone": phone,
        }
        mistakes = [name] if isinstance(name, FieldError) else []
        mistakes += [error(f"{field}_format", field) for field in _LINE if found[field] is None]
        return tuple(mistakes) or found

    def counts(self, run: RunView, data: Mapping[str, Any] | None) -> tuple[Count, ...]:
        """Count tries for the customer (before one is known, for the number); count texts for both."""
        phone = str((data or {}).get("phone") or run.scratch.get("line", {}).get("phone", ""))
        own = run.customer is not None
        limit = run.policy.wrong_entries.phone_check if own else run.policy.wrong_entries.phone_check_number
        tries = Count(
            factor="phone_check",
            limit=limit,
            subject_kind="customer" if own else "phone",
            subject="" if own else phone,
            on_pending="refund",
        )
        if data is not None and "code" in data:
            return (tries,)
        kept = {"on_pass": "keep", "on_pending": "keep", "locks": False, "code": "sends_spent"}
        texts = (
            Count(
                factor="phone_check_sends",
                limit=Limit(run.policy.runs.sends.count + 1, RUN),
                subject_kind="run",
                **kept,  # type: ignore[arg-type]
            ),
            Count(
                factor="phone_texts",
                limit=run.policy.phone_check.texts_per_day,
                subject_kind="phone",
                subject=phone,
                **kept,  # type: ignore[arg-type]
            ),
        )
        # A wrong line of a known customer is a wrong answer; of an unknown one it is not judged.
        return (*texts, tries) if data is not None and own else texts

    def ask(self, run: RunView, data: Mapping[str, Any] | None, world: World) -> Any:
        """Ask the carriers whose line it is, ask for another code, or compare."""
        if data is not None and "code" in data:
            return self._compare(run, data["code"], world)
        number = int(run.scratch.get("sent", 0)) + 1
        if data is None:
            line = dict(run.scratch["line"])
        else:
            match = world.corebank.check_line(**{**data, "birth": date.fromisoformat(data["birth"])})
            mine = match.ok and match.owner is not None and match.owner == (run.customer or match.owner)
            if run.customer is not None and not mine:
                return {"match": match}
            line = {**data, "owner": match.owner if mine else None}
        return {"sent": number, "line": line}

    def dispatch(self, run: RunView, what: str, world: World) -> None:
        """Send the code asked for last, if the line is the person's."""
        line = run.scratch.get("line", {})
        if line.get("owner") is None or str(run.scratch.get("sent")) != what:
            return
        text = run.say("say.phone_check", code=self._code(run, int(what)), product=_product(run))
        world.sms.send(number=line["phone"], text=text, key=run.entry_key(what))

    def _compare(self, run: RunView, code: str, world: World) -> dict[str, Any]:
        if is_past(run, run.scratch["until"]):
            return {"late": True}
        line = run.scratch["line"]
        right = hmac.compare_digest(code, self._code(run, int(run.scratch["sent"])))
        if not right or line["owner"] is None:
            return {"right": False}
        return {"right": True, "recent": _is_recent(run, world, line["owner"], line["phone"])}

    def judge(self, run: RunView, answer: Any) -> Outcome:
        """Pass on the latest code, in time, to a line in the customer's own name."""
        if "sent" in answer:
            scratch = {**answer, "until": later(run, run.policy.phone_check.ttl)}
            again = (Message("code.sent_again"),) if answer["sent"] > 1 else ()
            return Pending(scratch=scratch, messages=again, dispatch=str(answer["sent"]))
        if "match" in answer:
            return self._not_own(run, answer["match"])
        if answer.get("late"):
            return Rejected(errors=(error("code_late", "code"),), compared=False)
        if not answer["right"]:
            return wrong(run, (self.name,), "code_wrong", "code", limit=run.policy.wrong_entries.phone_check)
        line = run.scratch["line"]
        values = {**{name: line[name] for name in ("phone", "name", "birth")}, "recent": answer["recent"]}
        return Passed(facts=(run.prove("phone_check", customer=line["owner"], values=values),))

    def _not_own(self, run: RunView, match: Match) -> Outcome:
        """Refuse a line that is not the customer's; its holder is told when all of it was theirs."""
        return wrong(
            run,
            (self.name,),
            "phone_not_own",
            limit=run.policy.wrong_entries.phone_check,
            mismatch=foreign(run, "phone", match.owner if match.ok else None),
        )

    def _code(self, run: RunView, number: int) -> str:
        return run.code(f"phone_check:{number}", DIGITS)


def _is_recent(run: RunView, world: World, customer: str, number: str) -> bool:
    """Tell whether the bank has known this number for a short time only, or not at all."""
    since = run.now - timedelta(days=run.policy.phones.recent_days)
    return all(p.registered_at > since for p in world.corebank.phones(customer) if p.number == number)


def _product(run: RunView) -> str:
    return run.say(f"product.{run.product}.name")
