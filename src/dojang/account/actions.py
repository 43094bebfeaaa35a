"""Stopping certificates at their holder's word: one, or everything at once; also for who lost phone and PIN.

A hold is quick and can be taken back by the bank, so little is asked for it; it is told to every channel.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from django.db import transaction

from dojang.account.browsers.actions import forget_browsers_of
from dojang.account.sessions.actions import end_sessions_of
from dojang.audit.actions import record_event
from dojang.ca.errors import CertificateNotFoundError
from dojang.ca.queries import certificates_of
from dojang.ca.states import CertificateState
from dojang.guard import budgets, counters
from dojang.guard.budgets import Budget
from dojang.guard.counters import Tally
from dojang.issuing.actions import Held, revoke_certificate, suspend_certificate
from dojang.notices import foreign
from dojang.notices.letters import Letters, gather
from dojang.pki.day import day_of
from dojang.ports.writing import plain_account, plain_user_id
from dojang.ra.actions import unlock_factor
from dojang.ra.actions.holding import hold_everything

if TYPE_CHECKING:
    from datetime import datetime

    from dojang.ca.queries import CertificateView
    from dojang.ports.acting import Acting
    from dojang.ports.world import World


def own_certificate(customer_id: str, serial: str) -> CertificateView:
    """Return a certificate of this customer; another's and an absent one look alike."""
    for view in certificates_of(customer_id):
        if view.serial == serial.lower():
            return view
    raise CertificateNotFoundError


def stop_certificate(customer_id: str, serial: str, *, acting: Acting, world: World) -> bool:
    """Put one certificate on hold and tell its holder everywhere; False when it was not in use anyway."""
    view = own_certificate(customer_id, serial)
    if view.state != CertificateState.ACTIVE:
        return False
    suspend_certificate(view.id, acting=acting, world=world)
    return True


def end_certificate(customer_id: str, serial: str, reason: str, *, acting: Acting, world: World) -> None:
    """Revoke one of the customer's own certificates, for ever; the holder is told everywhere."""
    revoke_certificate(own_certificate(customer_id, serial).id, reason, acting=acting, world=world)


@dataclass(frozen=True, slots=True)
class OwnLock:
    """Something locked for a customer. `is_own`: its holder lifts it; else the branch alone does."""

    factor: str
    is_own: bool


#: Seconds an answer is held back at most.
_LONGEST_WAIT: Final = 45
#: Media of the bank that may be in other hands: the branch looks at who asks.
_BRANCH_ALONE: Final = frozenset({"security_card", "otp"})


def locks_of(customer_id: str, *, world: World) -> tuple[OwnLock, ...]:
    """List what is locked for a customer now."""
    locked = counters.locked_factors(customer_id, now=world.clock.now())
    return tuple(OwnLock(factor, factor not in _BRANCH_ALONE) for factor in locked)


def lift_lock(customer_id: str, factor: str, *, acting: Acting, world: World) -> bool:
    """Lift a lock for its holder, who has just proven a certificate; they are told. False: there was none."""
    if factor in _BRANCH_ALONE:
        return False
    return bool(unlock_factor(customer_id, factor, acting=acting, world=world))


def stop_everything(customer_id: str, *, acting: Acting, world: World) -> Held:
    """Hold every certificate and device of a customer, end every session; a repeat changes nothing.

    In one transaction with the devices, the runs and what waits on a telephone. Every browser is new again:
    the next log-in is told, wherever it comes from.
    """

    def end_sessions() -> None:
        end_sessions_of(customer_id, reason="stopped", acting=acting, world=world)
        forget_browsers_of(customer_id)

    return hold_everything(customer_id, acting=acting, world=world, within=end_sessions)


@dataclass(frozen=True, slots=True)
class Heard:
    """What became of an entry at the emergency stop.

    `held` is None when nothing was stopped. `is_told`: whether the visitor may hear which it was. `wait` is
    how many seconds the answer is held back, `next_wait` how many the next one would be.
    """

    held: Held | None
    is_told: bool
    wait: float = 0.0
    next_wait: float = 0.0


def stop_by_proof(
    *, user_id: str, rrn: str, account: str, account_password: str, acting: Acting, world: World
) -> Heard:
    """Stop everything for whoever knows user id, RRN, an account and its password: no telephone, no log-in.

    Never locked: right answers stop at once, however many wrong ones came before, from whomever. Counted
    before anybody is asked, with the counters of the journeys; where one is used up, the answer no longer
    tells right from wrong, so that nobody finds a password here. Wrong ones are answered later and later.
    """
    now, digits = world.clock.now(), plain_account(account)
    tallies = _stop_tallies(user_id, digits, world=world)
    bounded = (*budgets.wrong_entries(world.policy, acting), _waits(acting, world=world))
    spent = budgets.spent_of(bounded, now=now)
    with transaction.atomic():
        counted = counters.count_attempts(tallies, run_id="", now=now)
    is_told = counted.refused is None and budgets.SOURCE not in spent
    wait, next_wait = _wait_of(bounded[-1], now=now)
    verdict, whose = "refund", _Claim()
    locked: tuple[str, ...] = ()
    try:
        whose = _ask(user_id, rrn, digits, account_password, world=world)
        verdict = "reset" if whose.customer else "wrong"
    finally:
        with transaction.atomic():
            verdicts = dict.fromkeys(counted.attempts, verdict)
            locked = counters.judge_attempts(verdicts, locking=counted.attempts, now=world.clock.now())
            if verdict == "wrong":
                budgets.spend(bounded, now=now)
    longest = _seconds(world.policy.wrong_entries.stop.count)
    if not whose.customer:
        _warn(whose, acting=acting, world=world)
        if "identify" in locked and whose.claimed:
            _tell_locked(whose.claimed, tallies[0], acting=acting, world=world)
        return Heard(None, is_told, wait if is_told else longest, next_wait)
    held = stop_everything(whose.customer, acting=replace(acting, id=whose.customer), world=world)
    return Heard(held, is_told) if is_told else Heard(held, is_told, longest, longest)


@dataclass(frozen=True, slots=True)
class _Claim:
    """Who was found: `customer` when everything fits together, else whose the parts are, if that is known.

    `claimed` is whose the user id is.
    """

    customer: str = ""
    claimed: str = ""
    offered_for: str = ""
    owners: tuple[str, ...] = ()
    evidence: str = ""


def _stop_tallies(user_id: str, account: str, *, world: World) -> list[Tally]:
    policy, whose = world.policy, f"user_id:{plain_user_id(user_id).lower()}"
    return [
        Tally(factor="identify", subject=whose, limit=policy.wrong_entries.identify),
        Tally(
            factor="account_password",
            subject=f"account:{account}",
            limit=policy.wrong_entries.account_password,
        ),
    ]


def _waits(acting: Acting, *, world: World) -> Budget:
    """How often a source may be wrong before its wait grows no more: strangers make nobody else wait."""
    return Budget("stop_waits", f"source:{acting.source}", world.policy.wrong_entries.stop)


def _wait_of(waits: Budget, *, now: datetime) -> tuple[float, float]:
    """Seconds this answer is held back if it is wrong, and the next: 1, 2, 4 … up to the longest."""
    left = counters.left_of([waits.tally], now=now).get(waits.name, waits.limit.count)
    before = waits.limit.count - left
    return _seconds(before), _seconds(min(before + 1, waits.limit.count))


def _seconds(times: int) -> float:
    """Double the wait each time; a proxy would give up on what takes longer than the longest."""
    return float(min(2**times, _LONGEST_WAIT))


def _ask(user_id: str, rrn: str, account: str, password: str, *, world: World) -> _Claim:
    """Ask the core bank, for a stranger as many questions as for a customer: the time tells nothing."""
    found = world.corebank.find_customer(user_id=user_id, rrn=rrn)
    claimed = world.corebank.customer_of_user_id(user_id) or ""
    known = (found.owner or "") if found.ok else ""
    match = world.corebank.check_account(known, account=account, account_password=password)
    if known and match.ok:
        return _Claim(customer=known, claimed=known)
    owner, evidence = (match.owner, "account") if found.ok else (found.owner, "rrn")
    if not claimed or not owner or owner == claimed:
        return _Claim(claimed=claimed)
    return _Claim(claimed=claimed, offered_for=claimed, owners=(owner,), evidence=evidence)


def _tell_locked(customer_id: str, tally: Tally, *, acting: Acting, world: World) -> None:
    """Say whose user id was locked by wrong entries here, so that they hear of it and can lift it."""
    letters, now = Letters(gather([customer_id], world=world)), world.clock.now()
    with transaction.atomic():
        counters.name_customer(tally, customer_id)
        key = f"lock:{tally.factor}:{customer_id}:{day_of(now).isoformat()}:stop"
        letters.add(customer_id, "factor_locked", key, factor=tally.factor)
        letters.write(acting=acting, world=world)
        record_event(
            "factor:locked", acting=acting, subject=customer_id, at=now, factor=tally.factor,
            customer=customer_id,
        )  # fmt: skip


def _warn(claim: _Claim, *, acting: Acting, world: World) -> None:
    """Tell both persons whose data were mixed; once a day."""
    people = {claim.offered_for, *claim.owners} - {""}
    if not claim.evidence:
        return
    letters = Letters(gather(people, world=world))
    day = day_of(world.clock.now()).isoformat()
    told = foreign.warn_both(
        letters,
        claim.evidence,
        offered_for=claim.offered_for,
        owners=claim.owners,
        door=foreign.STOPPING,
        key=f"stop:{claim.offered_for}:{day}",
    )
    with transaction.atomic():
        letters.write(acting=acting, world=world)
        record_event(
            "evidence:foreign",
            acting=acting,
            subject=claim.offered_for,
            at=world.clock.now(),
            evidence=claim.evidence,
            customer=claim.offered_for,
            owners=list(claim.owners),
            told=list(told),
        )
