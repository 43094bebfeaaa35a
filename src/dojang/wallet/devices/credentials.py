"""The wallet's side of `dojang.ports.credentials`: what a step may ask about a customer's own credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dojang.ca.queries import find_by_serial
from dojang.journeys.delivery import verify_device
from dojang.pki.certificate import read_certificate
from dojang.ports.acting import Acting
from dojang.ports.credentials import Proof
from dojang.wallet.devices.actions import approvals, patterns
from dojang.wallet.devices.models import Device

if TYPE_CHECKING:
    from dojang.ports.credentials import AskedApproval, PatternChallenge
    from dojang.ports.world import World

_STEP = Acting(kind="system", id="journey", channel="run")


class WalletCredentials:
    """Implements `dojang.ports.credentials.Credentials` for one request."""

    def __init__(self, world: World, acting: Acting = _STEP) -> None:
        self._world = world
        self._acting = acting

    def device_state(self, customer_id: str | None, *, device_id: str) -> str:
        """Tell about a device: held for this customer (or, before one is known, for anybody) is blocked."""
        rows = Device.objects.filter(device_id=device_id).exclude(state=Device.State.RETIRED)
        if customer_id is not None:
            rows = rows.filter(customer_id=customer_id)
        states = set(rows.values_list("state", flat=True))
        if Device.State.HELD in states:
            return "blocked"
        return "registered" if customer_id is not None and Device.State.LIVE in states else "unknown"

    def begin_pattern(
        self, customer_id: str, *, device_id: str, purpose: str, key: str
    ) -> PatternChallenge | None:
        """See the port."""
        return patterns.begin_challenge(
            customer_id, device_id=device_id, purpose=purpose, key=key, world=self._world
        )

    def check_pattern(
        self, challenge_id: str, *, signature: bytes, mac: bytes = b"", assertion: bytes = b""
    ) -> Proof:
        """See the port."""
        return patterns.verify_challenge(
            challenge_id,
            mac=mac,
            assertion=assertion,
            signature=signature,
            acting=self._acting,
            world=self._world,
        )

    def ask_approval(
        self, customer_id: str, *, purpose: str, product: str, number: str, locale: str, key: str
    ) -> AskedApproval | None:
        """See the port."""
        return approvals.ask_approval(
            customer_id,
            purpose=purpose,
            product=product,
            number=number,
            locale=locale,
            key=key,
            acting=self._acting,
            world=self._world,
        )

    def approval(self, approval_id: str) -> AskedApproval:
        """See the port."""
        return approvals.approval_state(approval_id, world=self._world)

    def check_signature(self, customer_id: str, *, serial: str, content: bytes, signature: bytes) -> Proof:
        """Check a signature by an active certificate.

        Another customer's is named as the owner's when its key has truly signed: naming a serial, which
        anybody can read, alarms nobody.
        """
        view = find_by_serial(serial)
        if view is None:
            return Proof(ok=False, reason="unknown")
        public_key = read_certificate(view.der).facts.spki
        is_signed = verify_device(public_key=public_key, content=content, signature=signature)
        if view.customer_id != customer_id:
            return Proof(ok=False, reason="unknown", owner=view.customer_id if is_signed else None)
        now = self._world.clock.now()
        if view.state != "active" or not view.not_before <= now <= view.not_after:
            return Proof(ok=False, reason="blocked", owner=customer_id)
        if not is_signed:
            return Proof(ok=False, reason="wrong", owner=customer_id)
        return Proof(ok=True, owner=customer_id)
