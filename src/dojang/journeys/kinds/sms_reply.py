"""Answering a text (MO): a number on the screen goes back as a reply, from the customer's own telephone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dojang.journeys.kinds.base import Base, error, is_past, later, mask_mobile, visits_spent, wrong
from dojang.journeys.kinds.sent_code import sends
from dojang.journeys.model import PageParts, RunView
from dojang.journeys.outcomes import Count, Entered, Locked, Mismatch, Outcome, Passed, Pending, Rejected
from dojang.journeys.page import FieldError, Message, Show, Wait
from dojang.ports.writing import reply_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dojang.ports.sms import Inbound
    from dojang.ports.world import World


@dataclass(frozen=True, slots=True)
class Replies:
    """What the message centre has.

    `own` came from the customer's number, oldest first; `others` sent the right number from elsewhere, with
    the customer that telephone is registered for.
    """

    own: tuple[Inbound, ...]
    others: tuple[tuple[Inbound, str | None], ...]


class SmsReply(Base):
    """The reply must come from the telephone of the person check, with the number shown, in time."""

    name = "sms_reply"
    proves = True
    factors = ("sms_reply",)

    def enter(self, run: RunView, world: World) -> Entered:
        """Text the customer, asking for the number on the screen."""
        if (spent := visits_spent(run)) is not None:
            return Entered(stop=spent)
        self._send(run, world, run.entry_key("text"))
        return Entered(scratch=self._sent(run, 1))

    def _send(self, run: RunView, world: World, key: str) -> None:
        bank = run.policy.bank.name(run.locale)
        text = run.say("say.sms_reply", bank=bank, product=run.say(f"product.{run.product}.name"))
        world.sms.send(number=_phone(run), text=text, key=key)

    def _sent(self, run: RunView, number: int) -> dict[str, Any]:
        until = later(run, run.policy.sms_reply.ttl)
        return {"sent": number, "since": run.now.isoformat(), "until": until, "seen": [], "wrong": 0}

    def page(self, run: RunView) -> PageParts:
        """Show the number and wait for the reply."""
        state = self._state(run)
        args = {"masked": mask_mobile(_phone(run)), "short_code": run.policy.bank.text_number}
        over = state in {"late", "void"}
        notes = [] if over else [Message("scam.sms_reply"), Message("sms_reply.how", args)]
        if state == "waiting" and run.scratch.get("noticed") == "unread":
            notes.append(Message("sms_reply.no_number", {"count": run.policy.sms_reply.digits}))
        code = Show("code", {"digits": self._code(run), "label": Message("sms_reply.code")})
        shown = () if over else (code,)
        return PageParts(
            show=shown,
            wait=Wait("sms_reply", state, str(run.scratch.get("until", run.now.isoformat()))),
            messages=tuple(notes),
            submit=None if over else Message("action.replied"),
            resend=Message("action.send_again"),
            errors=(error(f"mo_{state}"),) if over else self._noticed(run, state),
        )

    def _noticed(self, run: RunView, state: str) -> tuple[FieldError, ...]:
        """Say of a reply seen before the button was pressed what is wrong with it."""
        seen = run.scratch.get("noticed")
        if state != "waiting" or seen not in {"mismatch", "sender_mismatch"}:
            return ()
        most = run.policy.wrong_entries.sms_reply.count
        left = min(most - run.scratch["noticed_wrong"], run.left.get("sms_reply", most))
        return (error(f"mo_{seen}_noticed", left=max(0, left)),)

    def _state(self, run: RunView) -> str:
        wrong = max(run.scratch.get("wrong", 0), run.scratch.get("noticed_wrong", 0))
        if wrong >= run.policy.wrong_entries.sms_reply.count:
            return "void"
        if run.scratch.get("received") == "right":
            return "received"
        return "late" if is_past(run, run.scratch["until"]) else "waiting"

    def counts(self, run: RunView, data: Mapping[str, Any] | None) -> tuple[Count, ...]:
        """Count looks that found a wrong reply; one that found nothing is given back."""
        if data is None:
            return (sends(run, "sms_reply_sends"),)
        limit = run.policy.wrong_entries.sms_reply
        return (Count(factor="sms_reply", limit=limit, on_pending="refund"),)

    def ask(self, run: RunView, data: Mapping[str, Any] | None, world: World) -> Any:
        """Send another number, or fetch the replies."""
        if data is None:
            self._send(run, world, run.key("text"))
            return {"sent": int(run.scratch["sent"]) + 1}
        return self._fetch(run, world)

    def _fetch(self, run: RunView, world: World) -> Replies:
        phone, code = _phone(run), self._code(run)
        since = datetime.fromisoformat(run.scratch["since"])
        found = sorted(world.sms.inbound(since=since, sender=phone, text=code), key=lambda m: (m.at, m.id))
        own = tuple(m for m in found if m.sender == phone)
        # With two digits, a reply to somebody else's run often holds the same number: not ours to judge.
        others = tuple(
            (m, world.corebank.owner_of_phone(m.sender))
            for m in found
            if m.sender != phone
            and reply_number(m.text, len(code)) == code
            and not run.context.reply_awaited(m.sender)
        )
        return Replies(own, others)

    def look(self, run: RunView, world: World) -> Mapping[str, Any] | None:
        """Notice that the right reply has arrived, in time; the button still has to be pressed."""
        if self._state(run) != "waiting" or run.scratch.get("received"):
            return None
        noted = self._note(run, self._fetch(run, world))
        scratch = {**run.scratch, **noted}
        return None if scratch == dict(run.scratch) else scratch

    def _note(self, run: RunView, replies: Replies) -> dict[str, Any]:
        """Put down what the replies hold, for the page; nothing is counted before the button is pressed."""
        code, seen = self._code(run), run.scratch["seen"]
        most, misses = run.policy.wrong_entries.sms_reply.count, int(run.scratch["wrong"])
        noticed = ""
        for reply in replies.own:
            if reply.id in seen or reply.at > datetime.fromisoformat(run.scratch["until"]):
                continue
            number = reply_number(reply.text, len(code))
            if number == code and misses < most:
                return {"received": "right", "noticed": ""}
            misses += number is not None
            noticed = "unread" if number is None else "mismatch"
        if any(message.id not in seen for message, _owner in replies.others):
            noticed = "sender_mismatch"
        return {"noticed": noticed, "noticed_wrong": misses} if noticed else {}

    def judge(self, run: RunView, answer: Any) -> Outcome:
        """Take the replies in order: each wrong one is a try, too many make the number void."""
        if isinstance(answer, dict):
            scratch = self._sent(run, answer["sent"])
            return Pending(scratch=scratch, messages=(Message("code.sent_again"),))
        replies: Replies = answer
        until = datetime.fromisoformat(run.scratch["until"])
        seen, misses = list(run.scratch["seen"]), int(run.scratch["wrong"])
        before, code, unread = misses, self._code(run), False
        for reply in replies.own:
            if reply.id in seen or reply.at > until:
                continue
            number = reply_number(reply.text, len(code))
            if number is None:  # not of the form of an answer, so not a try
                unread = True
                continue
            if misses < run.policy.wrong_entries.sms_reply.count and number == code:
                fact = run.prove("sms_reply", customer=run.customer, values={"message": reply.id})
                return Passed(facts=(fact,))
            seen.append(reply.id)
            misses += 1
        scratch = {**run.scratch, "seen": seen, "wrong": misses, "noticed": "", "noticed_wrong": misses}
        if misses > before:
            return self._wrong(run, scratch)
        stranger = next((pair for pair in replies.others if pair[0].id not in seen), None)
        if stranger is not None:
            return self._strange(run, {**scratch, "seen": [*seen, stranger[0].id]}, stranger[1])
        return self._still_waiting(run, scratch, unread=unread)

    def _still_waiting(self, run: RunView, scratch: dict[str, Any], *, unread: bool) -> Pending:
        """Say that nothing came yet, or that what came holds no number: that is no try."""
        if self._state(run) in {"late", "void"}:
            return Pending(scratch=scratch)
        count = run.policy.sms_reply.digits
        note = Message("sms_reply.no_number", {"count": count}) if unread else Message("sms_reply.not_yet")
        return Pending(scratch=scratch, messages=(note,))

    def _wrong(self, run: RunView, scratch: dict[str, Any]) -> Outcome:
        outcome = wrong(
            run, ("sms_reply",), "mo_mismatch", limit=run.policy.wrong_entries.sms_reply, scratch=scratch
        )
        if scratch["wrong"] >= run.policy.wrong_entries.sms_reply.count and not isinstance(outcome, Locked):
            return Rejected(errors=(error("mo_void"),), scratch=scratch)
        return outcome

    def _strange(self, run: RunView, scratch: dict[str, Any], owner: str | None) -> Outcome:
        """Refuse the right number from the wrong telephone, and name whose it is."""
        owners = (owner,) if owner and owner != run.customer else ()
        outcome = wrong(
            run,
            ("sms_reply",),
            "mo_sender_mismatch",
            limit=run.policy.wrong_entries.sms_reply,
            scratch=scratch,
            mismatch=Mismatch(evidence="sms_reply", owners=owners),
        )
        assert isinstance(outcome, (Rejected, Locked))
        return outcome

    def _code(self, run: RunView) -> str:
        """Derive the number on the screen: another one for each sending."""
        return run.code(f"sms_reply:{run.scratch.get('sent', 1)}", run.policy.sms_reply.digits)


def _phone(run: RunView) -> str:
    fact = run.fact("person")
    assert fact is not None
    return str(fact.values["phone"])
