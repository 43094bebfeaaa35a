"""The words of a journey: what is defined, what is known, what may come out of a step.

Everything here is a frozen value. Nothing here talks to the outside;
`dojang.journeys.engine` holds the rules.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from dojang.journeys.holding import in_use
from dojang.journeys.later import Later, at_hand
from dojang.journeys.page import Action, Field, FieldError, Message, Show, Wait
from dojang.ports.credentials import NoCredentials

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dojang.journeys.holding import Holding
    from dojang.journeys.ordering import StepOrder
    from dojang.journeys.outcomes import Count, Entered, Outcome
    from dojang.journeys.product import Product
    from dojang.ports.credentials import Credentials
    from dojang.ports.policy import Policy
    from dojang.ports.world import World

NEXT = Message("action.next")
ONWARD = Message("action.onward")  #: where the banks' guides print 다음 rather than 확인


# --------------------------------------------------------------------------------------- what is known


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something that was proven. Never the secret that proved it.

    `customer` is whose evidence it was (``None`` only for what belongs to nobody, such as consent before the
    customer is known). `by` is the evidence id ``run:step:visit:attempt``; `purpose` is the id of the journey
    (main or side) it was proven for. `values` holds what later steps need (contact data, never a secret).
    """

    name: str
    at: datetime
    by: str
    customer: str | None
    run: str
    purpose: str
    step: str
    expires: datetime
    values: Mapping[str, Any] = field(default_factory=dict)
    used: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """How far one journey (the main one, or a side journey above it) has been walked.

    `step` is empty while the next step is not resolved. `scratch` is ``None`` until the step was entered.
    `visit` counts entries into this step in this run, `attempt` the submits of this visit that were counted.
    """

    journey: str
    step: str = ""
    passed: tuple[str, ...] = ()
    scratch: Mapping[str, Any] | None = None
    visit: int = 0
    attempt: int = 0
    errors: tuple[FieldError, ...] = ()
    messages: tuple[Message, ...] = ()
    locked: tuple[FieldError, ...] = ()  #: not empty: this step accepts nothing any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a run stands; the whole of what is stored (sealed) for it besides its row's plain columns.

    `frames` is never empty; the last one is on top. `facts` keys are fact names, prefixed ``<side>/``
    for facts of a side journey. `visits` counts entries per ``<journey>/<step>``. `typed` remembers what
    is not secret. `version` and `meanings` are those of the definition that is walked: when it changes
    under a run, they tell what of it still holds (`dojang.journeys.adopting`).
    """

    journey: str
    version: str
    frames: tuple[Frame, ...]
    meanings: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Fact] = field(default_factory=dict)
    visits: Mapping[str, int] = field(default_factory=dict)
    typed: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    finished: bool = False
    stopped: FieldError | None = None  #: the run is over, and why

    @property
    def top(self) -> Frame:
        """The frame being walked now."""
        return self.frames[-1]

    @property
    def customer(self) -> str | None:
        """Whom the run is for: bound by the ``identified`` fact of the main journey, and by nothing else."""
        fact = self.facts.get("identified")
        return fact.customer if fact else None

    def with_top(self, frame: Frame) -> Progress:
        """Return a copy whose top frame is `frame`."""
        return replace(self, frames=(*self.frames[:-1], frame))


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What the registration authority adds to a `Progress` so that a step can be shown or judged.

    `code(purpose, digits)` derives a number from a server key, the run, the step and the visit;
    nothing is stored.
    `say(message_id, args)` renders a sentence in the run's language, for calls, texts and mails.
    `left` maps counter names to the tries left: those of `Kind.factors` (subject ``customer``) when a page is
    made, and besides them every counter this submit moved (whatever its subject) when it is judged.
    `pending_challenge` is the customer's unanswered security-card challenge, whatever run it began in.
    `previous_key` is (key id, sealed key) of the wallet key the new one replaces.
    `reply_awaited(number)` tells whether *another* open run waits for a text from that number.
    `on_device` are the serials of the certificates whose keys live on the device the run is walked on.
    `credentials` are the customer's own: registered devices, patterns, certificates (asked in `Kind.enter`,
    `Kind.ask` and `Kind.look` only).
    """

    run: str
    channel: str
    locale: str
    revision: int
    started: datetime
    now: datetime
    expires: datetime
    policy: Policy
    code: Callable[[str, int], str]
    say: Callable[[str, Mapping[str, Any]], str]
    holdings: tuple[Holding, ...] | Later[tuple[Holding, ...]] = ()
    on_device: frozenset[str] | Later[frozenset[str]] = frozenset()
    left: Mapping[str, int] | Later[Mapping[str, int]] = field(default_factory=dict)
    pending_challenge: Mapping[str, Any] | Later[Mapping[str, Any] | None] | None = None
    previous_key: tuple[str, bytes] | Later[tuple[str, bytes] | None] | None = None
    reply_awaited: Callable[[str], bool] = lambda _number: False
    credentials: Credentials = field(default_factory=NoCredentials)


@dataclass(frozen=True, slots=True)
class RunView:
    """All a step may see of its run: definition, progress and context in one read-only value."""

    journey: Journey  #: the main journey
    progress: Progress
    context: Context

    @property
    def id(self) -> str:
        """Id of the run."""
        return self.context.run

    @property
    def product(self) -> str:
        """Id of the product the run is for; the product itself is ``journey.product``."""
        return self.journey.product.id

    @property
    def channel(self) -> str:
        """Channel of the run."""
        return self.context.channel

    @property
    def locale(self) -> str:
        """Language of the run, ``ko`` or ``en``."""
        return self.context.locale

    @property
    def customer(self) -> str | None:
        """Whom the run is bound to."""
        return self.progress.customer

    @property
    def policy(self) -> Policy:
        """The bank's figures."""
        return self.context.policy

    @property
    def now(self) -> datetime:
        """The present moment."""
        return self.context.now

    @property
    def started(self) -> datetime:
        """When the run began."""
        return self.context.started

    @property
    def current(self) -> Journey:
        """The journey walked now: the main one, or the side journey on top."""
        return self.journey.find(self.progress.top.journey)

    @property
    def side(self) -> str | None:
        """Id of the side journey on top, if any."""
        return self.progress.top.journey if len(self.progress.frames) > 1 else None

    @property
    def step(self) -> Step:
        """The present step (the last passed one while the next is unresolved)."""
        top = self.progress.top
        return self.current.step(top.step or (top.passed[-1] if top.passed else self.current.steps[0].id))

    @property
    def visit(self) -> int:
        """How many times this step has been entered in this run."""
        return self.progress.top.visit

    @property
    def attempt(self) -> int:
        """Number of the counted submit within this visit."""
        return self.progress.top.attempt

    @property
    def scratch(self) -> Mapping[str, Any]:
        """What `Kind.enter` or a later outcome left for this step."""
        return self.progress.top.scratch or {}

    @property
    def typed(self) -> Mapping[str, Any]:
        """What was typed at this step before, without secrets."""
        return self.progress.typed.get(f"{self.current.id}/{self.step.id}", {})

    @property
    def facts(self) -> Mapping[str, Fact]:
        """Every fact of the run by key."""
        return self.progress.facts

    @property
    def holdings(self) -> tuple[Holding, ...]:
        """The customer's certificates."""
        return at_hand(self.context.holdings)

    @property
    def on_device(self) -> frozenset[str]:
        """Serials of the customer's certificates whose keys live on this device."""
        return at_hand(self.context.on_device)

    @property
    def left(self) -> Mapping[str, int]:
        """Tries left by counter name."""
        return at_hand(self.context.left)

    @property
    def pending_challenge(self) -> Mapping[str, Any] | None:
        """The customer's unanswered security-card challenge."""
        return at_hand(self.context.pending_challenge)

    @property
    def credentials(self) -> Credentials:
        """The customer's own credentials, asked like any other outside."""
        return self.context.credentials

    @property
    def previous_key(self) -> tuple[str, bytes] | None:
        """Key id and sealed key of the wallet key to be replaced."""
        return at_hand(self.context.previous_key)

    def code(self, purpose: str, digits: int) -> str:
        """Derive a number of `digits` digits for this run, step, visit and purpose."""
        return self.context.code(purpose, digits)

    def say(self, message_id: str, /, **args: Any) -> str:
        """Render a sentence in the run's language, for what is spoken, texted or mailed."""
        return self.context.say(message_id, args)

    def fact(self, name: str) -> Fact | None:
        """Return a fact of the journey walked now; a side journey does not see the main one's."""
        return self.progress.facts.get(fact_key(self.side, name))

    def key(self, suffix: str = "") -> str:
        """Idempotency key of an outside call: run, step, visit, attempt."""
        top = self.progress.top
        return ":".join(
            filter(None, (self.id, top.journey, top.step, str(top.visit), str(top.attempt), suffix))
        )

    def entry_key(self, suffix: str = "") -> str:
        """Idempotency key of an outside call made on entry: run, step, visit."""
        top = self.progress.top
        return ":".join(filter(None, (self.id, top.journey, top.step, str(top.visit), suffix)))

    def prove(
        self,
        name: str,
        *,
        customer: str | None,
        values: Mapping[str, Any] | None = None,
        seconds: int | None = None,
    ) -> Fact:
        """Make the fact that this step gives, alive for `seconds` (default: the session's absolute life)."""
        life = self.policy.sessions.absolute if seconds is None else seconds
        return Fact(
            name=name,
            at=self.now,
            by=self.key(),
            customer=customer,
            run=self.id,
            purpose=self.current.id,
            step=self.step.id,
            expires=self.now + timedelta(seconds=life),
            values=values or {},
        )

    def active_holding(self) -> Holding | None:
        """Return the certificate of this product that is in use now, if any."""
        return in_use(self.holdings, self.now, lambda held: held.product == self.product)

    def is_in_use(self, serial: str) -> bool:
        """Tell whether the customer's certificate of this serial, however it is written, is in use now."""
        wanted = serial.replace(":", "").lower().lstrip("0")
        return in_use(self.holdings, self.now, lambda held: held.serial.lstrip("0") == wanted) is not None

    def usable(self, unlock: str, *, here: bool = False) -> Holding | None:
        """Return the certificate in use that opens by ``pin``, ``password`` or ``pattern``, if any.

        `here`: only one whose key lives on the device the run is walked on.
        """
        return in_use(
            self.holdings,
            self.now,
            lambda held: held.unlock == unlock and (not here or held.serial in self.on_device),
        )


def fact_key(side: str | None, name: str) -> str:
    """Key of a fact in `Progress.facts`."""
    return f"{side}/{name}" if side else name


# --------------------------------------------------------------------------------------- what is defined


@dataclass(frozen=True, slots=True, kw_only=True)
class PageParts:
    """What a kind adds to the page. `submit` labels the primary button; ``None``: there is none.

    `errors` are how something outside ended (a call, a reply, a code's time): kept until the next answer.
    """

    fields: tuple[Field, ...] = ()
    show: tuple[Show, ...] = ()
    wait: Wait | None = None
    messages: tuple[Message, ...] = ()
    submit: Message | None = NEXT
    resend: Message | None = None
    extra: tuple[Action, ...] = ()
    title: Message | None = None
    why: Message | None = None
    errors: tuple[FieldError, ...] = ()


class Kind(Protocol):
    """One kind of step. Stateless; everything it needs to remember is in the run's scratch.

    Order of a submit: `validate` → `counts` (moved and committed) → `ask` → `judge`. ``data is None``
    means the action ``resend``.
    """

    @property
    def name(self) -> str:
        """Name of the kind; also the page's `kind`."""
        ...

    @property
    def factors(self) -> tuple[str, ...]:
        """Counters (of subject ``customer``) whose remaining tries this kind wants in `Context.left`."""
        ...

    @property
    def proves(self) -> bool:
        """Whether passing it proves what a stranger who knows user id and RRN does not have."""
        ...

    def enter(self, run: RunView, world: World) -> Entered:
        """Begin a visit: read what is shown, send what is sent. Idempotent by `RunView.entry_key`."""
        ...

    def page(self, run: RunView) -> PageParts:
        """Return what is shown. Pure."""
        ...

    def validate(self, run: RunView, data: Mapping[str, Any]) -> dict[str, Any] | tuple[FieldError, ...]:
        """Check form only: cleaned data, or the mistakes (never empty). Pure; nothing is counted yet."""
        ...

    def counts(self, run: RunView, data: Mapping[str, Any] | None) -> tuple[Count, ...]:
        """Return the counters to move before asking. Pure."""
        ...

    def ask(self, run: RunView, data: Mapping[str, Any] | None, world: World) -> Any:
        """Make the only outside call of a submit; no database, no lock. Idempotent by `RunView.key`."""
        ...

    def look(self, run: RunView, world: World) -> Mapping[str, Any] | None:
        """Refresh a waiting step's live state: a new scratch, ``None`` for no change. Never passes it."""
        ...

    def judge(self, run: RunView, answer: Any) -> Outcome:
        """Decide. Pure: only the run and the answer."""
        ...

    def dispatch(self, run: RunView, what: str, world: World) -> None:
        """Do what an outcome left for a job; may run twice, with the same keys."""
        ...

    def is_current(self, run: RunView, fact: Fact) -> bool:
        """Tell whether what was proven here still answers today's question; if not, it is asked again."""
        ...


def always(_run: RunView) -> bool:
    """Take the step in every run."""
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a journey.

    `gives` is the fact that passing it proves; `when` decides whether the step is on this run's way;
    `guide` are the numbers in the bank's own guide; `sides` are ids of side journeys offered here.
    `choice` names a setting of the product that turns the step on; empty: every bank asks it.
    `edition` is raised when the same question comes to mean something else, or keeps its scratch otherwise.
    """

    id: str
    kind: Kind
    stage: str
    gives: str
    guide: tuple[int, ...] = ()
    when: Callable[[RunView], bool] = always
    sides: tuple[str, ...] = ()
    choice: str = ""
    edition: int = 1

    def is_asked(self, product: Product, policy: Policy) -> bool:
        """Tell whether this bank ever asks the step."""
        return not self.choice or bool(product.choice_under(policy, self.choice))

    @property
    def meaning(self) -> str:
        """What passing this step says: equal in two definitions exactly when a run can go on with it."""
        return f"{self.kind.name}/{self.gives}/{self.edition}"

    @property
    def title(self) -> Message:
        """Title of the step."""
        return Message(f"step.{self.id}.title")

    @property
    def why(self) -> Message:
        """One sentence: why this is asked."""
        return Message(f"step.{self.id}.why")


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """A journey as data; reads like the bank's list of steps.

    `finish`: ``issue`` (hand over to issuing) or ``return`` (a side journey, back to where it was called).
    `order` re-arranges `steps` by policy. `by_login`: who is logged in to the app is not asked who they are.
    `evidence`: each entry is a set of fact names of which at least one must hold at issuing, besides every
    step on the way. `needs` are message ids of what to have at hand; `minutes` how long it takes.
    `meanings` holds what each step means (side journeys' too) by ``<journey>/<step>``; `version` is eight hex
    digits that differ when the steps, their order or a meaning do. Both are made, never typed in.
    """

    id: str
    product: Product
    channel: str
    stages: tuple[str, ...]
    steps: tuple[Step, ...]
    finish: str = "issue"
    sides: tuple[Journey, ...] = ()
    evidence: tuple[frozenset[str], ...] = ()
    needs: tuple[str, ...] = ()
    minutes: int = 5
    order: StepOrder | None = None
    by_login: bool = False
    meanings: Mapping[str, str] = field(init=False, compare=False)
    version: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        """Derive what the definition says of itself, once."""
        walked = (self, *self.sides)
        meanings = {f"{one.id}/{step.id}": step.meaning for one in walked for step in one.steps}
        digest = hashlib.sha256(json.dumps(list(meanings.items())).encode())
        object.__setattr__(self, "meanings", meanings)
        object.__setattr__(self, "version", digest.hexdigest()[:8])

    def walk(self, policy: Policy) -> tuple[Step, ...]:
        """Return the steps in the order the bank has chosen."""
        if self.order is None:
            return self.steps
        return tuple(
            self.step(step_id)
            for step_id in self.order.ways[str(self.product.choice_under(policy, self.order.choice))]
        )

    @property
    def side(self) -> bool:
        """Tell whether this is a side journey, which nobody starts by itself."""
        return self.finish == "return"

    def step(self, step_id: str) -> Step:
        """Return the step with this id; `KeyError` if there is none."""
        for step in self.steps:
            if step.id == step_id:
                return step
        raise KeyError(step_id)

    def find(self, journey_id: str) -> Journey:
        """Return this journey or one of its side journeys by id; `KeyError` if there is none."""
        for journey in (self, *self.sides):
            if journey.id == journey_id:
                return journey
        raise KeyError(journey_id)
