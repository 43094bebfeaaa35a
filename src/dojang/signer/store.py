"""What the signer remembers: keys, switches and the append-only, hash-chained journal, in one SQLite file.

Every change is an *operation* (a function of a `Tx`) run by `SignerStore.commit`. Operations of concurrent
requests share one transaction and one fsync (group commit); none returns before that is durable.
How entries are chained is told in `dojang.ports.signer_journal`. The head is also kept under an HMAC,
so that a journal cut off at its end is noticed too.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import sqlite3
import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from dojang.ports.signer_errors import SignerError
from dojang.ports.signer_journal import GENESIS, body_text, entry_hash

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

Result = TypeVar("Result")

#: Operations in one transaction at most; bounds how long the first of them waits.
_BATCH = 256
#: Entries of the tail whose hashes are recomputed at every start; `SignerStore.verify` does all of them.
_TAIL = 100_000
#: Characters of a time (ISO 8601) up to its minute.
_MINUTE = 16

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS authority_key (
    label TEXT PRIMARY KEY, role TEXT NOT NULL, algorithm TEXT NOT NULL,
    public_key BLOB NOT NULL UNIQUE, sealed BLOB NOT NULL, certificate BLOB
) STRICT;
CREATE TABLE IF NOT EXISTS wallet_key (
    key_id TEXT PRIMARY KEY, customer_id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('active', 'retired')),
    attempts INTEGER NOT NULL DEFAULT 0, comparisons INTEGER NOT NULL DEFAULT 0,
    secret BLOB, replay BLOB, sealed_sha256 BLOB NOT NULL,
    memory_kib INTEGER NOT NULL, passes INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS wallet_part (
    id INTEGER PRIMARY KEY AUTOINCREMENT, key_id TEXT NOT NULL, sealed_sha256 BLOB NOT NULL,
    secret BLOB NOT NULL, memory_kib INTEGER NOT NULL, passes INTEGER NOT NULL,
    UNIQUE (key_id, sealed_sha256)
) STRICT;
CREATE TABLE IF NOT EXISTS crl_number (
    issuer TEXT NOT NULL, scope TEXT NOT NULL, number BLOB NOT NULL,
    tbs_sha256 BLOB NOT NULL, signature BLOB NOT NULL, PRIMARY KEY (issuer, scope)
) STRICT;
CREATE TABLE IF NOT EXISTS ocsp_tally (
    responder TEXT PRIMARY KEY, count INTEGER NOT NULL, chain BLOB NOT NULL, since TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS journal (
    seq INTEGER PRIMARY KEY, at TEXT NOT NULL, verb TEXT NOT NULL, body TEXT NOT NULL, hash BLOB NOT NULL,
    issuer TEXT GENERATED ALWAYS AS
        (CASE verb WHEN 'sign_certificate' THEN json_extract(body, '$.issuer') END) VIRTUAL,
    serial TEXT GENERATED ALWAYS AS
        (CASE verb WHEN 'sign_certificate' THEN json_extract(body, '$.serial') END) VIRTUAL,
    authorisation TEXT GENERATED ALWAYS AS
        (CASE verb WHEN 'sign_with_wallet' THEN json_extract(body, '$.authorisation') END) VIRTUAL
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS journal_serial ON journal (issuer, serial) WHERE serial IS NOT NULL;
CREATE UNIQUE INDEX IF NOT EXISTS journal_authorisation ON journal (authorisation)
    WHERE authorisation IS NOT NULL;
CREATE TRIGGER IF NOT EXISTS journal_keeps BEFORE UPDATE ON journal
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER IF NOT EXISTS journal_stays BEFORE DELETE ON journal
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
"""


class JournalBrokenError(SignerError):
    """The journal does not agree with itself: entries were changed, removed or inserted."""

    code: ClassVar[str] = "journal_broken"


@dataclass(frozen=True, slots=True)
class JournalHead:
    """Where the journal ends."""

    seq: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Stamp:
    """The time of a transaction: ISO 8601 UTC text, whether it can be trusted, and a clock's new offset."""

    at: str
    trusted: bool
    moved_to: float | None = None  #: seconds, when somebody moved the clock since the last transaction


class Tx:
    """What an operation may do inside the shared transaction."""

    def __init__(self, connection: sqlite3.Connection, head: JournalHead, stamp: Stamp) -> None:
        self.run = connection.execute  #: run(sql, parameters) -> cursor
        self.head = head
        self.at = stamp.at
        self._trusted = stamp.trusted
        self._tallies: dict[str, list[bytes]] = {}

    def record(self, verb: str, **body: Any) -> None:
        """Append one entry. Raises `sqlite3.IntegrityError` for a serial or authorisation used before."""
        if not self._trusted:
            body["clock"] = "suspect"  # such a time does not move the mark behind which nothing is signed
        text = body_text(body)
        seq = self.head.seq + 1
        digest = entry_hash(self.head.hash, seq, self.at, verb, text)
        self.run(
            "INSERT INTO journal (seq, at, verb, body, hash) VALUES (?, ?, ?, ?, ?)",
            (seq, self.at, verb, text, digest),
        )
        self.head = JournalHead(seq, digest)

    def tally_ocsp(self, responder: str, tbs_sha256: bytes) -> None:
        """Count one live status answer. Strangers decide how many: those of a minute share an entry."""
        self._tallies.setdefault(responder, []).append(tbs_sha256)

    def settle_tallies(self, *, last: bool = False) -> None:
        """Keep what was counted; called once, before the commit. Earlier minutes become entries.

        Until then a minute's sum is a row of its own, as durable as the journal; with `last` all are entered.
        """
        for responder, count, chain, since in self.run(
            "SELECT responder, count, chain, since FROM ocsp_tally ORDER BY responder"
        ).fetchall():
            if last or since[:_MINUTE] != self.at[:_MINUTE]:
                self.record("count_ocsp", responder=responder, count=count, since=since, chain=chain.hex())
                self.run("DELETE FROM ocsp_tally WHERE responder = ?", (responder,))
        for responder, digests in self._tallies.items():
            self._add(responder, digests)

    def _add(self, responder: str, digests: list[bytes]) -> None:
        held = self.run(
            "SELECT count, chain, since FROM ocsp_tally WHERE responder = ?", (responder,)
        ).fetchone()
        count, chain, since = held or (0, bytes(32), self.at)
        for digest in digests:
            chain = hashlib.sha256(chain + digest).digest()
        self.run(
            "INSERT OR REPLACE INTO ocsp_tally (responder, count, chain, since) VALUES (?, ?, ?, ?)",
            (responder, count + len(digests), chain, since),
        )


class _Ticket:
    """One operation waiting for its transaction."""

    __slots__ = ("done", "error", "operation", "result")

    def __init__(self, operation: Callable[[Tx], Any]) -> None:
        self.operation = operation
        self.done = False
        self.error: BaseException | None = None
        self.result: Any = None


class SignerStore:
    """One open store. `stamp` gives the time of each transaction; `close` when done."""

    def __init__(self, path: Path, stamp: Callable[[], Stamp]) -> None:
        self._stamp = stamp
        self._writer = _open(path)
        self._writer.executescript(_SCHEMA)
        self._reader = _open(path)
        self._reader.execute("PRAGMA query_only = ON")
        self._reading = threading.Lock()
        self._leading = threading.Lock()
        self._queue: deque[_Ticket] = deque()
        self._head = self._last_entry()
        self._head_known = True
        self._head_key: bytes | None = None
        self._sound = False  #: whether the journal was found whole
        self.commits = 0  #: transactions made durable since the start

    @property
    def entries(self) -> int:
        """How many entries the journal has."""
        return self._head.seq

    # ------------------------------------------------------------------ reading

    def read(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query over what is committed."""
        with self._reading:
            return self._reader.execute(sql, parameters).fetchall()

    def meta(self, name: str) -> bytes | None:
        """Return a remembered value, or None."""
        rows = self.read("SELECT value FROM meta WHERE name = ?", (name,))
        return rows[0][0] if rows else None

    def last_trusted_time(self) -> str | None:
        """Return the time of the last entry made on a clock that could be trusted."""
        rows = self.read(
            "SELECT at FROM journal WHERE json_extract(body, '$.clock') IS NULL ORDER BY seq DESC LIMIT 1"
        )
        return rows[0][0] if rows else None

    def journal(self, after: int, limit: int) -> list[tuple[Any, ...]]:
        """Return (seq, at, verb, body, hash) of the entries behind `after`, in order."""
        return self.read(
            "SELECT seq, at, verb, body, hash FROM journal WHERE seq > ? ORDER BY seq LIMIT ?", (after, limit)
        )

    # ------------------------------------------------------------------ writing

    def commit(self, operation: Callable[[Tx], Result]) -> Result:
        """Run an operation and return its result once it is durable; its own refusals pass through.

        Raises `SignerError` when nothing can be written: then the operation did not happen.
        """
        ticket = _Ticket(operation)
        self._queue.append(ticket)
        with self._leading:
            # Whoever comes first writes for everyone who is waiting; the others find their work done.
            while not ticket.done:
                self._write_batch()
        if ticket.error is not None:
            raise ticket.error
        result: Result = ticket.result
        return result

    def _write_batch(self) -> None:
        batch = [self._queue.popleft() for _ in range(min(len(self._queue), _BATCH))]
        try:
            if not self._head_known:
                self._head, self._head_known = self._last_entry(), True
            stamp = self._stamp()
            self._writer.execute("BEGIN IMMEDIATE")
            tx = Tx(self._writer, self._head, stamp)
            if stamp.moved_to is not None:
                tx.record("move_clock", offset_seconds=stamp.moved_to)
                set_meta(tx, "clock_offset", repr(stamp.moved_to).encode())
            for ticket in batch:
                self._run_ticket(tx, ticket)
            tx.settle_tallies()
            if tx.head != self._head:
                set_meta(tx, "head", self._sealed_head(tx.head))
            self._writer.execute("COMMIT")
        except BaseException as failure:  # noqa: BLE001 - whatever it was, nobody may believe it was written
            self._give_up(batch, failure)
        else:
            self._head = tx.head
            self.commits += 1
        finally:
            for ticket in batch:
                ticket.done = True

    def _run_ticket(self, tx: Tx, ticket: _Ticket) -> None:
        head = tx.head
        tx.run("SAVEPOINT operation")
        try:
            ticket.result = ticket.operation(tx)
        except Exception as refusal:
            if isinstance(refusal, sqlite3.Error) and not isinstance(refusal, sqlite3.IntegrityError):
                raise  # the file itself fails: the whole transaction is lost
            tx.run("ROLLBACK TO operation")
            tx.head = head
            ticket.error = refusal
        tx.run("RELEASE operation")

    def _give_up(self, batch: list[_Ticket], failure: BaseException) -> None:
        for ticket in batch:  # first of all: nobody may take silence for success
            ticket.error = SignerError(f"the journal cannot be written ({type(failure).__name__})")
        # A failed COMMIT may still have reached the disk: what the file says counts, not what we remember.
        self._head_known = False
        if self._writer.in_transaction:
            self._writer.execute("ROLLBACK")

    def scrub(self) -> None:
        """Move the log into the file and empty it, so that erased secrets are not left in the log."""
        with self._leading:
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Finish what is being written, enter what was only counted, and close the file."""
        if self._sound and self.read("SELECT 1 FROM ocsp_tally"):
            with contextlib.suppress(SignerError):  # the sums stay where they are, for the next start
                self.commit(lambda tx: tx.settle_tallies(last=True))
        with self._leading, self._reading:
            self._reader.close()
            self._writer.close()

    # ------------------------------------------------------------------ the chain

    def guard_head(self, key: bytes) -> None:
        """Check the journal's end against its HMAC and the tail's hashes. Raises `JournalBrokenError`."""
        self._head_key = key
        kept = self.meta("head")
        if kept is None:
            if self._head.seq:
                raise JournalBrokenError("the journal's head is missing")
        elif not hmac.compare_digest(kept, self._sealed_head(self._head)):
            raise JournalBrokenError("the journal does not end where it was left", seq=self._head.seq)
        self.verify(after=max(0, self._head.seq - _TAIL))
        self._sound = True

    def verify(self, after: int = 0) -> int:
        """Recompute the hashes of all entries behind `after` and return how many. `JournalBrokenError`."""
        previous = GENESIS
        if after:
            previous = self.read("SELECT hash FROM journal WHERE seq = ?", (after,))[0][0]
        seq = after
        while True:
            rows = self.journal(seq, 5000)
            if not rows:
                return seq - after
            for number, at, verb, body, digest in rows:
                if number != seq + 1 or digest != entry_hash(previous, number, at, verb, body):
                    raise JournalBrokenError("the journal's chain is broken", seq=number)
                seq, previous = number, digest

    def _sealed_head(self, head: JournalHead) -> bytes:
        body = head.seq.to_bytes(8, "big") + head.hash
        if self._head_key is None:
            raise JournalBrokenError("the store was not unlocked")
        return body + hmac.digest(self._head_key, body, "sha256")

    def _last_entry(self) -> JournalHead:
        row = self._writer.execute("SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1").fetchone()
        return JournalHead(row[0], row[1]) if row else JournalHead(0, GENESIS)


def set_meta(tx: Tx, name: str, value: bytes) -> None:
    """Remember a value under a name."""
    tx.run(
        "INSERT INTO meta (name, value) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, value),
    )


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0)
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON"):
        connection.execute(f"PRAGMA {pragma}")
    return connection
