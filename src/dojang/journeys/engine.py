"""The rules of walking a journey: next step, back, side journeys, outcomes, evidence and the page. All pure.

How the registration authority drives a submit::

    view = look_at(journey, progress, context)          # context.left: counters as they stand
    checked = kind.validate(view, data)                 # mistakes: note_errors(…, typed_of(view, data))
    counts = kind.counts(view, checked)                 # move each, commit; beyond: over_limit(view, count)
    progress = begin_attempt(progress)                  # committed with the counters
    answer = kind.ask(look_at(...), checked, world)     # no transaction open
    outcome = kind.judge(look_at(...), answer)
    settled = settle(look_at(...), outcome, typed=checked)
    progress = place(look_at(journey, settled.progress, fresh context))    # the next step, with the new facts
    if needs_entry(progress): entered = kind.enter(...); progress = note_entry(progress, entered)

`settle` is where invariant 8 lives: a fact of another customer never gets into a run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dojang.journeys.claims import heals_by_itself
from dojang.journeys.model import (
    Context,
    Fact,
    Frame,
    Journey,
    Kind,
    PageParts,
    Progress,
    RunView,
    Step,
    always,
    fact_key,
)
from dojang.journeys.outcomes import (
    Count,
    Entered,
    Locked,
    Mismatch,
    Outcome,
    Passed,
    Pending,
    Rejected,
    Stopped,
)
from dojang.journeys.page import Action, Field, FieldError, Message, Page, Position

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "Context",
    "Count",
    "Entered",
    "EvidenceProblem",
    "Fact",
    "Frame",
    "Journey",
    "Kind",
    "Locked",
    "Mismatch",
    "Outcome",
    "PageParts",
    "Passed",
    "Pending",
    "Progress",
    "Rejected",
    "RunView",
    "Settled",
    "Step",
    "Stopped",
    "always",
    "back",
    "begin",
    "begin_attempt",
    "can_back",
    "enter_side",
    "fact_key",
    "look_at",
    "make_page",
    "mark_used",
    "needs_entry",
    "note_entry",
    "note_errors",
    "note_scratch",
    "over_limit",
    "place",
    "required_evidence",
    "settle",
    "typed_of",
]


LONGEST_TEXT = 200  #: of a remembered field
LONGEST_LIST = 50
_HALVES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceProblem:
    """A piece of evidence that does not hold at issuing.

    `reason`: ``missing expired used foreign other_run other_purpose outdated``.
    """

    name: str
    reason: str
    owner: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What an outcome did to a run. `outcome` differs from the given one when evidence was foreign."""

    progress: Progress
    outcome: Outcome
    mismatch: Mismatch | None = None
    challenge_answered: bool = False


def begin(journey: Journey, *facts: Fact) -> Progress:
    """Start a journey, with what is proven already; call `place` next."""
    return Progress(
        journey=journey.id,
        version=journey.version,
        meanings=journey.meanings,
        frames=(Frame(journey=journey.id),),
        facts={fact.name: fact for fact in facts},
    )


def look_at(journey: Journey, progress: Progress, context: Context) -> RunView:
    """Put definition, progress and context together."""
    return RunView(journey, progress, context)


def place(view: RunView) -> Progress:
    """Resolve the step to be done now, from the facts as they are; leave finished side journeys.

    A step that `when` no longer wants is left out; one that is set already stays.
    """
    progress = view.progress
    while not progress.finished and progress.stopped is None and not progress.top.step:
        frame = progress.top
        here = replace(view, progress=progress)
        nxt = _next_step(here, frame)
        if nxt is not None:
            return _arrive(progress, frame, nxt.id)
        if len(progress.frames) == 1:
            return replace(progress, finished=True)
        # A side journey is done: the step that called it is entered again and reads the world afresh.
        parent = progress.frames[-2]
        progress = replace(progress, frames=progress.frames[:-1])
        return _arrive(progress, replace(parent, messages=frame.messages), parent.step)
    return progress


def _next_step(view: RunView, frame: Frame) -> Step | None:
    """First step in the bank's order that is on the way and not done, or done with what no longer holds."""
    steps = (step for step in view.current.walk(view.policy) if _is_on_way(view, step))
    return next((s for s in steps if s.id not in frame.passed or _outdated(view, s)), None)


def _is_on_way(view: RunView, step: Step) -> bool:
    return step.is_asked(view.journey.product, view.policy) and step.when(view)


def _outdated(view: RunView, step: Step) -> bool:
    fact = view.fact(step.gives)
    return fact is not None and not step.kind.is_current(view, fact)


def _arrive(progress: Progress, frame: Frame, step_id: str) -> Progress:
    visit_key = f"{frame.journey}/{step_id}"
    visit = progress.visits.get(visit_key, 0) + 1
    fresh = Frame(
        journey=frame.journey, step=step_id, passed=frame.passed, visit=visit, messages=frame.messages
    )
    return replace(progress.with_top(fresh), visits={**progress.visits, visit_key: visit})


def needs_entry(progress: Progress) -> bool:
    """Tell whether the present step has not been entered yet."""
    return bool(progress.top.step) and progress.top.scratch is None and not progress.finished


def note_entry(progress: Progress, entered: Entered) -> Progress:
    """Record what entering produced (`Entered.challenge` is the caller's to store for the customer)."""
    noted = progress.with_top(replace(progress.top, scratch=dict(entered.scratch)))
    return replace(noted, stopped=entered.stop) if entered.stop is not None else noted


def note_scratch(progress: Progress, scratch: Mapping[str, Any]) -> Progress:
    """Record a refreshed live state (`Kind.look`); what was said of the state before holds no more."""
    return progress.with_top(replace(progress.top, scratch=dict(scratch), errors=(), messages=()))


def note_errors(
    progress: Progress, errors: Iterable[FieldError], typed: Mapping[str, Any] | None = None
) -> Progress:
    """Record mistakes; nobody was asked. `typed` must come from `typed_of`, never straight from a form."""
    noted = progress.with_top(replace(progress.top, errors=tuple(errors), messages=()))
    return _remember(noted, typed)


def begin_attempt(progress: Progress) -> Progress:
    """Give the submit that is about to be asked its number; stored together with the moved counters."""
    return progress.with_top(replace(progress.top, attempt=progress.top.attempt + 1))


def over_limit(view: RunView, count: Count) -> Outcome:
    """Return what a try beyond a counter's limit becomes; nobody was asked."""
    args = {"limit": count.limit.count, "phone": view.policy.bank.phone}
    if not count.locks:
        return Rejected(errors=(FieldError(count.code, Message(f"error.{count.code}", args)),))
    return Locked(factor=count.factor, errors=lock_errors(view, count.factor))


def lock_errors(view: RunView, factor: str) -> tuple[FieldError, ...]:
    """Say that a factor is locked and where the way out is."""
    args = {"phone": view.policy.bank.phone}
    name = "today" if heals_by_itself(view, factor) else factor
    return (FieldError("factor_locked", Message(f"locked.{name}", args)),)


def settle(view: RunView, outcome: Outcome, *, typed: Mapping[str, Any] | None = None) -> Settled:
    """Apply an outcome. `typed` is the cleaned data; only fields that are not secret are remembered.

    Call `place` with a fresh view afterwards.
    """
    progress = _remember(view.progress, typed_of(view, typed))
    if isinstance(outcome, Passed):
        foreign = _foreign(view, outcome.facts)
        if foreign is not None:
            outcome = foreign
    top = progress.top
    if isinstance(outcome, Passed):
        facts = {**progress.facts, **{fact_key(view.side, f.name): f for f in outcome.facts}}
        passed = (*(s for s in top.passed if s != top.step), top.step)
        frame = Frame(journey=top.journey, passed=passed, messages=outcome.messages)
        progress = replace(progress.with_top(frame), facts=facts)
        return Settled(progress=progress, outcome=outcome, challenge_answered=outcome.challenge_answered)
    if isinstance(outcome, Stopped):
        return Settled(progress=replace(progress, stopped=outcome.error), outcome=outcome)
    if isinstance(outcome, Locked):
        frame = replace(top, errors=(), messages=(), locked=outcome.errors)
        return Settled(progress=progress.with_top(frame), outcome=outcome, mismatch=outcome.mismatch)
    scratch = top.scratch if outcome.scratch is None else dict(outcome.scratch)
    if isinstance(outcome, Pending):
        frame = replace(top, scratch=scratch, errors=(), messages=outcome.messages)
        return Settled(progress=progress.with_top(frame), outcome=outcome)
    frame = replace(top, scratch=scratch, errors=outcome.errors, messages=())
    progress = _forget(view, progress.with_top(frame), outcome.forget)
    if outcome.enter_again:
        again = _arrive(progress, replace(progress.top, messages=()), frame.step)
        progress = again.with_top(replace(again.top, errors=outcome.errors))
    return Settled(progress=progress, outcome=outcome, mismatch=outcome.mismatch)


def _forget(view: RunView, progress: Progress, keys: tuple[str, ...]) -> Progress:
    """Drop facts, and open the steps that gave them again, in every frame."""
    if not keys:
        return progress
    frames = []
    for depth, frame in enumerate(progress.frames):
        side = frame.journey if depth else None
        lost = {s.id for s in view.journey.find(frame.journey).steps if fact_key(side, s.gives) in keys}
        frames.append(replace(frame, passed=tuple(s for s in frame.passed if s not in lost)))
    kept = {k: f for k, f in progress.facts.items() if k not in keys}
    return replace(progress, frames=tuple(frames), facts=kept)


def _foreign(view: RunView, facts: tuple[Fact, ...]) -> Rejected | None:
    """Refuse evidence that is not of the one person this run is about (invariant 8)."""
    known = view.customer
    binding = next((f.customer for f in facts if f.name == "identified" and view.side is None), None)
    whose = known or binding
    if whose is None:
        return None
    offered = {f.customer for f in facts if f.customer is not None and f.customer != whose}
    earlier = {k: f.customer for k, f in view.facts.items() if f.customer not in {None, whose}}
    if not offered and not earlier:
        return None
    owners = sorted({*offered, *(c for c in earlier.values() if c)} | ({whose} if known is None else set()))
    error = FieldError("person_mismatch", Message("error.person_mismatch"))
    return Rejected(
        errors=(error,),
        mismatch=Mismatch(evidence=view.step.kind.name, owners=tuple(owners)),
        forget=tuple(earlier),
    )


def typed_of(view: RunView, data: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what may be remembered and shown again: short texts of fields that are not secret."""
    plain = {f.name for f in view.step.kind.page(view).fields if not f.secret}
    return {k: v for k, v in (data or {}).items() if k in plain and _is_plain(v)}


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return len(value) <= LONGEST_LIST and all(_is_plain(v) for v in value)
    # Half a character is in no text that can be kept; JSON can spell one.
    return isinstance(value, str) and len(value) <= LONGEST_TEXT and not _HALVES.search(value)


def _remember(progress: Progress, typed: Mapping[str, Any] | None) -> Progress:
    if not typed:
        return progress
    key = f"{progress.top.journey}/{progress.top.step}"
    return replace(progress, typed={**progress.typed, key: dict(typed)})


def can_back(progress: Progress) -> bool:
    """Tell whether there is anything to go back to."""
    open_ = not progress.finished and progress.stopped is None
    return open_ and (bool(progress.top.passed) or len(progress.frames) > 1)


def back(progress: Progress) -> Progress:
    """Go to the step before. What that step proved is forgotten, so it must be proven again.

    At the first step of a side journey this leaves the side journey; its facts are dropped.
    """
    if not can_back(progress):
        return progress
    frame = progress.top
    if not frame.passed:
        parent = progress.frames[-2]
        facts = {k: f for k, f in progress.facts.items() if not k.startswith(f"{frame.journey}/")}
        progress = replace(progress, frames=progress.frames[:-1], facts=facts)
        return _arrive(progress, replace(parent, messages=()), parent.step)
    step_id = frame.passed[-1]
    side = frame.journey if len(progress.frames) > 1 else None
    facts = {
        k: f
        for k, f in progress.facts.items()
        if not (f.step == step_id and k == fact_key(side, f.name) and f.purpose == frame.journey)
    }
    frame = replace(frame, passed=frame.passed[:-1], messages=())
    return _arrive(replace(progress, facts=facts), frame, step_id)


def enter_side(view: RunView, side_id: str) -> Progress:
    """Begin a side journey from the present step; call `place` next. `KeyError` if not offered here."""
    if side_id not in view.step.sides:
        raise KeyError(side_id)
    progress = view.progress
    facts = {k: f for k, f in progress.facts.items() if not k.startswith(f"{side_id}/")}
    frames = (*progress.frames, Frame(journey=side_id))
    return replace(progress, frames=frames, facts=facts)


def required_evidence(view: RunView) -> tuple[EvidenceProblem, ...]:
    """Re-check everything issuing needs: each step on the way and each named set, live, unused, one person.

    An empty answer means the evidence holds. Called again inside the transaction that stores the intent.
    """
    problems: list[EvidenceProblem] = []
    for step in view.journey.steps:
        if _is_on_way(view, step):
            problem = _evidence_problem(view, step.gives)
            if problem is None and _outdated(replace(view, progress=_main(view)), step):
                problem = EvidenceProblem(name=step.gives, reason="outdated")
            if problem is not None:
                problems.append(problem)
    for names in view.journey.evidence:
        checked = [_evidence_problem(view, name) for name in sorted(names)]
        if all(p is not None for p in checked):
            problems.append(EvidenceProblem(name="|".join(sorted(names)), reason="missing"))
    return tuple(problems)


def _main(view: RunView) -> Progress:
    """Return the run as seen from its main journey."""
    return replace(view.progress, frames=view.progress.frames[:1])


def _evidence_problem(view: RunView, name: str) -> EvidenceProblem | None:
    fact = view.facts.get(name)
    if fact is None:
        return EvidenceProblem(name=name, reason="missing")
    faults = (
        ("foreign", fact.customer not in {None, view.customer}),
        ("other_run", fact.run != view.id),
        ("other_purpose", fact.purpose != view.journey.id),
        ("used", fact.used),
        ("expired", fact.expires < view.now),
    )
    reason = next((reason for reason, wrong in faults if wrong), None)
    return EvidenceProblem(name=name, reason=reason, owner=fact.customer) if reason else None


def mark_used(progress: Progress) -> Progress:
    """Spend every fact: done in the transaction that stores the intent."""
    return replace(progress, facts={k: replace(f, used=True) for k, f in progress.facts.items()})


# ---------------------------------------------------------------------------------------------- the page


def make_page(
    view: RunView,
    *,
    state: str | None = None,
    result: dict[str, Any] | None = None,
    parts: PageParts | None = None,
) -> Page:
    """Assemble the page of the present step. `state` overrides what the progress says (``expired`` …).

    `parts` is what a page shows that belongs to no step (``delivering``, see `dojang.journeys.delivery`).
    """
    progress, top, step = view.progress, view.progress.top, view.step
    known = state or _state(progress)
    shown = known in {"open", "locked"}
    given = parts
    parts = step.kind.page(view) if shown else given or PageParts(submit=None)
    if known == "locked":
        parts = PageParts(submit=None, messages=parts.messages, title=parts.title)
    stopped = (progress.stopped,) if progress.stopped is not None else ()
    return Page(
        run=view.id,
        journey=view.journey.id,
        product=view.product,
        channel=view.channel,
        state=known,
        revision=view.context.revision,
        step=step.id,
        kind=step.kind.name,
        position=_position(view),
        title=(parts.title or step.title) if shown else Message(f"run.{known}.title"),
        why=(parts.why or step.why) if known == "open" else parts.why,
        fields=tuple(_refill(f, view) for f in parts.fields),
        show=parts.show,
        wait=parts.wait,
        errors=stopped or top.locked or _said(top, parts) if shown or stopped else (),
        messages=(*top.messages, *parts.messages) if shown else parts.messages,
        actions=_actions(view, parts, known),
        expires=view.context.expires.isoformat(),
        server_time=view.now.isoformat(),
        side=view.side,
        result=result,
    )


def _state(progress: Progress) -> str:
    if progress.stopped is not None:
        return "failed"
    if progress.finished:
        return "issuing"
    return "locked" if progress.top.locked else "open"


def _said(top: Frame, parts: PageParts) -> tuple[FieldError, ...]:
    """Put what happened outside before what was said of the last answer, and in its place."""
    codes, fields = {e.code for e in parts.errors}, {e.field for e in parts.errors} - {None}
    earlier = (e for e in top.errors if e.code not in codes and e.field not in fields)
    return (*parts.errors, *earlier)


def _refill(field: Field, view: RunView) -> Field:
    if field.secret or field.value is not None or field.name not in view.typed:
        return field
    return replace(field, value=view.typed[field.name])


def _position(view: RunView) -> Position:
    """Position in the main journey: a side journey stands where it was called from."""
    main = view.progress.frames[0]
    journey = view.journey
    last = main.step or (main.passed[-1] if main.passed else journey.steps[0].id)
    step = journey.step(last)
    return Position(
        stage=journey.stages.index(step.stage) + 1,
        stages=len(journey.stages),
        stage_id=step.stage,
        stage_ids=journey.stages,
        guide_steps=step.guide,
    )


def _actions(view: RunView, parts: PageParts, state: str) -> tuple[Action, ...]:
    if state not in {"open", "locked"}:
        return (*parts.extra, Action("leave", Message("action.leave")))
    actions: list[Action] = []
    if parts.submit is not None:
        actions.append(Action("submit", parts.submit, primary=True))
    if parts.resend is not None:
        actions.append(Action("resend", parts.resend))
    actions.extend(parts.extra)
    if state == "open":
        actions.extend(Action(f"side:{s}", Message(f"side.{s}.action")) for s in view.step.sides)
    if can_back(view.progress):
        actions.append(Action("back", Message("action.back")))
    actions.append(Action("extend", Message("action.extend")))
    actions.append(Action("cancel", Message("action.cancel")))
    return tuple(actions)
