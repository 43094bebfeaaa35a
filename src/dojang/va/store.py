"""What the status responder reads: authorities, answers signed ahead, states, CRLs. Plain SQL, no framework.

Every statement ends within `STATEMENT_MS`, and a connection is waited for `WAIT` seconds: a lost database
costs a caller a moment, not a hang. `StoreLostError` then says so.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from dojang.pki.errors import DojangError

if TYPE_CHECKING:
    from datetime import datetime

STATEMENT_MS = 2000
WAIT = 1.0

_AUTHORITIES = """
    SELECT id, label, role, algorithm, parent_id, certificate, not_before, not_after
    FROM ca_authority WHERE certificate IS NOT NULL ORDER BY not_before DESC, id DESC
"""
_ANSWER = "this_update, next_update FROM ca_ocspanswer WHERE issuer_id = %s AND serial = %s"
_ANSWERS = {"sha1": f"SELECT by_sha1, {_ANSWER}", "sha256": f"SELECT by_sha256, {_ANSWER}"}
_STATE = """
    SELECT c.state, c.issued_at, r.at, r.reason
    FROM ca_certificate c LEFT JOIN ca_revocation r ON r.certificate_id = c.id AND r.lifted_at IS NULL
    WHERE c.issuer_id = %s AND c.serial = %s
"""
_CRL = """
    SELECT l.der, l.number, l.this_update, l.next_update
    FROM ca_crl l JOIN ca_authority a ON a.id = l.issuer_id
    WHERE a.label = %s AND l.shard = %s ORDER BY l.number DESC LIMIT 1
"""


class StoreLostError(DojangError):
    """The database does not answer: nothing can be said, which is not the same as *unknown*."""

    code: ClassVar[str] = "status_unavailable"


@dataclass(frozen=True, slots=True)
class AuthorityRow:
    """One authority with its certificate."""

    id: int
    label: str
    role: str
    algorithm: str
    parent_id: int | None
    certificate: bytes
    not_before: datetime
    not_after: datetime


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """An answer signed ahead; `body` is empty when there is none to be used."""

    body: bytes
    this_update: datetime
    next_update: datetime


@dataclass(frozen=True, slots=True)
class StateRow:
    """A certificate's state and standing revocation, if any."""

    state: str
    issued_at: datetime
    revoked_at: datetime | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class CrlRow:
    """The newest CRL of a shard."""

    body: bytes
    number: int
    this_update: datetime
    next_update: datetime


class StatusStore:
    """A small pool of connections, opened at the first question (so after a fork)."""

    def __init__(self, dsn: str, *, size: int = 8) -> None:
        options = f"-c statement_timeout={STATEMENT_MS} -c application_name=dojang-va"
        self._pool = ConnectionPool(
            make_conninfo(dsn, connect_timeout=2, options=options),
            min_size=1,
            max_size=size,
            timeout=WAIT,
            kwargs={"autocommit": True},
            open=False,
        )
        self._opening = threading.Lock()
        self._opened = False

    def close(self) -> None:
        """Let go of every connection."""
        if self._opened:
            self._pool.close()

    def _rows(self, query: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Run one statement. A connection that was cut meanwhile is tried anew once."""
        if not self._opened:
            with self._opening:
                if not self._opened:
                    self._pool.open()
                    self._opened = True
        for last in (False, True):
            try:
                with self._pool.connection() as link, link.cursor(binary=True) as cursor:
                    cursor.execute(query, values)
                    return cursor.fetchall()
            except (PoolTimeout, PoolClosed) as error:
                raise StoreLostError("no connection") from error
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                if last:
                    raise StoreLostError(type(error).__name__) from error
                # What cut this connection (a restart, a fail-over) has cut the idle ones too.
                self._pool.check()
            except psycopg.Error as error:
                raise StoreLostError(type(error).__name__) from error
        raise StoreLostError

    def authorities(self) -> list[AuthorityRow]:
        """List all authorities that have a certificate, newest first."""
        return [AuthorityRow(*row) for row in self._rows(_AUTHORITIES)]

    def answer(self, issuer_id: int, serial: str, hash_alg: str) -> AnswerRow | None:
        """Find the answer signed ahead: one row by its unique index."""
        rows = self._rows(_ANSWERS[hash_alg], (issuer_id, serial))
        return AnswerRow(*rows[0]) if rows else None

    def state(self, issuer_id: int, serial: str) -> StateRow | None:
        """Find a certificate's state; None when no certificate of this serial was ever stored."""
        rows = self._rows(_STATE, (issuer_id, serial))
        return StateRow(*rows[0]) if rows else None

    def crl(self, label: str, shard: int) -> CrlRow | None:
        """Find the newest CRL of a shard."""
        rows = self._rows(_CRL, (label, shard))
        return CrlRow(*rows[0]) if rows else None

    def append_event(self, body: str) -> None:
        """Append an event to the audit trail."""
        self._rows("SELECT seq FROM audit_append(%s)", (body,))
