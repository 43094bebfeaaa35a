"""Choices: the reason for a re-issue, and which second factor to use."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from dojang.journeys.kinds.base import KST, Base, error, text_of, today
from dojang.journeys.model import Entered, Outcome, PageParts, Passed, RunView, Stopped
from dojang.journeys.page import Field, FieldError, Message, Option, Show

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dojang.ports.world import World

REASONS = ("pin_forgotten", "phone_changed", "lost", "leaked", "expiring")


class ReissueReason(Base):
    """Why a new certificate is wanted. Says beforehand what becomes of the one in use."""

    name = "reissue_reason"

    def enter(self, run: RunView, world: World) -> Entered:
        """Refuse a re-issue beyond the day's number."""
        del world
        since = datetime.combine(today(run), time.min, tzinfo=KST)
        own = [h for h in run.holdings if h.product == run.product and h.end_reason == "superseded"]
        ended = [h for h in own if h.ended_at is not None and h.ended_at >= since]
        if len(ended) >= run.policy.reissue_per_day:
            return Entered(stop=error("reissue_limit", limit=run.policy.reissue_per_day))
        return Entered()

    def page(self, run: RunView) -> PageParts:
        """Show the certificate in use and ask for the reason; without one, say that a first one is issued."""
        held = run.active_holding()
        if held is None:
            return PageParts(messages=(Message("reissue.none_held"),))
        options = tuple(Option(r, Message(f"reissue.reason.{r}")) for r in REASONS)
        reason = Field("reason", "choice", Message("field.reason"), rules={"required": True}, options=options)
        shown = Show("certificate", {"serial": held.serial, "not_after": held.not_after.isoformat()})
        kept = keeps_not_after(run)
        note = Message(
            "reissue.keeps_not_after" if kept else "reissue.full_life",
            {"date": held.not_after.date().isoformat()},
        )
        return PageParts(fields=(reason,), show=(shown,), messages=(Message("reissue.replaces"), note))

    def validate(self, run: RunView, data: Mapping[str, Any]) -> dict[str, Any] | tuple[FieldError, ...]:
        """Accept one of the reasons."""
        if run.active_holding() is None:
            return {"reason": ""}
        reason = text_of(data, "reason")
        return {"reason": reason} if reason in REASONS else (error("reason_required", "reason"),)

    def judge(self, run: RunView, answer: Any) -> Outcome:
        """Keep the reason, and which certificate is to be replaced."""
        held = run.active_holding()
        values = {
            "reason": answer["reason"],
            "replaces": held.serial if held else "",
            "keep_not_after": keeps_not_after(run),
        }
        return Passed(facts=(run.prove("reissue", customer=run.customer, values=values),))


def keeps_not_after(run: RunView) -> bool:
    """Tell whether the new certificate ends when the old one would have.

    Not in the renewal window: near its end the customer wants a new life, not the rest of the old one.
    """
    held = run.active_holding()
    if held is None or not run.policy.reissue_keep_not_after:
        return False
    return held.not_after - run.now > timedelta(days=run.policy.financial_renew_window_days)


@dataclass(frozen=True)
class FactorChoice(Base):
    """Which second factor: only those the customer holds, can use and has not locked.

    `offered` are the names this journey has steps for.
    """

    offered: tuple[str, ...]
    name = "factor_choice"

    @property
    def factors(self) -> tuple[str, ...]:  # type: ignore[override]
        """Counters of the offered factors."""
        return self.offered

    def enter(self, run: RunView, world: World) -> Entered:
        """Read which factors the customer holds."""
        assert run.customer is not None
        held = world.corebank.factors(run.customer).names
        usable = [name for name in self.offered if name in held]
        if not usable:
            return Entered(stop=error("no_factor", phone=run.policy.bank_phone))
        return Entered(scratch={"factors": usable})

    def page(self, run: RunView) -> PageParts:
        """List them; a locked one is shown with its way out."""
        options = tuple(
            Option(f, Message(f"factor.{f}"), Message("factor.is_locked") if _is_locked(run, f) else None)
            for f in run.scratch.get("factors", ())
        )
        field = Field("factor", "choice", Message("field.factor"), rules={"required": True}, options=options)
        return PageParts(fields=(field,))

    def validate(self, run: RunView, data: Mapping[str, Any]) -> dict[str, Any] | tuple[FieldError, ...]:
        """Accept one of the list that is not locked."""
        factor = text_of(data, "factor")
        if factor not in run.scratch.get("factors", ()):
            return (error("factor_required", "factor"),)
        if _is_locked(run, factor):
            return (FieldError("factor_locked", Message(f"locked.{factor}", _phone(run)), "factor"),)
        return {"factor": factor}

    def judge(self, run: RunView, answer: Any) -> Outcome:
        """Keep the choice; later steps look at it."""
        if answer["factor"] not in run.scratch.get("factors", ()):
            return Stopped(error=error("no_factor", **_phone(run)))
        fact = run.prove("factor_choice", customer=run.customer, values={"factor": answer["factor"]})
        return Passed(facts=(fact,))


def _phone(run: RunView) -> dict[str, str]:
    return {"phone": run.policy.bank_phone}


def _is_locked(run: RunView, factor: str) -> bool:
    return run.left.get(factor, 1) <= 0
