"""The simulated push service. Implements `dojang.ports.push.Push`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dojang.ports.errors import PushError
from dojang.ports.push import ORDINARY
from dojang.sandbox.store import first

if TYPE_CHECKING:
    from datetime import datetime

    from dojang.ports.clock import Clock
    from dojang.ports.push import Manner, Push
    from dojang.sandbox.store import CountryStore


@dataclass(frozen=True, slots=True)
class Banner:
    """One push message on a telephone's screen."""

    title: str
    text: str
    at: datetime


class SandboxPush:
    """Delivers to every device of a customer at once; a customer without devices gets nothing.

    `beyond` takes every message too, if there is something outside this country: browsers that subscribed.
    """

    def __init__(self, store: CountryStore, clock: Clock, *, beyond: Push | None = None) -> None:
        self.store = store
        self.clock = clock
        self.beyond = beyond

    def send(self, *, customer_id: str, title: str, text: str, key: str, manner: Manner = ORDINARY) -> int:
        """See the port. An unknown customer has no device. A repeated `key` returns the first count."""
        shown = self._show(customer_id, title=title, text=text, key=key)
        if self.beyond is None:
            return shown
        return shown + self.beyond.send(
            customer_id=customer_id, title=title, text=text, key=key, manner=manner
        )

    def _show(self, customer_id: str, *, title: str, text: str, key: str) -> int:
        with self.store.work(PushError) as connection:
            connection.execute(
                """INSERT INTO sandbox.push (key, person_id, title, text, devices, at)
                   VALUES (%(key)s, %(id)s, %(title)s, %(text)s,
                           coalesce((SELECT devices FROM sandbox.person WHERE id = %(id)s), 0), %(now)s)
                   ON CONFLICT (key) DO NOTHING""",
                {"key": key, "id": customer_id, "title": title, "text": text, "now": self.clock.now()},
            )
            row = first(connection, "SELECT devices FROM sandbox.push WHERE key = %s", (key,))
        assert row is not None
        return int(row["devices"])

    def banners(self, customer_id: str, *, limit: int = 20) -> tuple[Banner, ...]:
        """Return the newest messages a customer's devices show, newest first."""
        with self.store.work(PushError) as connection:
            rows = connection.execute(
                """SELECT title, text, at FROM sandbox.push WHERE person_id = %s AND devices > 0
                   ORDER BY at DESC, seq DESC LIMIT %s""",
                (customer_id, limit),
            ).fetchall()
        return tuple(Banner(row["title"], row["text"], row["at"]) for row in rows)
