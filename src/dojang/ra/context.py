"""Building what a step may see (`RunView`) from the rows, and the tallies its counts stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dojang.ca.queries import certificates_of
from dojang.journeys.engine import look_at
from dojang.journeys.model import Context, Holding
from dojang.products.messages import render
from dojang.ra.counters import Tally, tries_left
from dojang.ra.models import CardChallenge, Run
from dojang.ra.sealing import sealer
from dojang.wallet.credentials import WalletCredentials
from dojang.wallet.queries import usable_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dojang.journeys.model import Count, Journey, Kind, Progress, RunView
    from dojang.ports.acting import Acting
    from dojang.ports.world import World

_AWAITED: Final = "awaited"
_CARD: Final = "security_card"
_SECRET: Final = "secret"  # noqa: S105 - the name of a kind
_REPLY: Final = "sms_reply"


def kind_of(journey: Journey, progress: Progress) -> Kind | None:
    """Kind of the present step; None while the next step is not resolved."""
    top = progress.top
    return journey.find(top.journey).step(top.step).kind if top.step else None


def view_of(
    run: Run,
    journey: Journey,
    progress: Progress,
    *,
    world: World,
    moved: Mapping[str, int] | None = None,
    known: dict[str, tuple[Holding, ...]] | None = None,
) -> RunView:
    """Put a run's definition, progress and surroundings together, as they are now.

    `moved` adds the tries left of counters this very submit moved; `known` keeps the holdings of a customer
    for as long as one request works on the run. What only one kind of step looks at (an open challenge, the
    key to be replaced) is read for that kind alone.
    """
    customer, kind = progress.customer, kind_of(journey, progress)
    name, factors = (kind.name, kind.factors) if kind is not None and customer else ("", ())
    challenge = CardChallenge.objects.filter(customer_id=customer).first() if name == _CARD else None
    key = usable_key(customer, run.product) if customer and name == _SECRET else None
    left = tries_left(customer, factors, now=world.clock.now()) if customer and factors else {}
    context = Context(
        run=run.id,
        channel=run.channel,
        locale=run.locale,
        revision=run.revision,
        started=run.created_at,
        now=world.clock.now(),
        expires=run.idle_until,
        policy=world.policy,
        code=_coder(run, progress),
        say=_speaker(run.locale),
        holdings=_known_holdings(customer, {} if known is None else known) if customer else (),
        left={**left, **(moved or {})},
        pending_challenge=None if challenge is None else dict(challenge.challenge),
        previous_key=None if key is None else (key.id, bytes(key.sealed)),
        reply_awaited=lambda number: _is_awaited(number, run),
        credentials=WalletCredentials(world),
    )
    return look_at(journey, progress, context)


def _coder(run: Run, progress: Progress) -> Callable[[str, int], str]:
    top = progress.top

    def code(purpose: str, digits: int) -> str:
        return sealer().digits(digits, run.id, top.journey, top.step, str(top.visit), purpose)

    return code


def _speaker(locale: str) -> Callable[[str, Mapping[str, Any]], str]:
    def say(message_id: str, args: Mapping[str, Any]) -> str:
        return render(message_id, locale, **args)

    return say


def _known_holdings(customer_id: str, known: dict[str, tuple[Holding, ...]]) -> tuple[Holding, ...]:
    if customer_id not in known:
        known[customer_id] = _holdings(customer_id)
    return known[customer_id]


def _holdings(customer_id: str) -> tuple[Holding, ...]:
    return tuple(
        Holding(
            product=view.product,
            serial=view.serial,
            state="suspended" if view.state == "held" else view.state,
            not_before=view.not_before,
            not_after=view.not_after,
            ended_at=view.revoked_at,
            end_reason=view.reason or "",
        )
        for view in certificates_of(customer_id)
    )


def awaited_by(journey: Journey, progress: Progress) -> bytes | None:
    """Index of the number the present step awaits a text from, as it stands in a run's row."""
    kind, person = kind_of(journey, progress), progress.facts.get("person")
    if kind is None or kind.name != _REPLY or person is None:
        return None
    return _awaited_index(str(person.values["phone"]))


def _awaited_index(number: str) -> bytes:
    return sealer().blind_index(_AWAITED, number)


def _is_awaited(number: str, run: Run) -> bool:
    """Whether another open run waits for a text from this number."""
    others = Run.objects.filter(state=Run.State.OPEN, waits_for=_awaited_index(number))
    return others.exclude(id=run.id).exists()


def tally_of(count: Count, view: RunView, acting: Acting, *, behind: str = "") -> Tally:
    """Turn a step's count into a counter's name. `behind` is the customer a user id belongs to, if known.

    A count per customer made before the customer is known falls back to the run.
    """
    kind, value = count.subject_kind, count.subject
    customer = view.customer or ""
    if kind == "customer" and not customer:
        kind = "run"
    if kind in _KNOWN:
        value = {"customer": customer, "source": acting.source, "run": view.id}[kind]
    return Tally(
        factor=count.factor,
        subject=f"{kind}:{value}",
        limit=count.limit,
        window=count.window,
        customer_id=behind or (customer if kind != "source" else ""),
        locks=count.locks,
    )


_KNOWN: Final = frozenset({"customer", "source", "run"})
