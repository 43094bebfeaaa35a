"""What a customer already holds here and can prove anew: registered devices, patterns, certificates.

The wallet room implements this; a step sees it as `RunView.credentials`. Every verb is idempotent by its
`key`, where it has one, and counts a try durably *before* it compares.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class BiometricCredential:
    """What stands in for a pattern: a WebAuthn credential of the device, and the domain it was made for."""

    credential_id: bytes
    rp_id: str


@dataclass(frozen=True, slots=True)
class PatternChallenge:
    """A fresh challenge for one registered device. `challenge` is 32 random bytes; single use.

    `biometric` is there when finger or face may answer in place of the pattern.
    """

    id: str
    challenge: bytes
    key_id: str
    until: datetime
    biometric: BiometricCredential | None = None


@dataclass(frozen=True, slots=True)
class Proof:
    """Answer of a check. `reason`: ``wrong late locked blocked unknown`` or empty when `ok`.

    Finger or face in place of the pattern may also be ``biometric_wrong`` or ``biometric_off``: the pattern
    is as good as before.

    `owner` is the customer the credential belongs to, when that can be told.
    """

    ok: bool
    reason: str = ""
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class AskedApproval:
    """A question put to the customer's registered telephone.

    `state`: ``waiting`` → ``approved`` | ``rejected`` | ``wrong_number`` | ``expired``.
    """

    id: str
    state: str
    until: datetime


class Credentials(Protocol):
    """Port to the customer's own credentials."""

    def device_state(self, customer_id: str | None, *, device_id: str) -> str:
        """Tell about a device: ``registered`` (for this customer), ``unknown`` or ``blocked``."""
        ...

    def begin_pattern(
        self, customer_id: str, *, device_id: str, purpose: str, key: str
    ) -> PatternChallenge | None:
        """Make a challenge bound to device and purpose; ``None`` when the device has no usable pattern."""
        ...

    def check_pattern(
        self, challenge_id: str, *, signature: bytes, mac: bytes = b"", assertion: bytes = b""
    ) -> Proof:
        """Check the device's signature over a challenge, and the pattern's MAC or an assertion; works once.

        `assertion` is WebAuthn's AuthenticationResponseJSON over the same challenge.
        """
        ...

    def ask_approval(
        self, customer_id: str, *, purpose: str, product: str, number: str, locale: str, key: str
    ) -> AskedApproval | None:
        """Ask the registered telephone to approve by choosing `number`.

        ``None`` when there is no such telephone or it was asked too often lately.
        """
        ...

    def approval(self, approval_id: str) -> AskedApproval:
        """Present state of a question."""
        ...

    def check_signature(self, customer_id: str, *, serial: str, content: bytes, signature: bytes) -> Proof:
        """Check a signature made with an active certificate of this customer over `content`."""
        ...


class NoCredentials:
    """Nobody has registered anything: what a place without a wallet offers."""

    def device_state(self, customer_id: str | None, *, device_id: str) -> str:
        """Know no device."""
        del customer_id, device_id
        return "unknown"

    def begin_pattern(
        self, customer_id: str, *, device_id: str, purpose: str, key: str
    ) -> PatternChallenge | None:
        """Offer no challenge."""
        del customer_id, device_id, purpose, key
        nothing: PatternChallenge | None = None
        return nothing

    def check_pattern(
        self, challenge_id: str, *, signature: bytes, mac: bytes = b"", assertion: bytes = b""
    ) -> Proof:
        """Refuse."""
        del challenge_id, signature, mac, assertion
        return Proof(ok=False, reason="unknown")

    def ask_approval(
        self, customer_id: str, *, purpose: str, product: str, number: str, locale: str, key: str
    ) -> AskedApproval | None:
        """Ask nobody."""
        del customer_id, purpose, product, number, locale, key
        nothing: AskedApproval | None = None
        return nothing

    def approval(self, approval_id: str) -> AskedApproval:
        """Know no question; nobody can have asked one here."""
        raise KeyError(approval_id)

    def check_signature(self, customer_id: str, *, serial: str, content: bytes, signature: bytes) -> Proof:
        """Refuse."""
        del customer_id, serial, content, signature
        return Proof(ok=False, reason="unknown")
