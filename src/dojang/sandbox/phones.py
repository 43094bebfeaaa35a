"""The simulated message centre: an inbox for every handset, and what handsets send back.

Implements `dojang.ports.sms.Sms`.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dojang.ports.errors import SmsError
from dojang.ports.sms import Inbound
from dojang.ports.writing import reply_number
from dojang.sandbox.store import first

if TYPE_CHECKING:
    from datetime import datetime

    from dojang.ports.clock import Clock
    from dojang.sandbox.store import CountryStore

MOST_INBOUND = 500  #: how many messages one question of the bank may return


@dataclass(frozen=True, slots=True)
class Text:
    """One message in a handset's conversation with the bank. `outgoing` ones the handset sent."""

    outgoing: bool
    text: str
    at: datetime


class SandboxSms:
    """The message centre between the bank's short code and the handsets."""

    def __init__(self, store: CountryStore, clock: Clock) -> None:
        self.store = store
        self.clock = clock

    def send(self, *, number: str, text: str, key: str) -> None:
        """See the port."""
        with self.store.work(SmsError) as connection:
            connection.execute(
                """INSERT INTO sandbox.text_out (key, number, text, at) VALUES (%s, %s, %s, %s)
                   ON CONFLICT (key) DO NOTHING""",
                (key, number, text, self.clock.now()),
            )

    def inbound(
        self, *, since: datetime, sender: str | None = None, text: str | None = None
    ) -> tuple[Inbound, ...]:
        """See the port. With neither `sender` nor `text` every message since then. At most `MOST_INBOUND`."""
        everything = sender is None and text is None
        # The database finds what has the number's digits first; what the message says is read below.
        with self.store.work(SmsError) as connection:
            rows = connection.execute(
                """SELECT id, sender, text, at FROM sandbox.text_in
                   WHERE at >= %(since)s AND (%(all)s OR sender = %(sender)s OR
                          regexp_replace(normalize(text, NFKC), '[^0-9]', '', 'g') LIKE %(text)s || '%%')
                   ORDER BY at DESC, seq DESC LIMIT %(most)s""",
                {"since": since, "all": everything, "sender": sender, "text": text, "most": MOST_INBOUND},
            ).fetchall()
        found = (Inbound(row["id"], row["sender"], row["text"], row["at"]) for row in rows)
        return tuple(
            reply
            for reply in found
            if everything
            or reply.sender == sender
            or (text is not None and reply_number(reply.text, len(text)) == text)
        )

    def reply(self, *, number: str, text: str) -> Inbound:
        """Send a message from a handset to the bank's short code. Blanks around it do not travel."""
        with self.store.work(SmsError) as connection:
            row = first(
                connection,
                """INSERT INTO sandbox.text_in (id, sender, text, at) VALUES (%s, %s, %s, %s)
                   RETURNING id, sender, text, at""",
                (secrets.token_urlsafe(12), number, text.strip(), self.clock.now()),
            )
        assert row is not None
        return Inbound(row["id"], row["sender"], row["text"], row["at"])

    def texts(self, number: str, *, limit: int = 50) -> tuple[Text, ...]:
        """Return the newest messages of a handset's conversation with the bank, oldest of them first."""
        with self.store.work(SmsError) as connection:
            rows = connection.execute(
                """SELECT * FROM (
                       SELECT false AS outgoing, text, at, seq FROM sandbox.text_out WHERE number = %(number)s
                       UNION ALL
                       SELECT true, text, at, seq FROM sandbox.text_in WHERE sender = %(number)s
                   ) AS talk ORDER BY at DESC, seq DESC LIMIT %(limit)s""",
                {"number": number, "limit": limit},
            ).fetchall()
        return tuple(Text(row["outgoing"], row["text"], row["at"]) for row in reversed(rows))
