"""Using a certificate: with the PIN in the wallet, or by a signature made on a device.

Order, always: count the attempt → spend the challenge → sign → verify with live status → record the use and
open the session in one transaction. What is refused is recorded too, where the certificate is known.
"""

from __future__ import annotations

import secrets
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from django.db import transaction

from dojang.audit.actions import record_event
from dojang.ca import queries as ca
from dojang.journeys.model import DAY
from dojang.pki.errors import DojangError
from dojang.ra import counters
from dojang.ra.counters import Tally
from dojang.rp import challenges, sessions
from dojang.rp.errors import (
    BiometricOffError,
    BiometricWrongError,
    CertificateHeldError,
    ChallengeUnknownError,
    LoginLockedError,
    LoginPausedError,
    LoginPinWrongError,
    LoginRefusedError,
    LoginStoppedError,
    PatternLockedError,
    PatternWrongError,
    SignatureRefusedError,
    UseRefusedError,
)
from dojang.rp.models import Use
from dojang.rp.verifying import read_signed, verify_certificate, verify_use
from dojang.wallet.actions import sign_with_pin
from dojang.wallet.errors import (
    WalletHeldError,
    WalletKeyNotFoundError,
    WalletLockedError,
    WalletPinWrongError,
)
from dojang.wallet.models import DeviceKey
from dojang.wallet.patterns import begin_challenge, verify_challenge
from dojang.wallet.queries import usable_key

if TYPE_CHECKING:
    from dojang.ca.queries import CertificateView
    from dojang.ports.acting import Acting
    from dojang.ports.credentials import Biometric
    from dojang.ports.world import World
    from dojang.wallet.models import WalletKey

LOGIN: Final = "login"
#: A refusal by user id takes at least this long (seconds), so that its time tells nothing either.
REFUSED_AFTER: Final = 0.4
_BUDGET: Final = 50  #: wrong entries of everybody together, in budgets of one source
#: What a stranger must not be able to tell apart. A held key is not even tried.
_WRONG: Final = (
    LoginRefusedError,
    WalletHeldError,
    WalletKeyNotFoundError,
    WalletLockedError,
    WalletPinWrongError,
)
#: Why a pattern was refused: the word in the record of uses, and the error. All else is an old challenge.
_PATTERN_REFUSALS: Final[dict[str, tuple[str, type[DojangError]]]] = {
    "wrong": ("pattern_wrong", PatternWrongError),
    "locked": ("locked", PatternLockedError),
    "biometric_wrong": ("biometric_wrong", BiometricWrongError),
    "biometric_off": ("biometric_wrong", BiometricOffError),
    "blocked": ("held", CertificateHeldError),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Where a certificate is used from: the origin of the page, and the browser in a few words."""

    origin: str
    agent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedIn:
    """A session that began: tokens go into cookies and are kept nowhere."""

    customer_id: str
    session: str = field(repr=False)
    browser: str = field(default="", repr=False)


# --- by PIN ----------------------------------------------------------------------------------------------


def log_in_by_id(
    user_id: str, pin: str, *, remember: bool, visit: Visit, acting: Acting, world: World
) -> LoggedIn:
    """Log in with the financial certificate of a user id.

    Every "no" before the PIN was right is `LoginRefusedError`, and takes the same time; after five a day for
    one user id, existing or not, `LoginStoppedError`. With the right PIN, a `UseRefusedError` says more.
    """
    began = time.monotonic()  # a length of time, not a moment
    try:
        attempt = _count(user_id, acting=acting, world=world)
        try:
            customer_id = world.corebank.customer_of_user_id(user_id) or ""
            key = usable_key(customer_id, "financial") if customer_id else None
            if key is None:
                raise LoginRefusedError
            use = _use_pin(key, pin, purpose=LOGIN, visit=visit, acting=acting, world=world)
        except _WRONG as error:
            _judge(attempt, "wrong", acting=acting, world=world)
            raise LoginRefusedError from error
        except UseRefusedError:
            _judge(attempt, "reset", acting=acting, world=world)
            raise
        except DojangError:
            _judge(attempt, "refund", acting=acting, world=world)
            raise
        _judge(attempt, "reset", acting=acting, world=world)
    except DojangError:
        time.sleep(max(0.0, REFUSED_AFTER - (time.monotonic() - began)))
        raise
    return _enter(use, method="financial", remember=remember, visit=visit, acting=acting, world=world)


def log_in_by_browser(browser: str, pin: str, *, visit: Visit, acting: Acting, world: World) -> LoggedIn:
    """Log in with the financial certificate of the customer this browser remembers.

    Such a browser may be told more: `LoginPinWrongError` (data ``left``), `LoginLockedError`.
    """
    customer_id = sessions.known_customer(browser)
    key = usable_key(customer_id, "financial") if customer_id else None
    if key is None:
        raise LoginRefusedError
    use = _told_more(key, pin, purpose=LOGIN, visit=visit, acting=acting, world=world)
    sessions.note_visit(browser, world=world)
    return _enter(use, method="financial", remember=False, visit=visit, acting=acting, world=world)


def prove_again(
    session: sessions.SessionView, pin: str, *, purpose: str, visit: Visit, acting: Acting, world: World
) -> str:
    """Prove the financial certificate again before something that cannot be undone; return the new token.

    Raises `LoginPinWrongError`, `LoginLockedError`, a `UseRefusedError`; `LoginRefusedError` without a key.
    """
    key = usable_key(session.customer_id, "financial")
    if key is None:
        raise LoginRefusedError
    use = _told_more(key, pin, purpose=purpose, visit=visit, acting=acting, world=world)
    with transaction.atomic():
        _record(use, "accepted", acting=acting, world=world)
        return sessions.renew_token(session.id, world=world)


def _told_more(
    key: WalletKey, pin: str, *, purpose: str, visit: Visit, acting: Acting, world: World
) -> _Pending:
    try:
        return _use_pin(key, pin, purpose=purpose, visit=visit, acting=acting, world=world)
    except WalletPinWrongError as error:
        raise LoginPinWrongError(left=error.data["left"]) from error
    except WalletLockedError as error:
        raise LoginLockedError from error
    except WalletHeldError as error:
        raise CertificateHeldError(product=key.product) from error
    except WalletKeyNotFoundError as error:
        raise LoginRefusedError from error


@dataclass(frozen=True, slots=True)
class _Pending:
    """A use that verified and is still to be recorded."""

    view: CertificateView
    purpose: str
    challenge_id: str
    visit: Visit


def _use_pin(
    key: WalletKey, pin: str, *, purpose: str, visit: Visit, acting: Acting, world: World
) -> _Pending:
    """Have the wallet sign a fresh challenge and verify the outcome; refusals are recorded."""
    view = ca.certificate_by_id(key.certificate_id) if key.certificate_id else None
    if view is None:
        raise WalletKeyNotFoundError(key=key.id)
    asked = challenges.ask(purpose, origin=visit.origin, world=world)
    spent = challenges.spend(asked.id, asked.secret, purpose=purpose, origin=visit.origin, world=world)
    pending = _Pending(view, purpose, asked.id, visit)
    try:
        signature = sign_with_pin(
            customer_id=key.customer_id,
            key_id=key.id,
            pin=pin,
            digest=challenges.sha256(bytes(spent.body)),
            purpose=f"{purpose}:{asked.id}",
            acting=acting,
            world=world,
        )
        verify_use(view, bytes(spent.body), signature, world=world)
    except WalletPinWrongError:
        _record_refused(pending, "pin_wrong", acting=acting, world=world)
        raise
    except WalletLockedError:
        _record_refused(pending, "locked", acting=acting, world=world)
        raise
    except WalletHeldError:
        _record_refused(pending, "held", acting=acting, world=world)
        raise
    except UseRefusedError as error:
        _record_refused(pending, error.outcome, acting=acting, world=world)
        raise
    return pending


# --- by a signature made on a device ---------------------------------------------------------------------


def log_in_by_signature(
    challenge_id: str, secret: str, signed: bytes, *, visit: Visit, acting: Acting, world: World
) -> LoggedIn:
    """Log in with a joint certificate: `signed` is CMS SignedData over the challenge, made on the device."""
    spent = challenges.spend(challenge_id, secret, purpose=LOGIN, origin=visit.origin, world=world)
    view = read_signed(signed, bytes(spent.body))
    if view.product != "joint":  # a bank certificate counts with its pattern only, see below
        raise SignatureRefusedError
    pending = _Pending(view, LOGIN, str(spent.id), visit)
    try:
        verify_certificate(view, world=world)
    except UseRefusedError as error:
        _record_refused(pending, error.outcome, acting=acting, world=world)
        raise
    return _enter(pending, method=view.product, remember=False, visit=visit, acting=acting, world=world)


# --- by pattern, on a registered device -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PatternQuestion:
    """What a registered device is asked: `challenge` is answered with the pattern's MAC, and signed.

    `biometric` is there when finger or face may answer in place of the pattern.
    """

    id: str
    challenge: bytes
    key_id: str
    biometric: Biometric | None = None


def ask_pattern(device_id: str, *, visit: Visit, world: World) -> PatternQuestion | None:
    """Make a question for the bank certificate on a device; None when there is no usable one."""
    key = _pattern_key(device_id)
    if key is None:
        return None
    asked = begin_challenge(
        key.customer_id,
        device_id=device_id,
        purpose=_pattern_purpose(visit),
        key=f"login:{secrets.token_hex(16)}",
        world=world,
    )
    if asked is None:
        return None
    return PatternQuestion(asked.id, asked.challenge, asked.key_id, asked.biometric)


def log_in_by_pattern(
    challenge_id: str,
    *,
    device_id: str,
    signature: bytes,
    mac: bytes = b"",
    assertion: bytes = b"",
    visit: Visit,
    acting: Acting,
    world: World,
) -> LoggedIn:
    """Log in with the bank certificate of a registered device.

    By pattern (`mac`), or by finger or face (`assertion`). Raises `BiometricWrongError`, `BiometricOffError`,
    `PatternWrongError`, `PatternLockedError`, `ChallengeUnknownError`, a `UseRefusedError`.
    """
    key = _pattern_key(device_id)
    view = ca.certificate_by_id(key.certificate_id) if key is not None and key.certificate_id else None
    if key is None or view is None:
        raise ChallengeUnknownError
    proof = verify_challenge(
        challenge_id,
        mac=mac,
        assertion=assertion,
        signature=signature,
        purpose=_pattern_purpose(visit),
        acting=acting,
        world=world,
    )
    if proof.owner not in {None, key.customer_id}:
        raise ChallengeUnknownError
    pending = _Pending(view, LOGIN, str(uuid.uuid4()), visit)
    if not proof.ok:
        outcome, error = _PATTERN_REFUSALS.get(proof.reason, ("", ChallengeUnknownError))
        if outcome:
            _record_refused(pending, outcome, acting=acting, world=world)
        raise error
    try:
        verify_certificate(view, world=world)
    except UseRefusedError as refused:
        _record_refused(pending, refused.outcome, acting=acting, world=world)
        raise
    return _enter(pending, method="bank", remember=False, visit=visit, acting=acting, world=world)


def _pattern_key(device_id: str) -> DeviceKey | None:
    rows = DeviceKey.objects.filter(
        device__device_id=device_id, product="bank", certificate__isnull=False
    ).exclude(state=DeviceKey.State.RETIRED)
    return rows.order_by("-created_at").first()


def _pattern_purpose(visit: Visit) -> str:
    return f"{LOGIN}|{visit.origin}"[:200]


# --- what all have in common -----------------------------------------------------------------------------


def _enter(
    use: _Pending, *, method: str, remember: bool, visit: Visit, acting: Acting, world: World
) -> LoggedIn:
    customer_id = use.view.customer_id
    with transaction.atomic():
        _record(use, "accepted", acting=acting, world=world)
        session = sessions.open_session(
            customer_id, use.view.id, method=method, agent=visit.agent, acting=acting, world=world
        )
        browser = sessions.remember_browser(customer_id, agent=visit.agent, world=world) if remember else ""
    return LoggedIn(customer_id=customer_id, session=session, browser=browser)


def _record(use: _Pending, outcome: str, *, acting: Acting, world: World) -> None:
    """Write one use down, inside the caller's transaction."""
    Use.objects.create(
        customer_id=use.view.customer_id,
        certificate_id=use.view.id,
        purpose=use.purpose,
        outcome=outcome,
        origin=use.visit.origin[:200],
        channel=acting.channel,
        source=acting.source[:45],
        agent=use.visit.agent[:80],
        challenge_id=use.challenge_id,
        at=world.clock.now(),
    )
    record_event(
        "certificate:used" if outcome == "accepted" else "certificate:use_refused",
        acting=acting,
        subject=use.view.serial,
        purpose=use.purpose,
        outcome=outcome,
        challenge=use.challenge_id,
    )


def _record_refused(use: _Pending, outcome: str, *, acting: Acting, world: World) -> None:
    with transaction.atomic():
        _record(use, outcome, acting=acting, world=world)


def _count(user_id: str, *, acting: Acting, world: World) -> int:
    """Count an entry by user id before anybody is asked; return the attempt. Existing or not is the same."""
    now, policy = world.clock.now(), world.policy
    spent = bool(acting.source) and counters.is_budget_spent(
        "source", acting.source, policy.source_errors, now=now
    )
    if spent or counters.is_budget_spent("everybody", "", policy.source_errors * _BUDGET, now=now):
        raise LoginPausedError
    tally = Tally(factor=LOGIN, subject=f"user_id:{user_id.lower()}", limit=policy.pin_errors, window=DAY)
    with transaction.atomic():
        counted = counters.count_attempts([tally], run_id="", now=now)
    if counted.refused is not None:
        raise LoginStoppedError
    return counted.attempts[0]


def _judge(attempt: int, verdict: str, *, acting: Acting, world: World) -> None:
    now, policy = world.clock.now(), world.policy
    with transaction.atomic():
        counters.judge_attempts({attempt: verdict}, locking=[attempt], now=now)
        if verdict == "wrong":
            if acting.source:
                counters.spend_budget("source", acting.source, policy.source_errors, now=now)
            counters.spend_budget("everybody", "", policy.source_errors * _BUDGET, now=now)
