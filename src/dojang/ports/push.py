"""Push messages to a customer's registered devices, and the push services that carry them to a browser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Manner:
    """How a message is to be brought.

    `life`: seconds after which it is worth nothing any more. `urgent`: a device asleep is woken for it.
    `place`: address inside the app that a tap leads to.
    """

    life: int = 259_200
    urgent: bool = False
    place: str = "/app/"


ORDINARY: Final = Manner()


class Push(Protocol):
    """Port to a customer's devices."""

    def send(self, *, customer_id: str, title: str, text: str, key: str, manner: Manner = ORDINARY) -> int:
        """Push to every device of a customer; return how many accepted; idempotent by `key`."""
        ...


class PushService(Protocol):
    """Port to the push services of the browser makers (RFC 8030), reached through one subscription.

    A subscription is what ``PushSubscription.toJSON()`` gives: ``endpoint`` and ``keys``. Its address opens
    the browser to whoever knows it, so it stands in no log and in no error.
    """

    @property
    def public_key(self) -> bytes:
        """Our own public key, which a browser subscribes with (RFC 8292): a P-256 point, 65 octets."""
        ...

    def check(self, subscription: Mapping[str, Any]) -> None:
        """Raise `SubscriptionRefusedError` unless this is a whole subscription at a service we may call."""
        ...

    def post(
        self, subscription: Mapping[str, Any], message: bytes, *, topic: str, life: int, urgent: bool
    ) -> None:
        """Hand one message over; a later one of the same `topic` takes its place while it waits.

        Raises `PushGoneError` (the browser has ended the subscription), `PushRefusedError` (this message
        never will be taken), else `PushError`: later, with seconds in ``retry_after`` if the service said so.
        """
        ...
