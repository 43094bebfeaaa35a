"""One submit of one step, in four movements.

1. *tx*: check the form, take the lease (which locks the run), move the counters, commit.
2. Ask the outside: no transaction, no row lock, an idempotency key, a time-out of the adapter's.
3. Judge (pure), and gather whom to tell (outside).
4. *tx*: close the attempts, bind the customer, place the next step, notices, audit, give the lease back.

A step that counts nothing and asks nobody needs only the last two.

A crash after 1 leaves an attempt counted and a lease nobody holds; the next request takes it over. A crash
after 2 asks again with another attempt number; a crash after 3 is the same.
"""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from procrastinate.contrib.django import app as queue

from dojang.audit.actions import record_event
from dojang.guard import budgets, counters
from dojang.guard.locks import hold_to_commit
from dojang.issuing.queries import is_under_way
from dojang.journeys import engine
from dojang.journeys.claims import counts_of
from dojang.journeys.kinds.base import Base
from dojang.journeys.outcomes import Locked, Passed, Pending, Rejected, Stopped
from dojang.journeys.page import FieldError, Message
from dojang.notices.letters import Letters, gather
from dojang.pki.day import day_of
from dojang.ports.errors import PortError
from dojang.ports.signer_errors import SignerError
from dojang.products import JOURNEYS
from dojang.ra import rows
from dojang.ra.actions import finish, writing
from dojang.ra.context import awaited_by, kind_of, tally_of
from dojang.ra.models import CardChallenge, Run
from dojang.ra.store import open_body, seal_body
from dojang.ra.telling import CHANGES, remember, say_away, warn_both
from dojang.ra.turn import Turn
from dojang.ra.uses import record_step

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from dojang.journeys.model import Progress, RunView
    from dojang.journeys.outcomes import Count, Outcome
    from dojang.ports.acting import Acting
    from dojang.ports.world import World

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Submit:
    """A submit under way."""

    view: RunView
    action: str
    revision: int
    lease: str = ""
    cleaned: dict[str, Any] | None = None
    counts: tuple[Count, ...] = ()
    attempts: tuple[int, ...] = ()
    left: dict[str, int] = field(default_factory=dict)  # tries left of the counters this submit moved
    at_limit: tuple[int, ...] = ()
    locked_now: int | None = None
    behind: dict[int, str] = field(
        default_factory=dict
    )  # customer behind the user id of a count, by its index
    outcome: Outcome | None = None  # decided without asking


def submit_step(turn: Turn, action: str, data: Mapping[str, Any]) -> None:
    """Walk one submit (or ``resend``) to its end; the turn's run is then the row as it is stored."""
    submit = _read(turn, action, data)
    if submit is None or not _take_up(turn, submit):
        return
    if submit.outcome is None:
        view = turn.view()
        try:
            answer = view.step.kind.ask(view, submit.cleaned, turn.world)
        except (PortError, SignerError) as error:
            _give_back(turn, submit, say_away(error))
            return
        submit.view = turn.view(moved=submit.left)
        judged = submit.view.step.kind.judge(submit.view, answer)
        submit.outcome = finish.refuse_used_key(submit.view, judged)
    _conclude(turn, submit, submit.outcome)


# ------------------------------------------------------------------------------------------ 1. take up


def _read(turn: Turn, action: str, data: Mapping[str, Any]) -> Submit | None:
    """Read what was typed. None: mistakes of form were noted, nothing was counted."""
    view = turn.view()
    submit = Submit(view=view, action=action, revision=turn.run.revision)
    if action == "submit":
        checked = view.step.kind.validate(view, data)
        if not isinstance(checked, dict):
            typed = engine.typed_of(view, data)
            with transaction.atomic():
                _lock_row(turn)
                if _is_lost(turn, submit):
                    turn.take(turn.run)
                else:
                    progress = engine.note_errors(turn.body.progress, checked, typed)
                    _move_on(turn, progress, submit, "mistakes")
            return None
        submit.cleaned = checked
    submit.counts = counts_of(view, submit.cleaned)
    return submit


def _take_up(turn: Turn, submit: Submit) -> bool:
    """Count and lease; false when somebody moved the run meanwhile: then nothing was counted."""
    progress = engine.begin_attempt(turn.body.progress)
    if not submit.counts and type(submit.view.step.kind).ask is Base.ask:
        turn.body = turn.body.at(progress)  # stored with the outcome: nothing can get in between
        return True
    with transaction.atomic():
        before = turn.run.lease
        submit.lease = secrets.token_hex(16)
        turn.run.lease, turn.run.leased_at = submit.lease, turn.world.clock.now()
        turn.body = turn.body.at(progress)
        seal_body(turn.run, turn.body)
        if not writing.take_lease(turn.run, before=before):
            turn.take(rows.lock_run(turn.run.id))
            return False
        submit.outcome = _budget(turn, submit)
        if submit.outcome is None:
            _count(turn, submit)
    turn.around.forget()  # the counters have moved, and a challenge is looked at as late as can be
    return True


def _lock_row(turn: Turn) -> None:
    turn.run = rows.lock_run(turn.run.id)


def _count(turn: Turn, submit: Submit) -> None:
    tallies = [tally_of(count, submit.view, turn.acting) for count in submit.counts]
    counted = counters.count_attempts(tallies, run_id=turn.run.id, now=turn.world.clock.now())
    submit.attempts, submit.at_limit = counted.attempts, counted.at_limit
    for tally, left in zip(tallies, counted.left, strict=False):
        submit.left[tally.factor] = min(left, submit.left.get(tally.factor, left))
    if counted.refused is not None:
        submit.outcome = engine.over_limit(submit.view, submit.counts[counted.refused])
        submit.locked_now = counted.refused if counted.locked else None


def _budget(turn: Turn, submit: Submit) -> Outcome | None:
    """Refuse, before anything is counted, a source (or a day) with too many wrong entries in all."""
    if not any(count.locks for count in submit.counts):
        return None
    bounded = budgets.wrong_entries(turn.world.policy, turn.acting)
    spent = budgets.spent_of(bounded, now=turn.world.clock.now())
    if spent == {budgets.EVERYBODY}:
        log.error("more wrong entries today than mistakes explain: nothing that can be guessed is taken")
    if spent:
        return Rejected(errors=(FieldError("too_many_errors", Message("error.too_many_errors")),))
    return None


# ------------------------------------------------------------------------------------------ 4. conclude


def _give_back(turn: Turn, submit: Submit, error: FieldError) -> None:
    """Give the attempts back: the outside could not be asked, so nothing was compared."""
    with transaction.atomic():
        _lock_row(turn)
        counters.judge_attempts(dict.fromkeys(submit.attempts, "refund"), now=turn.world.clock.now())
        if _is_lost(turn, submit):
            turn.take(turn.run)
            return
        typed = engine.typed_of(submit.view, submit.cleaned)
        _move_on(turn, engine.note_errors(turn.body.progress, (error,), typed), submit, "unanswered")
        record_event(
            "step:unanswered",
            acting=turn.acting,
            subject=turn.run.id,
            step=submit.view.step.id,
            why=error.code,
        )


def _is_lost(turn: Turn, submit: Submit) -> bool:
    """Tell whether the locked row is another's by now: leased again, answered, or over."""
    run = turn.run
    moved = run.revision != submit.revision or run.state != Run.State.OPEN
    return moved or bool(submit.lease and run.lease != submit.lease)


def _conclude(turn: Turn, submit: Submit, outcome: Outcome) -> None:
    view = submit.view
    settled = engine.settle(view, outcome, typed=submit.cleaned)
    letters = Letters(gather(_people(turn, submit, settled), world=turn.world))
    with transaction.atomic():
        _lock_row(turn)
        newly = _judge(turn, submit, settled.outcome)
        if _is_lost(turn, submit):
            turn.take(turn.run)
            return
        if newly and isinstance(settled.outcome, Rejected):
            lock = Locked(
                factor=newly[0], errors=engine.lock_errors(view, newly[0]), mismatch=settled.mismatch
            )
            settled = engine.settle(view, lock, typed=submit.cleaned)
        settled = _bind(turn, view, settled, letters)
        progress = settled.progress
        if isinstance(settled.outcome, Passed):
            progress = _pass(turn, view, settled, letters)
        if progress.finished and turn.run.state == Run.State.OPEN:
            progress = finish.order_certificate(turn, progress)
        _move_on(turn, progress, submit, type(settled.outcome).__name__.lower())
        if isinstance(settled.outcome, Pending) and settled.outcome.dispatch:
            _leave(turn, settled.outcome.dispatch)
        record_step(view, submit.cleaned or {}, settled.outcome, acting=turn.acting, world=turn.world)
        _write(turn, submit, settled, newly, letters)


def _people(turn: Turn, submit: Submit, settled: engine.Settled) -> set[str]:
    """Everybody this outcome may have to be told to."""
    view, people = submit.view, set[str]()
    if settled.mismatch is not None:
        people.update(settled.mismatch.owners)
    now_bound = settled.progress.customer
    if now_bound and now_bound != view.customer:
        people.add(now_bound)
    names = {fact.name for fact in settled.outcome.facts} if isinstance(settled.outcome, Passed) else set()
    telling = settled.mismatch is not None or submit.at_limit or submit.locked_now is not None
    if view.customer and (telling or names & CHANGES.keys()):
        people.add(view.customer)
    for index in {*submit.at_limit, *({submit.locked_now} - {None})}:
        behind = None if index is None else _behind(turn, submit.counts[index])
        if index is not None and behind is not None:
            submit.behind[index] = behind
    people.update(submit.behind.values())
    return people


def _behind(turn: Turn, count: Count) -> str | None:
    """Find the customer behind a user id that is counted, so that a lock can be told and opened."""
    if count.subject_kind != "user_id":
        return None
    try:
        return turn.world.corebank.customer_of_user_id(count.subject)
    except PortError:
        return None


def _judge(turn: Turn, submit: Submit, outcome: Outcome) -> tuple[str, ...]:
    """Close the attempts; return the factors this locked."""
    now = turn.world.clock.now()
    verdicts = {
        attempt: _verdict(count, outcome)
        for attempt, count in zip(submit.attempts, submit.counts, strict=False)
    }
    locking = [attempt for attempt, count in zip(submit.attempts, submit.counts, strict=False) if count.locks]
    newly = list(counters.judge_attempts(verdicts, locking=locking, now=now))
    if locking and "wrong" in verdicts.values():
        budgets.spend(budgets.wrong_entries(turn.world.policy, turn.acting), now=now)
    if submit.locked_now is not None:
        newly.append(submit.counts[submit.locked_now].factor)
    return tuple(dict.fromkeys(newly))


def _verdict(count: Count, outcome: Outcome) -> str:
    """Say what becomes of one count. A person who may not go on (`Stopped`) was right nevertheless."""
    if isinstance(outcome, (Passed, Stopped)):
        return count.on_pass
    if isinstance(outcome, Pending):
        return count.on_pending
    return "wrong" if isinstance(outcome, Locked) or outcome.compared else "refund"


def _bind(turn: Turn, view: RunView, settled: engine.Settled, letters: Letters) -> engine.Settled:
    """Bind the run to its customer: an older live run of the same person and product gives way."""
    customer = settled.progress.customer
    if customer is None or customer == view.customer:
        return settled
    if not bind_customer(turn, customer, letters):
        error = FieldError("issuing_elsewhere", Message("error.issuing_elsewhere"))
        return engine.settle(view, Rejected(errors=(error,)))
    return settled


def bind_customer(turn: Turn, customer: str, letters: Letters) -> bool:
    """Write a run's customer into its row (not saved); older live runs of the same product give way.

    Nothing is changed, and false returned, when one of those is issuing. Inside a transaction.
    """
    hold_to_commit("person", customer, turn.run.product)
    live = Run.objects.select_for_update().filter(
        customer_id=customer, product=turn.run.product, state=Run.State.OPEN
    )
    others = list(live.exclude(id=turn.run.id).order_by("id"))
    # Looked for behind the runs' locks: one that is ending just now has placed its order by then.
    if is_under_way(customer, turn.run.product):
        return False
    for other in others:
        finish.end_run(other, Run.State.CANCELLED, "replaced", acting=turn.acting, world=turn.world)
    turn.run.customer_id = customer
    remember(letters, customer, world=turn.world)
    return True


def _leave(turn: Turn, what: str) -> None:
    """Leave a job for what the outcome wants done. Inside the transaction that stores the outcome."""
    top = turn.body.progress.top
    step = f"{top.journey}/{top.step}"
    queue.configure_task("ra.dispatch").defer(run_id=turn.run.id, step=step, visit=top.visit, what=what)


def dispatch_step(run_id: str, step: str, visit: int, what: str, *, acting: Acting, world: World) -> None:
    """Do what a step left for a job; nothing when the run has gone on. Arguments as `_leave` names them."""
    run = Run.objects.filter(id=run_id, state=Run.State.OPEN).first()
    if run is None:
        return
    journey = JOURNEYS.get(run.journey)
    if journey is None:
        return  # offered no more: the run ends with its time
    turn = Turn(run, open_body(run), journey, acting, world)
    view = turn.view()
    top = view.progress.top
    if (f"{top.journey}/{top.step}", top.visit) == (step, visit):
        view.step.kind.dispatch(view, what, world)


def _pass(turn: Turn, view: RunView, settled: engine.Settled, letters: Letters) -> Progress:
    """Place the next step with the new facts, keep a made key, free an answered challenge."""
    outcome = settled.outcome
    assert isinstance(outcome, Passed)
    if settled.challenge_answered and view.customer:
        CardChallenge.objects.filter(customer_id=view.customer).delete()
    for fact in outcome.facts:
        finish.keep_key(turn, fact)
        if fact.name in CHANGES and view.customer:
            letters.add(view.customer, CHANGES[fact.name], f"{fact.by}:{fact.name}", product=view.product)
    return enter_quietly(turn, engine.place(turn.view(settled.progress)))


def enter_quietly(turn: Turn, progress: Progress) -> Progress:
    """Enter a step that asks nobody on entry, so that it needs no movement of its own."""
    kind = kind_of(turn.journey, progress)
    if kind is None or not engine.needs_entry(progress) or type(kind).enter is not Base.enter:
        return progress
    return engine.note_entry(progress, kind.enter(turn.view(progress), turn.world))


def _write(
    turn: Turn, submit: Submit, settled: engine.Settled, newly: tuple[str, ...], letters: Letters
) -> None:
    """Notices and audit, last of all: the audit chain's head stays locked until the commit."""
    view, run, who = submit.view, turn.run, turn.acting
    told: tuple[str, ...] = ()
    if settled.mismatch is not None:
        told = warn_both(letters, settled.mismatch, view)
    for factor in newly:
        for customer in _locked_people(turn, submit, factor):
            day = day_of(turn.world.clock.now()).isoformat()
            letters.add(customer, "factor_locked", f"lock:{factor}:{customer}:{day}:{run.id}", factor=factor)
    letters.write(acting=who, world=turn.world)
    now = turn.world.clock.now()
    outcome = type(settled.outcome).__name__.lower()
    step = f"{view.current.id}/{view.step.id}"
    record_event(f"step:{outcome}", acting=who, subject=run.id, at=now, step=step, customer=run.customer_id)
    if settled.mismatch is not None:
        record_event(
            "evidence:foreign",
            acting=who,
            subject=run.id,
            at=now,
            evidence=settled.mismatch.evidence,
            customer=view.customer or "",
            owners=list(settled.mismatch.owners),
            told=list(told),
        )
    for factor in newly:
        record_event(
            "factor:locked", acting=who, subject=run.id, at=now, factor=factor, customer=run.customer_id
        )


def _locked_people(turn: Turn, submit: Submit, factor: str) -> tuple[str, ...]:
    """Name the customers behind a lock: of the run, or behind the user id that was guessed at."""
    if submit.view.customer:
        return (submit.view.customer,)
    people = []
    for index, customer in submit.behind.items():
        if submit.counts[index].factor == factor:
            tally = tally_of(submit.counts[index], submit.view, turn.acting)
            counters.name_customer(tally, customer)
            people.append(customer)
    return tuple(people)


# ------------------------------------------------------------------------------------------ rows


def _seal(turn: Turn, progress: Progress) -> None:
    """Put a progress into the turn's body and row (not saved)."""
    turn.body = turn.body.at(progress)
    seal_body(turn.run, turn.body)
    turn.run.step = progress.top.step or turn.run.step


def _move_on(turn: Turn, progress: Progress, submit: Submit, outcome: str) -> None:
    """Store what became of a submit under a new revision, and that this revision was answered."""
    move_run(turn, progress, step=submit.view.step.id, action=submit.action, outcome=outcome)


def move_run(turn: Turn, progress: Progress, *, step: str, action: str, outcome: str) -> None:
    """Store a progress under the next revision of a locked run, and that `step` was answered with `action`.

    A moved run has its idle time again.
    """
    run, now = turn.run, turn.world.clock.now()
    answered = run.revision
    run.revision += 1
    run.lease, run.leased_at = "", None
    run.touched_at = now
    run.idle_until = min(now + timedelta(seconds=turn.world.policy.sessions.idle), run.absolute_until)
    if progress.stopped is not None and run.state == Run.State.OPEN:
        finish.close_row(run, Run.State.FAILED, progress.stopped.code, now=now)
    run.customer_id = progress.customer or ""
    if run.state == Run.State.OPEN:
        run.waits_for = awaited_by(turn.journey, progress)
    _seal(turn, progress)
    writing.write_answered(run, step=step, revision=answered, action=action, outcome=outcome, at=now)


def enter_step(turn: Turn) -> None:
    """Enter the present step if nobody has: outside first, then its scratch is stored. Once for a visit."""
    for _ in range(2):
        if turn.run.state != Run.State.OPEN or not engine.needs_entry(turn.body.progress):
            return
        view = turn.view()
        entered = view.step.kind.enter(view, turn.world)
        progress = engine.note_entry(turn.body.progress, entered)
        if entered.challenge is None or not view.customer:
            _store_entry(turn, progress)
            return
        with transaction.atomic():
            if _keep_challenge(view.customer, entered.challenge, now=turn.world.clock.now()):
                _store_entry(turn, progress)
                return
        turn.around.forget()  # another run of this person asked first: enter again with its positions


def _keep_challenge(customer: str, challenge: Mapping[str, Any], *, now: datetime) -> bool:
    """Store a customer's challenge unless another is open; tell whether it is the one that is open now."""
    row = CardChallenge(customer_id=customer, challenge=dict(challenge), asked_at=now)
    CardChallenge.objects.bulk_create([row], ignore_conflicts=True)
    kept = CardChallenge.objects.filter(customer_id=customer).first()
    return kept is not None and dict(kept.challenge) == dict(challenge)


def _store_entry(turn: Turn, progress: Progress) -> None:
    """Store what an entered or looked-at step shows, unless somebody moved the run meanwhile."""
    run, before = turn.run, turn.run.lease
    if progress.stopped is not None:
        finish.close_row(run, Run.State.FAILED, progress.stopped.code, now=turn.world.clock.now())
    _seal(turn, progress)
    if not writing.write_entered(run, before=before):
        turn.take(Run.objects.get(id=run.id))


def look_step(turn: Turn) -> bool:
    """Refresh a waiting step's live state; return whether it changed. The revision stays."""
    view = turn.view()
    scratch = view.step.kind.look(view, turn.world)
    if scratch is None:
        return False
    _store_entry(turn, engine.note_scratch(turn.body.progress, scratch))
    return True
