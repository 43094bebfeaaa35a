"""The ARS call: the bank rings a registered number, the customer keys in the number on the screen.

The button 전화승인완료 decides nothing: only the call's own state does.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from dojang.journeys.kinds.base import Base, error, foreign, is_past, later, text_of
from dojang.journeys.model import PageParts, RunView
from dojang.journeys.outcomes import Count, Entered, Outcome, Passed, Pending, Rejected
from dojang.journeys.page import Field, FieldError, Message, Option, Show, Wait

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dojang.ports.world import World

_PHONE = re.compile(r"[A-Za-z0-9_.:+-]{1,80}")  # an id of the bank's, or a number
LIVE = frozenset({"dialing", "ringing", "answered"})
OVER = frozenset({"wrong_code", "rejected", "no_answer", "busy", "ended", "timeout"})


class ArsCall(Base):
    """Ask for the call, choose a masked number, take the call, key in the number.

    Who names a number at once is called at once: the first page is the printed guide's, not a condition.
    """

    name = "ars_call"
    factors = ("ars_calls",)
    proves = True

    def enter(self, run: RunView, world: World) -> Entered:
        """Read the registered numbers; only ids and masks are kept."""
        assert run.customer is not None
        since = run.now - timedelta(days=run.policy.phones.recent_days)
        phones = world.corebank.phones(run.customer)
        if not phones:
            return Entered(stop=error("no_phone", phone=run.policy.bank.phone))
        return Entered(
            scratch={
                "phones": [{"id": p.id, "masked": p.masked} for p in phones],
                "recent": any(p.registered_at > since for p in phones),
                "calls": 0,
            }
        )

    def page(self, run: RunView) -> PageParts:
        """Show the button that asks for the call; the list of numbers; the number to key in during a call."""
        state = run.scratch.get("state")
        if state in LIVE or state == "approved":
            return self._calling(run, state)
        if not run.scratch.get("wanted"):
            note = Message("ars.how", {"phone": run.policy.bank.phone})
            return PageParts(messages=(Message("scam.ars"), note), submit=Message("action.call_me"))
        options = tuple(
            Option(p["id"], Message("option.phone", {"masked": p["masked"]})) for p in _phones(run)
        )
        choose = Field(
            "phone",
            "choice",
            Message("field.registered_phone"),
            rules={"required": True},
            options=options,
            value=options[0].value if len(options) == 1 else run.scratch.get("phone"),
        )
        notes = [Message("scam.ars"), Message("ars.caller", {"phone": run.policy.bank.phone})]
        title = Message("step.ars.choosing")
        return PageParts(
            fields=(choose,),
            messages=(*notes, *self._next(run, state)),
            title=title,
            errors=(error(f"ars_{state}"),) if state in OVER else (),
        )

    @staticmethod
    def _next(run: RunView, state: str | None) -> tuple[Message, ...]:
        """Say after a call that came to nothing how many are left, and what to do."""
        if state not in OVER:
            return ()
        phone, policy = run.policy.bank.phone, run.policy.ars
        of_run = policy.calls_per_run.count - run.scratch["calls"]
        left = max(0, min(of_run, run.left.get("ars_calls", of_run)))
        again = Message("ars.next" if left else "ars.next_none", {"left": left, "phone": phone})
        return (again, Message("ars.next_not_you", {"phone": phone})) if state == "rejected" else (again,)

    def _calling(self, run: RunView, state: str) -> PageParts:
        masked = next((p["masked"] for p in _phones(run) if p["id"] == run.scratch["phone"]), "")
        digits = self._code(run, run.scratch["calls"], run.scratch["phone"])
        shown = Show("code", {"digits": digits, "label": Message("ars.code")})
        return PageParts(
            show=(shown,),
            wait=Wait("call", state, run.scratch["until"]),
            messages=(
                Message("scam.ars"),
                Message("ars.calling", {"masked": masked, "phone": run.policy.bank.phone}),
            ),
            title=Message("step.ars.calling"),
            submit=Message("action.ars_done"),
            resend=Message("action.call_again"),
        )

    def validate(self, run: RunView, data: Mapping[str, Any]) -> dict[str, Any] | tuple[FieldError, ...]:
        """Read which number to call; without one: the call is asked for, or whether it is done."""
        phone = text_of(data, "phone")
        if phone and _PHONE.fullmatch(phone):
            return {"phone": phone}
        if not phone and (run.scratch.get("call") or not run.scratch.get("wanted")):
            return {}
        return (error("phone_required", "phone"),)

    def counts(self, run: RunView, data: Mapping[str, Any] | None) -> tuple[Count, ...]:
        """Count calls, not questions about them: so many a run, so many a day."""
        if data is not None and "phone" not in data:
            return ()
        of_run, of_day = run.policy.ars.calls_per_run, run.policy.ars.calls_per_day
        kept = {"on_pass": "keep", "on_pending": "keep", "locks": False, "code": "ars_calls_spent"}
        return (
            Count(factor="ars_calls_run", limit=of_run, subject_kind="run", **kept),  # type: ignore[arg-type]
            Count(factor="ars_calls", limit=of_day, **kept),  # type: ignore[arg-type]
        )

    def ask(self, run: RunView, data: Mapping[str, Any] | None, world: World) -> Any:
        """Ring (after hanging up a call that still rings), or ask how the call stands."""
        assert run.customer is not None
        call_id = str(run.scratch.get("call", ""))
        if data is not None and "phone" not in data:
            return {"state": world.telephony.call(call_id).state} if call_id else {"wanted": True}
        wanted = (data or {}).get("phone") or run.scratch.get("phone", "")
        phone = next((p for p in world.corebank.phones(run.customer) if p.id == wanted), None)
        if phone is None:
            # An id comes from somebody's page; a number anybody can write down: whose it is, is not asked.
            return {"owner": world.corebank.owner_of_id(wanted)}
        if call_id and run.scratch.get("state") in LIVE:
            world.telephony.hang_up(call_id)
        number = run.scratch.get("calls", 0) + 1
        call = world.telephony.place_call(
            number=phone.number,
            expect=self._code(run, number, phone.id),
            announcement=run.say(
                "say.ars",
                product=run.say(f"product.{run.product}.name"),
                bank=run.policy.bank.name(run.locale),
            ),
            locale=run.locale,
            key=run.key("call"),
        )
        return {"call": call.id, "state": call.state, "phone": phone.id, "calls": number}

    def judge(self, run: RunView, answer: Any) -> Outcome:
        """Pass when the call was approved in time, and never because a button was pressed."""
        if "owner" in answer:
            return Rejected(
                errors=(error("phone_not_registered", "phone"),),
                mismatch=foreign(run, "phone", answer["owner"]),
            )
        if "wanted" in answer:
            return Pending(scratch={**run.scratch, "wanted": True})
        if "call" in answer:
            until = later(run, run.policy.ars.ttl)
            return Pending(scratch={**run.scratch, **answer, "wanted": True, "until": until})
        state = _in_time(run, answer["state"])
        scratch = {**run.scratch, "state": state}
        if state == "approved":
            values = {"phone": run.scratch["phone"], "recent": run.scratch["recent"]}
            return Passed(facts=(run.prove("ars_call", customer=run.customer, values=values),))
        if state in LIVE:
            return Pending(scratch=scratch, messages=(Message("ars.not_yet"),))
        return Rejected(errors=(error(f"ars_{state}"),), scratch=scratch)

    def look(self, run: RunView, world: World) -> Mapping[str, Any] | None:
        """Refresh the state of the call."""
        if run.scratch.get("state") not in LIVE:
            return None
        state = _in_time(run, world.telephony.call(run.scratch["call"]).state)
        return None if state == run.scratch["state"] else {**run.scratch, "state": state}

    @staticmethod
    def _code(run: RunView, number: int, phone: str) -> str:
        """Derive the number on the screen: another one for each call and each telephone."""
        return run.code(f"ars:{number}:{phone}", run.policy.ars.digits)


def _phones(run: RunView) -> list[dict[str, str]]:
    return list(run.scratch.get("phones", ()))


def _in_time(run: RunView, state: str) -> str:
    """Return the call's state; an approval not seen before the number lapsed comes too late."""
    if run.scratch.get("state") == "approved":
        return "approved"
    late = is_past(run, run.scratch["until"])
    return "timeout" if late and (state in LIVE or state == "approved") else state
