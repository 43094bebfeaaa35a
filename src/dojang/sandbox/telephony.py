"""The simulated telephone network. Implements `dojang.ports.telephony.Telephony`.

A call dials for a second, rings until `RING` seconds after it was placed, then is ``no_answer``. Once
answered it waits `KEYS` seconds for the keypad, then it is ``ended``. A handset that is ringing or talking
makes the next call ``busy``. States that time alone brings about are written when somebody looks.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dojang.pki.errors import DojangError
from dojang.ports.errors import CallUnknownError, TelephonyError
from dojang.ports.telephony import Call
from dojang.sandbox.store import first

if TYPE_CHECKING:
    from datetime import datetime

    import psycopg
    from psycopg.rows import DictRow

    from dojang.ports.clock import Clock
    from dojang.sandbox.store import CountryStore

DIAL = 1  #: seconds until the handset rings
RING = 60  #: seconds from placing the call to giving up
KEYS = 60  #: seconds an answered call waits for the keypad
RINGING = ("dialing", "ringing")
LIVE = ("dialing", "ringing", "answered")


class CallStateError(DojangError):
    """The handset cannot do this now: the call has ended, or was not answered yet. Data: `state`."""

    code = "call_state"


@dataclass(frozen=True, slots=True)
class HandsetCall:
    """A call as the telephone that is rung sees it. `announcement` is what the bank's voice says."""

    id: str
    number: str
    state: str
    announcement: str
    locale: str
    keyed: int  #: how many digits were keyed so far
    placed_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None

    @property
    def dots(self) -> str:
        """One sign for each digit keyed, none of which tells the digit."""
        return "•" * self.keyed

    @property
    def is_live(self) -> bool:
        """Whether the call still goes on."""
        return self.state in LIVE


class SandboxTelephony:
    """The network between the bank and the handsets."""

    def __init__(self, store: CountryStore, clock: Clock) -> None:
        self.store = store
        self.clock = clock

    # --- the bank's side: the port ---

    def place_call(self, *, number: str, expect: str, announcement: str, locale: str, key: str) -> Call:
        """See the port."""
        now = self.clock.now()
        with self.store.work(TelephonyError) as connection:
            # One call at a time is set up to a handset, so that of two at once one finds it busy.
            connection.execute(
                "SELECT pg_advisory_xact_lock(hashtext('sandbox call'), hashtext(%s))", (number,)
            )
            known = first(connection, "SELECT id, state FROM sandbox.call WHERE key = %s", (key,))
            if known:
                return self._settled(connection, known["id"])
            self._settle(connection, number)
            taken = first(
                connection,
                "SELECT 1 FROM sandbox.call WHERE number = %s AND state = ANY(%s)",
                (number, list(LIVE)),
            )
            state = "busy" if taken else "dialing"
            call_id = secrets.token_urlsafe(12)
            connection.execute(
                """INSERT INTO sandbox.call
                       (id, key, number, expect, announcement, locale, state, placed_at, ended_at)
                   VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)""",
                (call_id, key, number, expect, announcement, locale, state, now, now if taken else None),
            )
        return Call(call_id, state)

    def call(self, call_id: str) -> Call:
        """See the port. Raises `CallUnknownError` for an id the network never gave out."""
        with self.store.work(TelephonyError) as connection:
            return self._settled(connection, call_id)

    def hang_up(self, call_id: str) -> None:
        """See the port. Hanging up twice, or a call that is over, changes nothing."""
        with self.store.work(TelephonyError) as connection:
            self._settled(connection, call_id)
            self._end(connection, call_id, "ended", LIVE)

    # --- the handset's side: what the telephone's page and JSON do ---

    def calls(self, number: str, *, limit: int = 20) -> tuple[HandsetCall, ...]:
        """Return the newest calls to a number, newest first.

        A busy handset never learns of the call it missed.
        """
        with self.store.work(TelephonyError) as connection:
            self._settle(connection, number)
            rows = connection.execute(
                "SELECT * FROM sandbox.call WHERE number = %s AND state <> 'busy' ORDER BY seq DESC LIMIT %s",
                (number, limit),
            ).fetchall()
        return tuple(_handset_call(row) for row in rows)

    def answer(self, number: str, call_id: str) -> HandsetCall:
        """Take the call. Raises `CallStateError` when it does not ring."""
        with self.store.work(TelephonyError) as connection:
            self._on_handset(connection, number, call_id, RINGING)
            connection.execute(
                "UPDATE sandbox.call SET state = 'answered', answered_at = %s WHERE id = %s",
                (self.clock.now(), call_id),
            )
            return _handset_call(_row(connection, call_id))

    def reject(self, number: str, call_id: str) -> HandsetCall:
        """Refuse the ringing call, or put the handset down when it was answered."""
        with self.store.work(TelephonyError) as connection:
            row = self._on_handset(connection, number, call_id, LIVE)
            self._end(connection, call_id, "ended" if row["state"] == "answered" else "rejected", LIVE)
            return _handset_call(_row(connection, call_id))

    def press(self, number: str, call_id: str, digits: str) -> HandsetCall:
        """Key digits. As soon as as many as expected came in, the call is ``approved`` or ``wrong_code``."""
        with self.store.work(TelephonyError) as connection:
            row = self._on_handset(connection, number, call_id, ("answered",))
            keyed = (row["keyed"] + digits)[: len(row["expect"])]
            connection.execute("UPDATE sandbox.call SET keyed = %s WHERE id = %s", (keyed, call_id))
            if len(keyed) == len(row["expect"]):
                right = hmac.compare_digest(keyed.encode(), row["expect"].encode())
                self._end(connection, call_id, "approved" if right else "wrong_code", ("answered",))
            return _handset_call(_row(connection, call_id))

    # --- inside ---

    def _on_handset(
        self, connection: psycopg.Connection[DictRow], number: str, call_id: str, allowed: tuple[str, ...]
    ) -> DictRow:
        """Return the call, locked, if it is to this number and in an allowed state."""
        self._settle(connection, number)
        row = first(
            connection,
            "SELECT * FROM sandbox.call WHERE id = %s AND number = %s FOR UPDATE",
            (call_id, number),
        )
        if row is None:
            raise CallUnknownError
        if row["state"] not in allowed:
            raise CallStateError(state=row["state"])
        return row

    def _settled(self, connection: psycopg.Connection[DictRow], call_id: str) -> Call:
        row = first(connection, "SELECT number FROM sandbox.call WHERE id = %s", (call_id,))
        if row is None:
            raise CallUnknownError
        self._settle(connection, row["number"])
        return Call(call_id, _row(connection, call_id)["state"])

    def _settle(self, connection: psycopg.Connection[DictRow], number: str) -> None:
        """Let time do what it does to a handset's call. At most one goes on, so no lock can cross."""
        now = self.clock.now()
        connection.execute(
            """UPDATE sandbox.call SET
                 state = CASE WHEN state = 'answered' THEN 'ended'
                              WHEN placed_at + make_interval(secs => %(ring)s) <= %(now)s THEN 'no_answer'
                              ELSE 'ringing' END,
                 ended_at = CASE WHEN state = 'answered' THEN answered_at + make_interval(secs => %(keys)s)
                                 WHEN placed_at + make_interval(secs => %(ring)s) <= %(now)s
                                 THEN placed_at + make_interval(secs => %(ring)s) END
               WHERE number = %(number)s AND (
                  (state = 'answered' AND answered_at + make_interval(secs => %(keys)s) <= %(now)s)
                  OR (state IN ('dialing', 'ringing')
                      AND placed_at + make_interval(secs => %(ring)s) <= %(now)s)
                  OR (state = 'dialing' AND placed_at + make_interval(secs => %(dial)s) <= %(now)s))""",
            {"number": number, "now": now, "ring": RING, "keys": KEYS, "dial": DIAL},
        )

    def _end(
        self, connection: psycopg.Connection[DictRow], call_id: str, state: str, allowed: tuple[str, ...]
    ) -> None:
        connection.execute(
            "UPDATE sandbox.call SET state = %s, ended_at = %s WHERE id = %s AND state = ANY(%s)",
            (state, self.clock.now(), call_id, list(allowed)),
        )


def _row(connection: psycopg.Connection[DictRow], call_id: str) -> DictRow:
    row = first(connection, "SELECT * FROM sandbox.call WHERE id = %s", (call_id,))
    assert row is not None
    return row


def _handset_call(row: DictRow) -> HandsetCall:
    return HandsetCall(
        id=row["id"],
        number=row["number"],
        state=row["state"],
        announcement=row["announcement"],
        locale=row["locale"],
        keyed=len(row["keyed"]),
        placed_at=row["placed_at"],
        answered_at=row["answered_at"],
        ended_at=row["ended_at"],
    )
