"""Building what a step may see (`RunView`) from the rows, and the tallies its counts stand for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from dojang.ca.queries import standings_of
from dojang.guard.counters import Tally, tries_left
from dojang.guard.sealing import sealer
from dojang.journeys.claims import CLAIM, CUSTOMER, is_proven
from dojang.journeys.engine import look_at
from dojang.journeys.holding import Holding
from dojang.journeys.later import Later
from dojang.journeys.model import Context
from dojang.products import PRODUCTS
from dojang.products.messages import render
from dojang.ra.models import CardChallenge, Run
from dojang.wallet.devices.credentials import WalletCredentials
from dojang.wallet.devices.queries import serials_on
from dojang.wallet.keys.queries import usable_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from dojang.journeys.model import Journey, Kind, Progress, RunView
    from dojang.journeys.outcomes import Count
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


@dataclass(slots=True)
class Surroundings:
    """What lies around a run, read when a step first looks at it and kept while one request works on it."""

    found: dict[tuple[str, ...], Any] = field(default_factory=dict)

    def forget(self) -> None:
        """Read everything afresh from now on."""
        self.found.clear()

    def _once(self, name: tuple[str, ...], read: Callable[[], Any]) -> Any:
        if name not in self.found:
            self.found[name] = read()
        return self.found[name]

    def holdings(self, customer_id: str) -> tuple[Holding, ...]:
        """Return a customer's certificates."""
        found: tuple[Holding, ...] = self._once(("holdings", customer_id), lambda: _holdings(customer_id))
        return found

    def on_device(self, customer_id: str, device_id: str) -> frozenset[str]:
        """Return the serials of a customer's certificates whose keys live on a device."""

        def read() -> frozenset[str]:
            return serials_on(device_id, customer_id) if device_id else frozenset()

        found: frozenset[str] = self._once(("on_device", customer_id, device_id), read)
        return found

    def left(self, customer_id: str, factors: Iterable[str], *, of: str, now: datetime) -> dict[str, int]:
        """Return the tries left of a customer's counters (or of the claim to be them), by factor."""
        names = tuple(factors)
        found: dict[str, int] = self._once(
            ("left", of, customer_id, *names), lambda: tries_left(customer_id, names, of=of, now=now)
        )
        return found

    def challenge(self, customer_id: str) -> Mapping[str, Any] | None:
        """Return a customer's open security-card challenge."""

        def read() -> dict[str, Any] | None:
            row = CardChallenge.objects.filter(customer_id=customer_id).values_list("challenge", flat=True)
            return next((dict(challenge) for challenge in row), None)

        found: dict[str, Any] | None = self._once(("challenge", customer_id), read)
        return found

    def key(self, customer_id: str, product: str) -> tuple[str, bytes] | None:
        """Return id and sealed part of the wallet key a customer uses for a product."""

        def read() -> tuple[str, bytes] | None:
            key = usable_key(customer_id, product)
            return None if key is None else (key.id, bytes(key.sealed))

        found: tuple[str, bytes] | None = self._once(("key", customer_id, product), read)
        return found


def view_of(
    run: Run,
    journey: Journey,
    progress: Progress,
    *,
    world: World,
    around: Surroundings,
    moved: Mapping[str, int] | None = None,
) -> RunView:
    """Put a run's definition, progress and surroundings together, as they are now.

    `moved` adds the tries left of counters this very submit moved. What lies `around` is read when a step
    looks at it; an open challenge and the key to be replaced are for their own kind of step alone.
    """
    customer, kind = progress.customer, kind_of(journey, progress)
    held = progress.facts.get("device")
    device = str(held.values["device_id"]) if held is not None else ""
    now = world.clock.now()
    context = Context(
        run=run.id,
        channel=run.channel,
        locale=run.locale,
        revision=run.revision,
        started=run.created_at,
        now=now,
        expires=run.idle_until,
        policy=world.policy,
        code=_coder(run, progress),
        say=_speaker(run.locale),
        reply_awaited=lambda number: _is_awaited(number, run),
        credentials=WalletCredentials(world),
        left=moved or {},
    )
    if customer and kind is not None:
        whose = CUSTOMER if is_proven(journey, progress) else CLAIM
        context = replace(
            context,
            on_device=Later(lambda: around.on_device(customer, device)),
            holdings=Later(lambda: around.holdings(customer)),
            left=Later(lambda: {**around.left(customer, kind.factors, of=whose, now=now), **(moved or {})}),
            pending_challenge=Later(lambda: around.challenge(customer)) if kind.name == _CARD else None,
            previous_key=Later(lambda: around.key(customer, run.product)) if kind.name == _SECRET else None,
        )
    elif customer:
        context = replace(
            context,
            on_device=Later(lambda: around.on_device(customer, device)),
            holdings=Later(lambda: around.holdings(customer)),
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


def _holdings(customer_id: str) -> tuple[Holding, ...]:
    return tuple(
        Holding(
            product=view.product,
            unlock=PRODUCTS[view.product].unlock,
            serial=view.serial,
            state="suspended" if view.state == "held" else view.state,
            not_before=view.not_before,
            not_after=view.not_after,
            ended_at=view.revoked_at,
            end_reason=view.reason or "",
        )
        for view in standings_of(customer_id)
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
    if kind in {CUSTOMER, CLAIM} and not customer:
        kind = "run"
    if kind in _KNOWN:
        value = {CUSTOMER: customer, CLAIM: customer, "source": acting.source, "run": view.id}[kind]
    return Tally(
        factor=count.factor,
        subject=f"{kind}:{value}",
        limit=count.limit,
        customer_id=behind or (customer if kind != "source" else ""),
        locks=count.locks,
    )


_KNOWN: Final = frozenset({CUSTOMER, CLAIM, "source", "run"})
