"""How long things stay open, and how often they may be begun again."""

from __future__ import annotations

from dataclasses import dataclass

from dojang.ports.limits import DAY, RUN, Limit
from dojang.ports.policy.units import digits, seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPolicy:
    """`[policy.sessions]`: of runs and of log-ins alike."""

    idle: int = seconds(600)  #: nothing has happened for so long: over
    absolute: int = seconds(1800)  #: over, whatever happens
    idle_warning: int = seconds(60)  #: so long before `idle` is up the page asks whether one is still there


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPolicy:
    """`[policy.runs]`: of one run of a journey."""

    starts_per_source: Limit = Limit(5_000, DAY)  #: runs begun from one network source
    sends: Limit = Limit(3, RUN)  #: how often a code or text is sent again
    visits: Limit = Limit(10, RUN)  #: visits of one step that sends something; beyond them the run is over
    keys: Limit = Limit(10, RUN)  #: keys made (each new PIN makes another)


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffPolicy:
    """`[policy.handoff]`: moving a run to another screen. Wrong numbers: `wrong_entries.handoff`."""

    ttl: int = seconds(600)  #: life of the number and of the QR code


@dataclass(frozen=True, slots=True, kw_only=True)
class DevicePolicy:
    """`[policy.devices]`: of the app on a telephone."""

    min_app_version: str = "1.0.0"  #: an older app is told to update
    challenge_ttl: int = seconds(60)  #: life of a challenge a registered device answers
    parcel_ttl: int = seconds(600)  #: life of a certificate copy on its way between two devices


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalPolicy:
    """`[policy.approvals]`: questions put to the telephone with the bank certificate."""

    ttl: int = seconds(180)  #: life of a question
    digits: int = digits(2)  #: of the number on the other screen
    questions: Limit = Limit(3, 600)  #: put to one person's telephone
