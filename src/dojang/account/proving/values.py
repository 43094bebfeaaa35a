"""What is asked of whoever holds a certificate, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from dojang.ca.queries import CertificateView
    from dojang.journeys.product import Product
    from dojang.ports.acting import Acting
    from dojang.ports.credentials import BiometricCredential
    from dojang.ports.world import World
    from dojang.wallet.uses.actions import UnrecordedUse

LOGIN: Final = "login"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofQuestion:
    """What is asked. A PIN is all there is to say where the key lies in the wallet: the rest is empty then.

    `body` is signed on the device; `secret` goes into the browser's cookie and comes back with the answer.
    `key_id` names the key on the device, `biometric` is there when finger or face may answer for the pattern.
    """

    id: str = ""
    body: bytes = b""
    secret: str = field(default="", repr=False)
    key_id: str = ""
    biometric: BiometricCredential | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back: as much of it as the product's own way of unlocking asks for.

    `pin`; or `signed`, CMS SignedData over the question's body; or `mac` by the pattern's proof key, or
    `assertion` of finger or face, with the device key's `signature`.
    """

    challenge_id: str = ""
    secret: str = field(default="", repr=False)
    pin: str = field(default="", repr=False)
    signed: bytes = b""
    signature: bytes = b""
    mac: bytes = field(default=b"", repr=False)
    assertion: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedIn:
    """A session that began: tokens go into cookies and are kept nowhere."""

    customer_id: str
    product: Product
    session: str = field(repr=False)
    browser: str = field(default="", repr=False)


class Unlock(Protocol):
    """What opens a key: the part of a proof that differs between products.

    `customer_id`: whose certificate it must be; empty where the certificate itself tells.
    """

    def ask(
        self, product: Product, purpose: str, *, customer_id: str, acting: Acting, world: World
    ) -> ProofQuestion | None:
        """Make a question; None when there is no usable certificate of the product here."""
        ...

    def prove(
        self,
        product: Product,
        answer: Answer,
        *,
        purpose: str,
        customer_id: str,
        acting: Acting,
        world: World,
    ) -> UnrecordedUse:
        """Verify an answer; what is refused is counted and recorded before it is raised."""
        ...

    def find(self, product: Product, *, customer_id: str, acting: Acting) -> tuple[str, CertificateView]:
        """Return key and certificate whose secret is to be changed."""
        ...

    def refuse_weak(self, customer_id: str, new: str | bytes, *, world: World) -> None:
        """Look at a new secret before anything is tried."""
        ...

    def change(
        self,
        key_id: str,
        use: UnrecordedUse,
        answer: Answer,
        new: str | bytes,
        *,
        within: Callable[[], None],
        acting: Acting,
        world: World,
    ) -> None:
        """Put the key under another secret, the old one proven; `within` is the same transaction."""
        ...
