"""Where the simulated country keeps its things: the PostgreSQL schema ``sandbox``, through a pool of its own.

The country is *outside* of Dojang, so nothing here ever takes part in one of Dojang's transactions:
what a simulated bank has told stays told when Dojang rolls back, exactly as a real one's answer would.
The identities in it are invented and printed in the documentation; it is the bank's own vault, which
is why it may hold what Dojang itself never stores.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool, PoolTimeout

from dojang.ports.errors import PortError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CONNECT_TIMEOUT = 5.0  #: seconds to wait for a connection
STATEMENT_TIMEOUT_MS = 5_000
_LOCK = 0x444A_5342  #: advisory lock under which the schema is made and people are cast: "DJSB"

_SCHEMA = (
    "CREATE SCHEMA IF NOT EXISTS sandbox",
    """CREATE TABLE IF NOT EXISTS sandbox.person (
        id text PRIMARY KEY, handle text NOT NULL UNIQUE, place int NOT NULL,
        user_id text NOT NULL UNIQUE, rrn text NOT NULL UNIQUE,
        name text NOT NULL, name_en text NOT NULL, birth date NOT NULL, kind text NOT NULL,
        ebanking boolean NOT NULL, locked boolean NOT NULL,
        email text, address text, branch_code text NOT NULL, devices int NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS sandbox.phone (
        id text PRIMARY KEY, person_id text NOT NULL REFERENCES sandbox.person ON DELETE CASCADE,
        number text NOT NULL, registered_at timestamptz NOT NULL, released_at timestamptz)""",
    """CREATE UNIQUE INDEX IF NOT EXISTS phone_one_owner ON sandbox.phone (number)
        WHERE released_at IS NULL""",
    """CREATE INDEX IF NOT EXISTS phone_person ON sandbox.phone (person_id)""",
    """CREATE TABLE IF NOT EXISTS sandbox.account (
        number text PRIMARY KEY, person_id text NOT NULL REFERENCES sandbox.person ON DELETE CASCADE,
        password text NOT NULL, kind text NOT NULL, balance bigint NOT NULL)""",
    """CREATE INDEX IF NOT EXISTS account_person ON sandbox.account (person_id)""",
    """CREATE TABLE IF NOT EXISTS sandbox.card (
        person_id text PRIMARY KEY REFERENCES sandbox.person ON DELETE CASCADE,
        serial text NOT NULL, cells text[] NOT NULL, state text NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS sandbox.token (
        person_id text PRIMARY KEY REFERENCES sandbox.person ON DELETE CASCADE,
        serial text NOT NULL, secret bytea NOT NULL, state text NOT NULL, last_step bigint NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS sandbox.done (
        verb text NOT NULL, key text NOT NULL, outcome jsonb NOT NULL, PRIMARY KEY (verb, key))""",
    """CREATE TABLE IF NOT EXISTS sandbox.call (
        seq bigint GENERATED ALWAYS AS IDENTITY, id text PRIMARY KEY, key text NOT NULL UNIQUE,
        number text NOT NULL, expect text NOT NULL, announcement text NOT NULL, locale text NOT NULL,
        state text NOT NULL, keyed text NOT NULL DEFAULT '',
        placed_at timestamptz NOT NULL, answered_at timestamptz, ended_at timestamptz)""",
    """CREATE INDEX IF NOT EXISTS call_number ON sandbox.call (number, seq)""",
    """CREATE TABLE IF NOT EXISTS sandbox.text_out (
        seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key text NOT NULL UNIQUE,
        number text NOT NULL, text text NOT NULL, at timestamptz NOT NULL)""",
    """CREATE INDEX IF NOT EXISTS text_out_number ON sandbox.text_out (number, seq)""",
    """CREATE TABLE IF NOT EXISTS sandbox.text_in (
        seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id text NOT NULL UNIQUE,
        sender text NOT NULL, text text NOT NULL, at timestamptz NOT NULL)""",
    """CREATE INDEX IF NOT EXISTS text_in_at ON sandbox.text_in (at)""",
    """CREATE TABLE IF NOT EXISTS sandbox.mail (
        seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key text NOT NULL UNIQUE,
        address text NOT NULL, subject text NOT NULL, text text NOT NULL, at timestamptz NOT NULL)""",
    """CREATE INDEX IF NOT EXISTS mail_address ON sandbox.mail (address, seq)""",
    """CREATE TABLE IF NOT EXISTS sandbox.push (
        seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key text NOT NULL UNIQUE,
        person_id text NOT NULL, title text NOT NULL, text text NOT NULL, devices int NOT NULL,
        at timestamptz NOT NULL)""",
    """CREATE INDEX IF NOT EXISTS push_person ON sandbox.push (person_id, seq)""",
    """CREATE TABLE IF NOT EXISTS sandbox.paper (
        person_id text NOT NULL REFERENCES sandbox.person ON DELETE CASCADE,
        type text NOT NULL, number text NOT NULL, issued date NOT NULL, state text NOT NULL,
        PRIMARY KEY (type, number))""",
    """CREATE INDEX IF NOT EXISTS paper_person ON sandbox.paper (person_id)""",
    """CREATE TABLE IF NOT EXISTS sandbox.other_account (
        bank text NOT NULL, number text NOT NULL,
        person_id text NOT NULL REFERENCES sandbox.person ON DELETE CASCADE, PRIMARY KEY (bank, number))""",
    """CREATE INDEX IF NOT EXISTS other_account_person ON sandbox.other_account (person_id)""",
    """CREATE TABLE IF NOT EXISTS sandbox.deposit (
        seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key text NOT NULL UNIQUE,
        bank text NOT NULL, number text NOT NULL, memo text NOT NULL, amount bigint NOT NULL,
        at timestamptz NOT NULL)""",
    """CREATE INDEX IF NOT EXISTS deposit_account ON sandbox.deposit (bank, number, seq)""",
)


class CountryStore:
    """A pool of autocommitting connections to the schema ``sandbox``.

    `cast` is called once, in the transaction that makes the schema (or adds a later edition's tables to it).
    Every new connection looks whether
    the schema is there, so a database that was replaced underneath gets its country again.
    At most `most` connections; a caller waits `wait` seconds for one.
    """

    def __init__(
        self,
        dsn: str,
        cast: Callable[[psycopg.Connection[DictRow]], None],
        *,
        most: int = 8,
        wait: float = CONNECT_TIMEOUT,
    ) -> None:
        self._cast = cast
        self._wait = wait
        self._pool: ConnectionPool[psycopg.Connection[DictRow]] = ConnectionPool(
            dsn,
            connection_class=psycopg.Connection[DictRow],
            kwargs={
                "autocommit": True,
                "row_factory": dict_row,
                "application_name": "dojang-sandbox",
                "connect_timeout": max(1, int(wait)),
                "options": f"-c statement_timeout={STATEMENT_TIMEOUT_MS}",
            },
            min_size=1,
            max_size=most,
            timeout=wait,
            configure=self._prepare,
            open=False,
            name="sandbox",
        )

    def open(self) -> None:
        """Connect, and make the country if it is not there. Safe to call from many processes at once."""
        try:
            self._pool.open(wait=True, timeout=self._wait)
        except PoolTimeout as failure:
            self._pool.close()
            raise PortError("the sandbox cannot reach its database") from failure

    def _prepare(self, connection: psycopg.Connection[DictRow]) -> None:
        if _is_made(connection):
            return
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            if not _is_made(connection):
                for statement in _SCHEMA:
                    connection.execute(statement)
                self._cast(connection)

    def close(self) -> None:
        """Let go of every connection."""
        self._pool.close()

    @contextmanager
    def work(self, error: type[PortError] = PortError) -> Iterator[psycopg.Connection[DictRow]]:
        """One short transaction of the simulated country.

        A failure of the database becomes `error`, without the driver's text: that text can quote values.
        """
        try:
            with self._connection() as connection, connection.transaction():
                yield connection
        except (psycopg.Error, PoolTimeout) as failure:
            raise error(f"sandbox store: {type(failure).__name__}") from None

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection[DictRow]]:
        """Lend a live connection.

        The pool's own check waits longer after each dead connection it finds; after a restart of the
        server all of them are dead, and dropping them one after the other takes only milliseconds.
        """
        while True:
            connection = self._pool.getconn()
            try:
                self._pool.check_connection(connection)
            except psycopg.OperationalError:
                self._pool.putconn(connection)  # dead: the pool drops it and makes another
            except BaseException:
                self._pool.putconn(connection)
                raise
            else:
                break
        try:
            yield connection
        finally:
            self._pool.putconn(connection)

    @contextmanager
    def casting(self) -> Iterator[psycopg.Connection[DictRow]]:
        """Open a transaction in which nobody else may cast people."""
        with self.work() as connection:
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            yield connection


def _is_made(connection: psycopg.Connection[DictRow]) -> bool:
    # Read from the catalogue's rows: `to_regclass` may answer from a cache older than the lock just taken.
    row = connection.execute(
        """SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
           WHERE n.nspname = 'sandbox' AND c.relname = 'deposit'"""
    ).fetchone()
    return row is not None


def first(connection: psycopg.Connection[DictRow], statement: str, values: Any) -> DictRow | None:
    """Run one statement and return its first row, if any."""
    return connection.execute(statement, values).fetchone()
