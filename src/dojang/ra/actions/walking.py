"""What may be done with a run: start it, open its page, act. The edges call these and nothing else."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction

from dojang.audit.actions import record_event
from dojang.guard import budgets, counters
from dojang.guard.budgets import Budget
from dojang.guard.sealing import digest_of, sealer
from dojang.journeys import engine
from dojang.journeys.adopting import adopt, is_adopted
from dojang.journeys.login import is_void
from dojang.journeys.page import Action, Message, Page
from dojang.notices.letters import Letters, gather
from dojang.pki.day import local
from dojang.ports.errors import PortError
from dojang.ports.signer_errors import SignerError
from dojang.products import JOURNEYS
from dojang.ra import beginning, ordered, rows
from dojang.ra.access import access_run, walking_run
from dojang.ra.actions import finish, steps
from dojang.ra.errors import (
    ActionUnknownError,
    JourneyNotFoundError,
    ServiceClosedError,
    StaleRevisionError,
    StepMismatchError,
    TooManyStartsError,
)
from dojang.ra.models import Run, StepOutcome
from dojang.ra.ordered import CERTIFICATE
from dojang.ra.store import RunBody, open_body, seal_body
from dojang.ra.telling import say_away
from dojang.ra.turn import Turn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dojang.journeys.login import LogIn
    from dojang.journeys.model import Journey, RunView
    from dojang.ports.acting import Acting
    from dojang.ports.world import World

#: Actions that make sense whatever page the person is looking at.
_ANY_TIME: Final = frozenset({"cancel", "extend", "leave"})
#: Why a run was cancelled though nobody on it pressed the button: its page says so.
_ENDED_BY_OTHERS: Final = frozenset({"replaced", "held", CERTIFICATE})


@dataclass(frozen=True, slots=True)
class Started:
    """A new run: its first page, and the token that alone gives access to it (shown once, stored nowhere)."""

    page: Page
    token: str = field(repr=False)

    @property
    def run(self) -> str:
        """Id of the run."""
        return self.page.run


def session_of(token: str) -> str:
    """SHA-256 (hex) of a run token: what `Acting.session` and the run's row hold."""
    return digest_of(token)


def find_journey(journey_id: str) -> Journey:
    """Return a journey of the bank's offer. Raises `JourneyNotFoundError`."""
    try:
        return JOURNEYS[journey_id]
    except KeyError:
        raise JourneyNotFoundError(journey=journey_id[:80]) from None


def start_run(
    journey_id: str, *, locale: str, login: LogIn | None = None, acting: Acting, world: World
) -> Started:
    """Begin a journey; with a `login` that counts, for the customer who is logged in.

    Raises `JourneyNotFoundError`, `ServiceClosedError`, `TooManyStartsError`.
    """
    journey, now, policy = find_journey(journey_id), world.clock.now(), world.policy
    _refuse_closed(journey, world=world)
    _count_start(acting, world=world)
    token = secrets.token_urlsafe(32)
    absolute = now + timedelta(seconds=policy.sessions.absolute)
    run = Run(
        id=secrets.token_hex(16),
        journey=journey.id,
        version=journey.version,
        product=journey.product.id,
        channel=journey.channel,
        locale=locale if locale in {"ko", "en"} else "ko",
        session=session_of(token),
        source_index=sealer().blind_index("counter.source", acting.source),
        created_at=now,
        touched_at=now,
        idle_until=min(now + timedelta(seconds=policy.sessions.idle), absolute),
        absolute_until=absolute,
    )
    acting = replace(acting, session=run.session)
    turn = Turn(run, RunBody(progress=engine.begin(journey)), journey, acting, world)
    known = None if login is None else beginning.identify_by_login(turn, login)
    letters = Letters(gather([login.customer] if login and known else [], world=world))
    with transaction.atomic():
        if login and known and steps.bind_customer(turn, login.customer, letters):
            turn.body = turn.body.at(engine.begin(journey, known))
        progress = steps.enter_quietly(turn, engine.place(turn.view()))
        run.step = progress.top.step
        seal_body(run, turn.body.at(progress))
        run.save(force_insert=True)
        record_event("run:started", acting=acting, subject=run.id, at=now, journey=journey.id)
        if login and run.customer_id:
            record_event(
                "run:identified", acting=acting, subject=run.id, at=now, by="login", customer=run.customer_id,
                evidence=login.id, serial=login.serial,
            )  # fmt: skip
    return Started(open_page(run.id, acting=acting, world=world), token)


def _count_start(acting: Acting, *, world: World) -> None:
    """Anybody may begin a run, and each is a row and an event: so many a day from one source, no more."""
    if not acting.source:
        return
    now = world.clock.now()
    starts = [Budget("starts", acting.source, world.policy.runs.starts_per_source)]
    if budgets.spent_of(starts, now=now):
        raise TooManyStartsError
    with transaction.atomic():
        budgets.spend(starts, now=now)


def _refuse_closed(journey: Journey, *, world: World) -> None:
    """Hours may span midnight."""
    hours = journey.product.hours_under(world.policy, journey.id.rpartition("-")[2])
    if hours is None:
        return
    time = local(world.clock.now()).strftime("%H:%M")
    begins, ends = hours
    is_open = begins <= time < ends if begins < ends else (time >= begins or time < ends)
    if not is_open:
        raise ServiceClosedError(open=begins, close=ends)


def open_page(run_id: str, *, acting: Acting, world: World) -> Page:
    """Show the present page. Harmless: enters a step not entered yet, looks at what is awaited, never counts.

    Never moves the revision or the idle time. Raises `RunNotFoundError`.
    """
    run = access_run(run_id, acting)
    if not _has_work(run, acting, world):
        return _page(turn_of(run, acting, world))
    patience = 0.0 if run.state == Run.State.ORDERED else 2.0
    with walking_run(run_id, acting, patience=patience) as (run, held):
        turn = turn_of(run, acting, world)
        if held:
            return _refresh(turn)
        return _page(turn)


def _has_work(run: Run, acting: Acting, world: World) -> bool:
    """Whether opening this page changes anything: a step not entered, something awaited, time run out."""
    if run.state == Run.State.ORDERED:
        return ordered.order_of(run).is_living
    if run.state != Run.State.OPEN:
        return False
    turn = turn_of(run, acting, world)
    progress = turn.body.progress
    if _is_due(run, world=world) or not is_adopted(turn.journey, progress) or engine.needs_entry(progress):
        return True
    if _is_void(turn):
        return True
    if turn.body.progress.top.locked:
        return False
    view = turn.view()
    return view.step.kind.page(view).wait is not None


def _refresh(turn: Turn) -> Page:
    """Enter, look or go on issuing, whatever the run needs; the caller holds the run's lock."""
    if expire_turn(turn):
        return _page(turn)
    if turn.run.state == Run.State.ORDERED:
        ordered.go_on(turn)
        return ordered.order_page(turn)
    try:
        _adopt_turn(turn)
        steps.enter_step(turn)
        page = _page(turn)
        if turn.run.state == Run.State.OPEN and page.wait is not None and steps.look_step(turn):
            page = _page(turn)
    except (PortError, SignerError) as error:
        page = _page(turn)
        return replace(page, errors=(*page.errors, say_away(error)))
    return page


def turn_of(run: Run, acting: Acting, world: World) -> Turn:
    """Open a run's row for this request. Raises `JourneyNotFoundError` when its journey is gone."""
    return Turn(run, open_body(run), find_journey(run.journey), acting, world)


def _adopt_turn(turn: Turn) -> None:
    """Take an open run over into a definition that changed under it; the caller holds the run's lock.

    Where the present step stays, so does the page, and an answer to it counts. Else the page is another one.
    """
    if is_adopted(turn.journey, turn.body.progress):
        return
    before = turn.body.progress
    adopted = adopt(turn.journey, before)
    with transaction.atomic():
        row = rows.lock_run(turn.run.id)
        if row.state != Run.State.OPEN or row.revision != turn.run.revision:
            turn.take(row)
            return
        turn.run, row.version = row, turn.journey.version
        step = before.top.step
        if adopted.top.step == step and len(adopted.frames) == len(before.frames):
            turn.body = turn.body.at(adopted)
            seal_body(row, turn.body)
            row.save(update_fields=["body", "version"])
        else:
            progress = engine.place(turn.view(adopted))
            steps.move_run(turn, progress, step=step, action="adopt", outcome="changed")
            row.save(update_fields=["version"])
        record_event(
            "run:adopted", acting=turn.acting, subject=row.id, at=turn.world.clock.now(),
            version=row.version, was=before.version, step=step, now=turn.body.progress.top.step,
        )  # fmt: skip


def _page(turn: Turn) -> Page:
    """Assemble the page of the row as it stands."""
    run = turn.run
    if run.state == Run.State.ORDERED:
        return ordered.order_page(turn)
    view = turn.view()
    if run.state == Run.State.OPEN:
        is_entered = view.progress.top.step and not engine.needs_entry(view.progress)
        return engine.make_page(view) if is_entered else _unentered(view)
    page = engine.make_page(view, state=str(run.state))
    if run.state == Run.State.CANCELLED and run.end_reason in _ENDED_BY_OTHERS:
        page = replace(page, messages=(*page.messages, Message(f"run.{run.end_reason}")))
    return page


def _unentered(view: RunView) -> Page:
    """Show a step that could not be entered yet (something outside is away): its title and the ways out."""
    names = ("back", "extend", "cancel") if engine.can_back(view.progress) else ("extend", "cancel")
    return replace(
        engine.make_page(view, state="entering"),
        state="open",
        title=view.step.title,
        why=view.step.why,
        actions=tuple(Action(name, Message(f"action.{name}")) for name in names),
    )


# ------------------------------------------------------------------------------------------ acting


def act(
    run_id: str,
    step_id: str,
    revision: int,
    action: str,
    data: Mapping[str, Any],
    *,
    acting: Acting,
    world: World,
) -> Page:
    """Answer a page. `action`: ``submit back resend cancel extend leave side:<id>``.

    While a device has yet to store its certificate: ``stored`` (``signature``, and ``label``, ``platform`` if
    it wants) or ``storage_failed``, whatever step and revision are named.

    The same answer again (run, step, revision, action) shows the present page and has no second effect.
    Raises `RunNotFoundError`; `StaleRevisionError`, `StepMismatchError`, `ActionUnknownError` with the
    present page. A run that has ended or is issuing is answered with its page, whatever was sent.
    """
    with walking_run(run_id, acting) as (run, held):
        turn = turn_of(run, acting, world)
        if not held:
            return _page(turn)
        if turn.run.state == Run.State.ORDERED:
            return ordered.hear_device(turn, action, data)
        if turn.run.state != Run.State.OPEN or expire_turn(turn):
            return _refresh(turn)
        _adopt_turn(turn)
        if revision != turn.run.revision and _is_answered(turn.run, step_id, revision, action):
            return _refresh(turn)
        if action not in _ANY_TIME:
            _refuse_stale(turn, step_id, revision)
            if action != "back" and engine.needs_entry(turn.body.progress):
                page = _refresh(turn)
                if engine.needs_entry(turn.body.progress):
                    return page  # the step could not be entered: there is nothing to answer yet
        _do(turn, action, data)
        return _refresh(turn_of(turn.run, acting, world))


def _is_answered(run: Run, step_id: str, revision: int, action: str) -> bool:
    """Tell whether this very answer was taken before; an answer to the present revision was not."""
    answered = StepOutcome.objects.filter(run=run, step=step_id, revision=revision, action=action)
    return answered.exists()


def _refuse_stale(turn: Turn, step_id: str, revision: int) -> None:
    if revision != turn.run.revision:
        raise StaleRevisionError(page=_refresh(turn))
    if step_id != turn.body.progress.top.step:
        raise StepMismatchError(page=_refresh(turn), step=step_id[:64])


def _do(turn: Turn, action: str, data: Mapping[str, Any]) -> None:
    page = _page(turn)
    offered = {item.name for item in page.actions} | {"leave"}
    if action == "submit" and action not in offered:
        return  # time, or a lock, took the button away after the page was drawn: the present page says so
    if action not in offered:
        raise ActionUnknownError(page=page, action=action[:40])
    if action in {"submit", "resend"}:
        steps.submit_step(turn, action, data)
    elif action == "back":
        _move(turn, action, engine.back(turn.body.progress))
    elif action.startswith("side:"):
        progress = engine.enter_side(turn.view(), action.removeprefix("side:"))
        _move(turn, action, engine.place(turn.view(progress)))
    elif action == "extend":
        _extend(turn)
    elif action == "cancel":
        _cancel(turn)


def _move(turn: Turn, action: str, progress: engine.Progress) -> None:
    """Store a move that asks nobody: back, or into a side journey."""
    with transaction.atomic():
        row = rows.lock_run(turn.run.id)
        if row.state != Run.State.OPEN or row.revision != turn.run.revision:
            turn.take(row)
            return
        turn.run = row
        step = turn.view().step.id
        steps.move_run(turn, progress, step=step, action=action, outcome="moved")
        record_event(
            "run:moved",
            acting=turn.acting,
            subject=row.id,
            at=turn.world.clock.now(),
            action=action,
            step=step,
        )


def _extend(turn: Turn) -> None:
    """Give the idle time again, never beyond the absolute end. The page and its revision stay."""
    now, policy = turn.world.clock.now(), turn.world.policy
    with transaction.atomic():
        row = Run.objects.select_for_update().get(id=turn.run.id)
        if row.state == Run.State.OPEN:
            row.touched_at = now
            row.idle_until = min(now + timedelta(seconds=policy.sessions.idle), row.absolute_until)
            row.save(update_fields=["touched_at", "idle_until"])
        turn.run = row


def _cancel(turn: Turn) -> None:
    with transaction.atomic():
        row = Run.objects.select_for_update().get(id=turn.run.id)
        if row.state == Run.State.OPEN:
            finish.end_run(row, Run.State.CANCELLED, "cancelled", acting=turn.acting, world=turn.world)
        turn.run = row


def _is_void(turn: Turn) -> bool:
    """Tell whether an open run began with a log-in whose certificate is not in use any more."""
    return turn.run.state == Run.State.OPEN and is_void(turn.view())


def _end_void(turn: Turn) -> None:
    """End a run whose log-in counts no more: whoever walks it need not be who logged in."""
    with transaction.atomic():
        row = Run.objects.select_for_update().get(id=turn.run.id)
        if row.state == Run.State.OPEN:
            finish.end_run(row, Run.State.CANCELLED, CERTIFICATE, acting=turn.acting, world=turn.world)
        turn.run = row


def _is_due(run: Run, *, world: World) -> bool:
    now = world.clock.now()
    return run.state == Run.State.OPEN and (now >= run.idle_until or now >= run.absolute_until)


def expire_turn(turn: Turn) -> bool:
    """End an open run whose time has run out, or whose log-in counts no more; return whether it was so."""
    row = expire_run(turn.run, acting=turn.acting, world=turn.world)
    turn.run = row or turn.run
    if row is None and _is_void(turn):
        _end_void(turn)
        return True
    return row is not None


def expire_run(run: Run, *, acting: Acting, world: World) -> Run | None:
    """End an open run whose time has run out, whatever became of its journey; return its row, or None."""
    if not _is_due(run, world=world):
        return None
    with transaction.atomic():
        row = Run.objects.select_for_update().get(id=run.id)
        if _is_due(row, world=world):
            why = "absolute" if world.clock.now() >= row.absolute_until else "idle"
            finish.end_run(row, Run.State.EXPIRED, why, acting=acting, world=world)
    return row


# ------------------------------------------------------------------------------------------ upkeep


def unlock_factor(customer_id: str, factor: str, *, acting: Acting, world: World) -> int:
    """Open a customer's locks of one factor, after the identity check at the branch; return how many.

    The customer is told, on every channel.
    """
    letters = Letters(gather([customer_id], world=world))
    now = world.clock.now()
    with transaction.atomic():
        opened = counters.open_lock(customer_id, factor, opened_by=acting.id or acting.kind, now=now)
        if opened:
            letters.add(customer_id, "factor_unlocked", f"{factor}:{now.isoformat()}", factor=factor)
            letters.write(acting=acting, world=world)
        record_event(
            "factor:unlocked", acting=acting, subject=customer_id, at=now, factor=factor, opened=opened
        )
    return opened
