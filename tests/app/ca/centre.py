"""A small certificate centre for tests: the real signer process, the real database, a movable clock."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from dojang.ca import actions
from dojang.ports.acting import Acting

if TYPE_CHECKING:
    from tests.app.ca.faults import FaultySigner
    from tests.centres import SignerProcess

    from dojang.ca.models import Certificate, Intent
    from dojang.ports.world import World

ACTING = Acting(kind="system", id="test", channel="job")


def public_key() -> bytes:
    """Return a fresh customer public key, SubjectPublicKeyInfo."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def an_order(**changes: Any) -> actions.Wanted:
    """Return an order for a new customer, or changed as told."""
    base = actions.Wanted(
        key=secrets.token_hex(8),
        product="financial",
        profile="financial",
        customer_id=secrets.token_hex(4),
        name="홍길동",
        public_key=public_key(),
        vid=secrets.token_bytes(32),
        evidence=("run-1/identify", "run-1/ars"),
    )
    return replace(base, **changes)


@dataclass
class Centre:
    """What a test works with: a World whose signer can be made to fail, and the usual calls."""

    world: World
    signer: FaultySigner
    process: SignerProcess

    @property
    def options(self) -> dict[str, Any]:
        """The arguments every action takes."""
        return {"acting": ACTING, "world": self.world}

    def advance(self, seconds: int) -> None:
        """Move the clock forward, for the centre and the signer."""
        self.world.clock.advance(seconds)  # type: ignore[attr-defined]

    def intend(self, order: actions.Wanted | None = None, **changes: Any) -> Intent:
        """Store an intent."""
        return actions.intend_certificate(order or an_order(**changes), **self.options)

    def issue(self, order: actions.Wanted | None = None, **changes: Any) -> Certificate:
        """Issue, up to the confirmation."""
        return actions.issue_certificate(self.intend(order, **changes), **self.options)

    def activate(self, order: actions.Wanted | None = None, **changes: Any) -> Certificate:
        """Issue and confirm."""
        return actions.activate_certificate(self.issue(order, **changes).pk, **self.options)

    def reconcile(self, *, confirmed: bool = False) -> actions.Reconciled:
        """Reconcile; `confirmed` is what every holder says."""
        return actions.reconcile(confirmed=lambda _row: confirmed, **self.options)
