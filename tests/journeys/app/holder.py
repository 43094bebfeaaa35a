"""Somebody with a bank certificate on a telephone whose keeper knows their finger."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.authenticators import Keeper
from tests.journeys.app.device import AppWalk, challenge

from dojang.wallet.devices.actions import enrolment, patterns

if TYPE_CHECKING:
    from tests.journeys.app.device import Telephone

    from dojang.ports.credentials import Proof
    from dojang.ports.world import World

#: The centre of the tests stands at http://127.0.0.1:8000, which browsers know as this.
ORIGIN = "http://localhost:8000"


@dataclass
class Holder:
    """Somebody with a bank certificate on a telephone that has a keeper."""

    world: World
    walk: AppWalk
    keeper: Keeper = field(default_factory=lambda: Keeper(ORIGIN))

    @property
    def phone(self) -> Telephone:
        """Their telephone."""
        return self.walk.phone

    def prove_pattern(self, drawn: tuple[int, ...] | None = None) -> enrolment.Registration:
        """Draw the pattern for turning it on."""
        device = self.phone.device_id
        asked = enrolment.ask_pattern(device, origin=ORIGIN, world=self.world)
        proofs = self.phone.proofs(asked.challenge, drawn)
        return enrolment.prove_pattern(
            device, asked.id, **proofs, origin=ORIGIN, acting=self.walk.acting, world=self.world
        )

    def register(self, made: enrolment.Registration, key: Any = None, **spoilt: Any) -> None:
        """Have the keeper answer, and the telephone sign."""
        credential = spoilt.pop("credential", None) or self.keeper.make(made.options, **spoilt)
        enrolment.turn_on(
            self.phone.device_id,
            made.challenge_id,
            credential=credential,
            signature=self.phone.sign(made.challenge, key),
            origin=ORIGIN,
            acting=self.walk.acting,
            world=self.world,
        )

    def turn_on(self) -> Holder:
        """Turn it on."""
        self.register(self.prove_pattern())
        return self

    def open(self, key: Any = None, **spoilt: Any) -> Proof:
        """Answer a fresh challenge with the keeper."""
        made = challenge(self.world, self.walk)
        assert made is not None
        return self.answer(made, key, **spoilt)

    def answer(self, made: Any, key: Any = None, **spoilt: Any) -> Proof:
        """Answer a challenge with the keeper."""
        assertion = spoilt.pop("assertion", None) or self.keeper.answer(made.challenge, **spoilt)
        return patterns.verify_challenge(
            made.id,
            assertion=assertion,
            signature=self.phone.sign(made.challenge, key),
            acting=self.walk.acting,
            world=self.world,
        )


def person(world: World, handle: str = "hong") -> Holder:
    """Return somebody who has just got a bank certificate."""
    walk = AppWalk(world, handle)
    walk.finish()
    return Holder(world, walk)
