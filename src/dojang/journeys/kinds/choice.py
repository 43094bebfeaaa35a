"""Choices: the reason for a re-issue, and which second factor to use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dojang.journeys.kinds.base import Base, error, text_of
from dojang.journeys.model import PageParts, RunView
from dojang.journeys.outcomes import Entered, Outcome, Passed, Stopped
from dojang.journeys.page import Field, FieldError, Message, Option, Show
from dojang.pki.day import day_of, days_between

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dojang.ports.world import World

WAYS = ("phone_check", "ars")


def reasons(run: RunView) -> tuple[str, ...]:
    """Return the reasons for a new certificate of this product."""
    product = run.journey.product
    damaged = ("damaged",) if product.portable else ()
    return (f"{product.unlock}_forgotten", "phone_changed", "lost", *damaged, "leaked", "expiring")


def _reason_field(run: RunView) -> Field:
    options = tuple(Option(r, Message(f"reissue.reason.{r}")) for r in reasons(run))
    return Field("reason", "choice", Message("field.reason"), rules={"required": True}, options=options)


class ReissueReason(Base):
    """Why a new certificate is wanted. Says beforehand what becomes of the one in use."""

    name = "reissue_reason"

    def enter(self, run: RunView, world: World) -> Entered:
        """Refuse a re-issue beyond the day's number."""
        del world
        limit = run.policy.reissue.per_day
        since = limit.since(run.now)
        assert since is not None
        own = [h for h in run.holdings if h.product == run.product and h.end_reason == "superseded"]
        ended = [h for h in own if h.ended_at is not None and h.ended_at >= since]
        if len(ended) >= limit.count:
            return Entered(stop=error("reissue_limit", limit=limit.count))
        return Entered()

    def page(self, run: RunView) -> PageParts:
        """Show the certificate in use and ask for the reason; without one, say that a first one is issued."""
        held = run.active_holding()
        if held is None:
            return PageParts(messages=(Message("reissue.none_held"),))
        shown = Show("certificate", {"serial": held.serial, "not_after": held.not_after.isoformat()})
        kept = keeps_not_after(run)
        note = Message(
            "reissue.keeps_not_after" if kept else "reissue.full_life",
            {"date": day_of(held.not_after).isoformat()},
        )
        return PageParts(
            fields=(_reason_field(run),), show=(shown,), messages=(Message("reissue.replaces"), note)
        )

    def validate(self, run: RunView, data: Mapping[str, Any]) -> dict[str, Any] | tuple[FieldError, ...]:
        """Accept one of the reasons."""
        if run.active_holding() is None:
            return {"reason": ""}
        reason = text_of(data, "reason")
        return {"reason": reason} if reason in reasons(run) else (error("reason_required", "reason"),)

    def judge(self, run: RunView, answer: Any) -> Outcome:
        """Keep the reason, and which certificate is to be replaced."""
        held = run.active_holding()
        values = {
            "reason": answer["reason"],
            "replaces": held.serial if held else "",
            "keep_not_after": keeps_not_after(run),
        }
        return Passed(facts=(run.prove("reissue", customer=run.customer, values=values),))


class ReissueRequest(Base):
    """Asking for a new certificate before it is known who asks: only the reason, and what will happen.

    Whether there is a certificate to replace is seen when the customer is known; without one a first one
    is issued, and the last step says so.
    """

    name = "reissue_request"

    def page(self, run: RunView) -> PageParts:
        """Ask for the reason."""
        notes = (Message("reissue.replaces"), Message("reissue.elsewhere"))
        return PageParts(fields=(_reason_field(run),), messages=notes)

    def validate(self, run: RunView, data: Mapping[str, Any]) -> dict[str, Any] | tuple[FieldError, ...]:
        """Accept one of the reasons."""
        reason = text_of(data, "reason")
        return {"reason": reason} if reason in reasons(run) else (error("reason_required", "reason"),)

    def judge(self, run: RunView, answer: Any) -> Outcome:
        """Keep the reason; it is nobody's evidence."""
        values = {"reason": answer["reason"], "replaces": "", "keep_not_after": False}
        return Passed(facts=(run.prove("reissue", customer=None, values=values),))


class IssueRequest(Base):
    """The request itself: a certificate for this telephone."""

    name = "request"

    def page(self, run: RunView) -> PageParts:
        """Offer the one way there is, and say what it means."""
        option = Option("mobile", Message("request.mobile"), Message("request.mobile_hint"))
        way = Field(
            "way", "choice", Message("field.way"), {"required": True}, value="mobile", options=(option,)
        )
        days = run.journey.product.life_under(run.policy)
        return PageParts(fields=(way,), messages=(Message("request.life", {"days": days}),))

    def validate(self, run: RunView, data: Mapping[str, Any]) -> dict[str, Any] | tuple[FieldError, ...]:
        """Accept it."""
        del run
        return {"way": "mobile"} if text_of(data, "way") == "mobile" else (error("way_required", "way"),)

    def judge(self, run: RunView, answer: Any) -> Outcome:
        """Keep the request; it is nobody's evidence."""
        return Passed(facts=(run.prove("request", customer=None, values={"way": answer["way"]}),))


class IdentityWay(Base):
    """A code by text, or a call: either proves the telephone, and neither proves more than that."""

    name = "identity_way"

    def page(self, run: RunView) -> PageParts:
        """Offer both."""
        del run
        options = tuple(
            Option(way, Message(f"identity_way.{way}"), Message(f"identity_way.{way}_hint")) for way in WAYS
        )
        way = Field("way", "choice", Message("field.identity_way"), {"required": True}, options=options)
        return PageParts(fields=(way,))

    def validate(self, run: RunView, data: Mapping[str, Any]) -> dict[str, Any] | tuple[FieldError, ...]:
        """Accept one of the two."""
        del run
        way = text_of(data, "way")
        return {"way": way} if way in WAYS else (error("way_required", "way"),)

    def judge(self, run: RunView, answer: Any) -> Outcome:
        """Keep the choice; the next step looks at it."""
        fact = run.prove("identity_way", customer=run.customer, values={"way": answer["way"]})
        return Passed(facts=(fact,))


def keeps_not_after(run: RunView) -> bool:
    """Tell whether the new certificate ends when the old one would have.

    Not in the renewal window: near its end the customer wants a new life, not the rest of the old one.
    """
    held = run.active_holding()
    if held is None or not run.policy.reissue.keep_not_after:
        return False
    return days_between(run.now, held.not_after) > run.journey.product.window_under(run.policy)


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
        held = set(world.corebank.factors(run.customer).names)
        if run.usable("pattern") is not None:
            held.add("bank_certificate")
        usable = [name for name in self.offered if name in held]
        if not usable:
            return Entered(stop=error("no_factor", phone=run.policy.bank.phone))
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
    return {"phone": run.policy.bank.phone}


def _is_locked(run: RunView, factor: str) -> bool:
    return run.left.get(factor, 1) <= 0
