"""The simulated country put together: `build_sandbox` gives every port of a World but the signer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dojang.sandbox import casting
from dojang.sandbox.clock import SandboxClock
from dojang.sandbox.corebank import SandboxCoreBank
from dojang.sandbox.drawer import Drawers
from dojang.sandbox.mail import SandboxMail
from dojang.sandbox.phones import SandboxSms
from dojang.sandbox.push import SandboxPush
from dojang.sandbox.store import CountryStore
from dojang.sandbox.telephony import SandboxTelephony

if TYPE_CHECKING:
    from pathlib import Path

    from dojang.ports.push import Push


@dataclass(frozen=True, slots=True)
class SandboxWorldParts:
    """The country's adapters. All share one store and one clock."""

    corebank: SandboxCoreBank
    telephony: SandboxTelephony
    sms: SandboxSms
    mail: SandboxMail
    push: SandboxPush
    clock: SandboxClock
    drawers: Drawers
    store: CountryStore

    def recast(self) -> None:
        """Bring the country back to its first state: cast anew, inboxes and calls empty. Not the clock."""
        casting.recast(self.store, self.clock)

    def close(self) -> None:
        """Let go of the database."""
        self.store.close()


def build_sandbox(dsn: str, clock_path: Path, *, push_beyond: Push | None = None) -> SandboxWorldParts:
    """Open the country at a PostgreSQL address, making schema and cast at the first time.

    `push_beyond` takes push messages besides the telephones of the country.
    Raises `dojang.ports.errors.PortError` when the database does not answer within five seconds.
    """
    clock = SandboxClock(clock_path)
    store = CountryStore(dsn, lambda connection: casting.enter_cast(connection, clock))
    store.open()
    return assemble(store, clock, push_beyond=push_beyond)


def assemble(
    store: CountryStore, clock: SandboxClock, *, push_beyond: Push | None = None
) -> SandboxWorldParts:
    """Put the adapters around an open store."""
    return SandboxWorldParts(
        corebank=SandboxCoreBank(store, clock),
        telephony=SandboxTelephony(store, clock),
        sms=SandboxSms(store, clock),
        mail=SandboxMail(store, clock),
        push=SandboxPush(store, clock, beyond=push_beyond),
        clock=clock,
        drawers=Drawers(store, clock),
        store=store,
    )
