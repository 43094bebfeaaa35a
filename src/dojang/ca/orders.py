"""Orders: what a certificate is asked for with, and the lock that says somebody is working on one."""

from __future__ import annotations

import hashlib
import json
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import OperationalError

from dojang.ca.errors import OrderBusyError
from dojang.guard import locks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One wanted certificate. The same `key` always means the same certificate.

    `not_after` of None lets the authority decide: a re-issue keeps the end of the one it replaces (by
    policy, outside the renewal window), anything else gets the product's full life.
    """

    key: str  #: idempotency key, ≤ 128 characters
    product: str  #: id in `dojang.products.PRODUCTS`
    profile: str  #: id in `dojang.pki.profiles.PROFILES`
    customer_id: str  #: opaque id of the holder
    name: str  #: the holder's real name: common name and identifyData
    public_key: bytes  #: SubjectPublicKeyInfo, DER
    vid: bytes | None = None  #: virtual ID, 32 bytes (KCAC.TS.SIVID)
    not_after: datetime | None = None
    replaces: str | None = None  #: reason the certificate it takes the place of is revoked with
    evidence: tuple[str, ...] = ()  #: ids of what the issuing rests on

    def sha256(self) -> bytes:
        """Digest of everything but the key: two orders of one key must agree in it."""
        content = {
            "product": self.product,
            "profile": self.profile,
            "customer": self.customer_id,
            "name": self.name,
            "public_key": self.public_key.hex(),
            "vid": None if self.vid is None else self.vid.hex(),
            "not_after": None if self.not_after is None else self.not_after.isoformat(),
            "replaces": self.replaces,
            "evidence": list(self.evidence),
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).digest()


@contextmanager
def holding_order(key: str) -> Iterator[None]:
    """Hold an order's session-level lock: `reconcile` leaves it alone while the session lives.

    Wrap everything from the intent to the confirmation in one `with`; entering again in the same thread
    costs nothing. Raises `OrderBusyError` when another session does not let go in time.
    """
    with holding("order", key):
        yield


@contextmanager
def holding(kind: str, key: str) -> Iterator[None]:
    """Hold a session-level lock by name. No row is locked by it, so the signer may be asked meanwhile.

    Raises `OrderBusyError` when another session does not let go in time, or the database is away.
    """
    with ExitStack() as stack:
        try:
            held = stack.enter_context(locks.holding(kind, key))
        except OperationalError as error:
            raise OrderBusyError(order=key) from error
        if not held:
            raise OrderBusyError(order=key)
        yield
