"""Orders: what a certificate is asked for with, and the lock that says somebody is working on one."""

from __future__ import annotations

import hashlib
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import OperationalError, connection

from dojang.ca.errors import OrderBusyError

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


_held = threading.local()  # a session lock belongs to the connection, and a connection to its thread


def lock_number(*parts: str) -> int:
    """Turn a name into the 64-bit number PostgreSQL's advisory locks go by."""
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


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
    """Hold a session-level lock by name. No row is locked by it, so the signer may be asked meanwhile."""
    held = _locks_of_this_connection()
    number = lock_number(kind, key)
    if number not in held:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_lock(%s)", [number])
        except OperationalError as error:
            raise OrderBusyError(order=key) from error
    with _until_done(held, number):
        yield


@contextmanager
def trying(kind: str, key: str) -> Iterator[bool]:
    """Hold a session-level lock if nobody else does; yields whether it is held."""
    held = _locks_of_this_connection()
    number = lock_number(kind, key)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [number])
        got = bool(cursor.fetchone()[0])
    if not got:
        yield False
        return
    if number in held:
        _unlock(number)  # counted by the server as well: once is enough
    with _until_done(held, number):
        yield True


def _locks_of_this_connection() -> dict[int, int]:
    """Return how often each lock is held; a new connection holds none, whatever the old one did."""
    connection.ensure_connection()
    if getattr(_held, "session", None) is not connection.connection:
        _held.session, _held.locks = connection.connection, {}
    locks: dict[int, int] = _held.locks
    return locks


@contextmanager
def _until_done(held: dict[int, int], number: int) -> Iterator[None]:
    held[number] = held.get(number, 0) + 1
    try:
        yield
    finally:
        held[number] -= 1
        if not held[number]:
            del held[number]
            # The dictionary belongs to one session: another one has nothing to let go of.
            if held is getattr(_held, "locks", None):
                _unlock(number)


def _unlock(number: int) -> None:
    """Let go. A broken connection has let go already; in a failed transaction the session keeps it."""
    if connection.connection is None or connection.connection.closed or connection.needs_rollback:
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(%s)", [number])
