"""Beginning a journey as somebody who is logged in: the log-in stands where "who are you" would be asked.

Only a log-in by the bank certificate of the very device the journey is walked on counts: it proves a key
that cannot leave that device, and the pattern. It must live when the run begins, and its certificate must be
in use at every request: once that is held or revoked, the run is over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dojang.journeys.kinds.eligibility import facts_of
from dojang.journeys.model import Fact

if TYPE_CHECKING:
    from datetime import datetime

    from dojang.journeys.model import Journey, RunView
    from dojang.ports.corebank import Customer

IDENTIFIED = "identified"
#: What opens a key that cannot leave its device.
UNLOCK = "pattern"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogIn:
    """A log-in that lives now: its id, whose it is, by which certificate, on which device."""

    id: str
    customer: str
    serial: str
    device_id: str


def identified_by(
    login: LogIn, customer: Customer, *, run: str, journey: Journey, at: datetime, until: datetime
) -> Fact:
    """Make the fact that binds a run to the customer who is logged in."""
    return Fact(
        name=IDENTIFIED,
        at=at,
        by=f"{run}:{journey.id}:login:{login.id}",
        customer=customer.id,
        run=run,
        purpose=journey.id,
        step="login",
        expires=until,
        values={**facts_of(customer), "serial": login.serial, "device_id": login.device_id},
    )


def login_of(run: RunView) -> Fact | None:
    """Return the log-in this run began with, whether its certificate is still in use or not."""
    fact = run.facts.get(IDENTIFIED)
    return fact if fact is not None and fact.step == "login" else None


def is_logged_in(run: RunView) -> bool:
    """Tell whether the run began with a log-in by a certificate that is in use now."""
    fact = login_of(run)
    return fact is not None and run.is_in_use(str(fact.values["serial"]))


def is_void(run: RunView) -> bool:
    """Tell whether the run began with a log-in by a certificate that is not in use any more."""
    return login_of(run) is not None and not is_logged_in(run)
