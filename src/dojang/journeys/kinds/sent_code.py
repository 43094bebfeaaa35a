"""A code sent to the customer: by mail on the higher path, by text to a new telephone number.

The code is derived, not stored: another purpose (how many were sent) makes another code.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any

from dojang.journeys.kinds.base import (
    Base,
    digits_of,
    error,
    foreign,
    is_past,
    late_code,
    later,
    mask_email,
    mask_mobile,
    visits_spent,
    wrong,
)
from dojang.journeys.model import PageParts, RunView
from dojang.journeys.outcomes import Count, Entered, Outcome, Passed, Pending, Rejected
from dojang.journeys.page import Field, FieldError, Message, Wait
from dojang.ports.corebank import Match
from dojang.ports.writing import is_digits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dojang.ports.limits import Limit
    from dojang.ports.world import World

DIGITS = 6
FIRST = 1


class SentCode(Base):
    """What the two ways of sending share."""

    def send(self, run: RunView, world: World, number: int, key: str) -> str | None:
        """Send the code; return the masked address, or ``None`` when there is nowhere to send it."""
        raise NotImplementedError

    def life(self, run: RunView) -> int:
        """Return how long a code lives, in seconds."""
        raise NotImplementedError

    def errors(self, run: RunView) -> Limit:
        """Return how many wrong codes may be entered."""
        raise NotImplementedError

    def finish(self, run: RunView, world: World) -> Any:
        """Make the outside call that follows a right code, if any."""
        del run, world

    def conclude(self, run: RunView, done: Any) -> Outcome:
        """Return the outcome of a right code."""
        raise NotImplementedError

    def enter(self, run: RunView, world: World) -> Entered:
        """Send the first code."""
        if (spent := visits_spent(run)) is not None:
            return Entered(stop=spent)
        masked = self.send(run, world, FIRST, run.entry_key(str(FIRST)))
        if masked is None:
            return Entered(stop=error("no_mail", phone=run.policy.bank.phone))
        return Entered(scratch=self._sent(run, FIRST, masked))

    def _sent(self, run: RunView, number: int, masked: str) -> dict[str, Any]:
        return {"sent": number, "masked": masked, "until": later(run, self.life(run))}

    def page(self, run: RunView) -> PageParts:
        """Ask for the code."""
        until = str(run.scratch.get("until", run.now.isoformat()))
        code = Field(
            "code",
            "otp",
            Message("field.sent_code"),
            rules={"required": True, "pattern": "[0-9]{6}", "length": DIGITS},
            secret=True,
        )
        return PageParts(
            fields=(code,),
            wait=Wait(self.name, "expired" if is_past(run, until) else "sent", until),
            messages=(Message(f"{self.name}.sent", {"masked": run.scratch.get("masked", "")}),),
            resend=Message("action.send_again"),
            errors=late_code(run, until),
        )

    def validate(self, run: RunView, data: Mapping[str, Any]) -> dict[str, Any] | tuple[FieldError, ...]:
        """Check form."""
        del run
        code = digits_of(data, "code")
        return {"code": code} if is_digits(code, DIGITS) else (error("digits_needed", "code", count=DIGITS),)

    def counts(self, run: RunView, data: Mapping[str, Any] | None) -> tuple[Count, ...]:
        """Count tries for the customer; count sendings for the run."""
        if data is None:
            return (sends(run, f"{self.name}_sends"),)
        return (Count(factor=self.name, limit=self.errors(run)),)

    def ask(self, run: RunView, data: Mapping[str, Any] | None, world: World) -> Any:
        """Send again, or compare and do what follows."""
        number = int(run.scratch["sent"])
        if data is None:
            masked = self.send(run, world, number + 1, run.key(str(number + 1)))
            return {"sent": number + 1, "masked": masked or ""}
        if is_past(run, run.scratch["until"]):
            return {"late": True}
        if not hmac.compare_digest(data["code"], self.code(run, number)):
            return {"right": False}
        return {"right": True, "done": self.finish(run, world)}

    def judge(self, run: RunView, answer: Any) -> Outcome:
        """Pass on the latest code, in time."""
        if "sent" in answer:
            scratch = self._sent(run, answer["sent"], answer["masked"])
            return Pending(scratch=scratch, messages=(Message("code.sent_again"),))
        if answer.get("late"):
            return Rejected(errors=(error("code_late", "code"),), compared=False)
        if not answer["right"]:
            return wrong(run, (self.name,), "code_wrong", "code", limit=self.errors(run))
        return self.conclude(run, answer["done"])

    def code(self, run: RunView, number: int) -> str:
        """Derive the code of the n-th sending."""
        return run.code(f"{self.name}:{number}", DIGITS)


def sends(run: RunView, factor: str) -> Count:
    """Count sendings of codes and texts in one run."""
    return Count(
        factor=factor,
        limit=run.policy.runs.sends,
        subject_kind="run",
        on_pass="keep",  # noqa: S106 - a word, not a password
        locks=False,
        code="sends_spent",
    )


class MailCode(SentCode):
    """The higher path: with a telephone number changed lately, the mail box registered before must help."""

    name = "mail_code"
    proves = True
    factors = ("mail_code",)

    def send(self, run: RunView, world: World, number: int, key: str) -> str | None:
        """Mail the code to the address the bank had registered."""
        assert run.customer is not None
        address = world.corebank.customer(run.customer).email
        if not address:
            return None
        text = run.say("say.mail_code.text", code=self.code(run, number), minutes=self.life(run) // 60)
        world.mail.send(to=address, subject=run.say("say.mail_code.subject"), text=text, key=key)
        return mask_email(address)

    def life(self, run: RunView) -> int:
        """Return how long a mailed code lives."""
        return run.policy.mail_code.ttl

    def errors(self, run: RunView) -> Limit:
        """Return how many wrong codes may be entered."""
        return run.policy.wrong_entries.mail_code

    def conclude(self, run: RunView, done: Any) -> Outcome:
        """Say that the mail box was reached."""
        del done
        return Passed(facts=(run.prove("mail_code", customer=run.customer),))


class PhoneCode(SentCode):
    """The last step of changing a number: a code to the new one, then the bank's record is changed."""

    name = "phone_code"
    proves = True
    factors = ("phone_code",)

    def send(self, run: RunView, world: World, number: int, key: str) -> str | None:
        """Text the code to the new number."""
        new = _new_phone(run)
        text = run.say("say.phone_code", code=self.code(run, number))
        world.sms.send(number=new["new"], text=text, key=key)
        return mask_mobile(new["new"])

    def life(self, run: RunView) -> int:
        """Return how long a texted code lives."""
        return run.policy.phone_code.ttl

    def errors(self, run: RunView) -> Limit:
        """Return how many wrong codes may be entered."""
        return run.policy.wrong_entries.phone_code

    def finish(self, run: RunView, world: World) -> Any:
        """Change the number at the bank, once per run and visit; another customer's stays theirs.

        Whose it was is asked here and no earlier: who has read the code has proven to hold that telephone.
        """
        assert run.customer is not None
        new = _new_phone(run)
        owner = world.corebank.owner_of_phone(new["new"])
        if owner not in {None, run.customer}:
            return Match(ok=False, reason="not_owned", owner=owner)
        changed = world.corebank.change_phone(
            run.customer, old=new["old"], new=new["new"], key=run.entry_key("change")
        )
        return changed.masked

    def conclude(self, run: RunView, done: Any) -> Outcome:
        """Keep both numbers, so that the old one is told, too."""
        if isinstance(done, Match):
            mismatch = foreign(run, "phone", done.owner)
            return Rejected(errors=(error("phone_unusable", "code"),), mismatch=mismatch, compared=False)
        values = {**_new_phone(run), "masked": done}
        fact = run.prove("phone_changed", customer=run.customer, values=values)
        return Passed(facts=(fact,), messages=(Message("phone_code.changed", {"masked": done}),))


def _new_phone(run: RunView) -> dict[str, str]:
    fact = run.fact("new_phone")
    assert fact is not None
    return {"old": fact.values["old"], "new": fact.values["new"]}
