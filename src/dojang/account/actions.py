"""Stopping certificates at their holder's word: one, or everything at once; also for who lost phone and PIN.

A hold is quick and can be taken back by the bank, so little is asked for it; it is told to every channel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from dojang.account.browsers.actions import forget_browsers_of
from dojang.account.errors import StopRefusedError, StopStoppedError
from dojang.account.sessions.actions import end_sessions_of
from dojang.ca.errors import CertificateNotFoundError
from dojang.ca.queries import certificates_of
from dojang.ca.states import CertificateState
from dojang.guard import budgets, counters
from dojang.guard.counters import Tally
from dojang.issuing.actions import Held, revoke_certificate, suspend_certificate
from dojang.ports.writing import plain_account, plain_user_id
from dojang.ra.actions.holding import hold_everything

if TYPE_CHECKING:
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


def stop_everything(customer_id: str, *, acting: Acting, world: World) -> Held:
    """Hold every certificate and device of a customer, end every session; a repeat changes nothing.

    Every browser is new again: the next log-in is told, wherever it comes from.
    """
    held = hold_everything(customer_id, acting=acting, world=world)
    end_sessions_of(customer_id, reason="stopped", acting=acting, world=world)
    forget_browsers_of(customer_id)
    return held


def identify(
    *, user_id: str, rrn: str, account: str, account_password: str, acting: Acting, world: World
) -> str:
    """Find out who wants to stop everything, without a phone: user id, RRN, account and its password.

    Counted before anybody is asked, with the counters of the journeys. Every "no" is `StopRefusedError`;
    `StopStoppedError` when a counter is used up.
    """
    now, policy = world.clock.now(), world.policy
    digits = plain_account(account)
    limits = (
        ("identify", f"user_id:{plain_user_id(user_id).lower()}", policy.wrong_entries.identify),
        ("account_password", f"account:{digits}", policy.wrong_entries.account_password),
    )
    tallies = [Tally(factor=name, subject=who, limit=limit) for name, who, limit in limits]
    bounded = budgets.wrong_entries(policy, acting)
    # Counted for everybody together below, but not refused by that: who is robbed must be able to stop it.
    if budgets.SOURCE in budgets.spent_of(bounded, now=now):
        raise StopStoppedError
    with transaction.atomic():
        counted = counters.count_attempts(tallies, run_id="", now=now)
    if counted.refused is not None:
        raise StopStoppedError
    verdict, customer_id = "refund", ""
    try:
        found = world.corebank.find_customer(user_id=user_id, rrn=rrn)
        # A stranger is asked as many questions as a customer, so that the time tells nothing.
        known = (found.owner or "") if found.ok else ""
        match = world.corebank.check_account(known, account=digits, account_password=account_password)
        customer_id = known if match.ok else ""
        verdict = "reset" if customer_id else "wrong"
    finally:
        with transaction.atomic():
            verdicts = dict.fromkeys(counted.attempts, verdict)
            counters.judge_attempts(verdicts, locking=counted.attempts, now=world.clock.now())
            if verdict == "wrong":
                budgets.spend(bounded, now=now)
    if not customer_id:
        raise StopRefusedError
    return customer_id
