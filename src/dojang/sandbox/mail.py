"""The simulated mail system: a mailbox for every address. Implements `dojang.ports.mail.Mail`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dojang.ports.errors import MailError

if TYPE_CHECKING:
    from datetime import datetime

    from dojang.ports.clock import Clock
    from dojang.sandbox.store import CountryStore


@dataclass(frozen=True, slots=True)
class MailItem:
    """One mail in a mailbox."""

    subject: str
    text: str
    at: datetime


class SandboxMail:
    """Takes every mail and delivers it at once."""

    def __init__(self, store: CountryStore, clock: Clock) -> None:
        self.store = store
        self.clock = clock

    def send(self, *, to: str, subject: str, text: str, key: str) -> None:
        """See the port. Addresses differ only by more than upper and lower case."""
        with self.store.work(MailError) as connection:
            connection.execute(
                """INSERT INTO sandbox.mail (key, address, subject, text, at) VALUES (%s, %s, %s, %s, %s)
                   ON CONFLICT (key) DO NOTHING""",
                (key, to.strip().lower(), subject, text, self.clock.now()),
            )

    def letters(self, address: str, *, limit: int = 50) -> tuple[MailItem, ...]:
        """Return the newest mails of an address, newest first."""
        with self.store.work(MailError) as connection:
            rows = connection.execute(
                """SELECT subject, text, at FROM sandbox.mail WHERE address = %s
                   ORDER BY at DESC, seq DESC LIMIT %s""",
                (address.strip().lower(), limit),
            ).fetchall()
        return tuple(MailItem(row["subject"], row["text"], row["at"]) for row in rows)
