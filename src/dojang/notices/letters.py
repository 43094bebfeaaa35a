"""Letters: whom to tell what, gathered outside, written inside the transaction of what they tell about."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dojang.audit.actions import record_events
from dojang.notices.actions import Audience, Occasion, gather_audience, tell_all
from dojang.ports.errors import PortError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dojang.ports.acting import Acting
    from dojang.ports.world import World

log = logging.getLogger(__name__)


def gather(people: Iterable[str], *, world: World) -> dict[str, Audience]:
    """Ask how to reach people. Where the bank cannot be asked, the channels known from before must do."""
    found: dict[str, Audience] = {}
    for person in sorted(set(people)):
        try:
            found[person] = gather_audience(person, world=world)
        except PortError as error:
            log.warning("channels of a customer cannot be asked: %s", error.code)
            found[person] = Audience(person, (), "ko")
    return found


@dataclass(slots=True)
class Letters:
    """Notices to be written at the end of a transaction: one line for each occasion and person."""

    audiences: dict[str, Audience] = field(default_factory=dict)
    lines: list[tuple[str, str, dict[str, Any], str]] = field(default_factory=list)

    def add(self, customer_id: str, message: str, key: str, **args: Any) -> None:
        """Note a line; a person nobody gathered is reached by the channels known from before."""
        self.audiences.setdefault(customer_id, Audience(customer_id, (), "ko"))
        self.lines.append((customer_id, message, args, key))

    def occasions(self, *, acting: Acting, world: World) -> list[Occasion]:
        """Say what `write` writes, for whoever writes it together with others' (`tell_all`)."""
        at = world.clock.now().isoformat()
        return [
            Occasion(self.audiences[customer_id], message, {"at": at, **args}, key, acting)
            for customer_id, message, args, key in self.lines
        ]

    def write(self, *, acting: Acting, world: World) -> None:
        """Write every line, inside the caller's transaction."""
        _, drafts = tell_all(self.occasions(acting=acting, world=world), world=world)
        record_events(drafts)
