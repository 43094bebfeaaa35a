"""Using a certificate: with the PIN in the wallet, or by a signature made on a device.

Order, always: count the attempt → spend the challenge → sign → verify with live status → record the use and
open the session in one transaction. What is refused is recorded too, where the certificate is known.
"""

from __future__ import annotations

import secrets
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from django.db import transaction

from dojang.account import challenges, sessions
from dojang.account.errors import (
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
from dojang.account.uses import Pending, Visit, record_refused, record_use
from dojang.account.verifying import read_signed, verify_certificate, verify_use
from dojang.ca import queries as ca
from dojang.guard import counters
from dojang.guard.counters import Tally
from dojang.journeys.model import DAY
from dojang.pki.errors import DojangError
from dojang.wallet.devices.patterns import begin_challenge, verify_challenge
from dojang.wallet.devices.queries import device_key
from dojang.wallet.keys.actions import sign_with_pin
from dojang.wallet.keys.errors import (
    WalletHeldError,
    WalletKeyNotFoundError,
    WalletLockedError,
    WalletPinWrongError,
)
from dojang.wallet.keys.queries import usable_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dojang.ports.acting import Acting
    from dojang.ports.credentials import Biometric
    from dojang.ports.world import World
    from dojang.wallet.keys.models import WalletKey

LOGIN: Final = "login"
#: A refusal by user id takes at least this long (seconds), so that its time tells nothing either.
REFUSED_AFTER: Final = 0.4
#: What a stranger must not be able to tell apart. A held key is not even tried.
_WRONG: Final = (
    LoginRefusedError,
    WalletHeldError,
    WalletKeyNotFoundError,
    WalletLockedError,
    WalletPinWrongError,
)
#: Why a pattern was refused: the word in the record of uses, and the error. All else is an old challenge.
PATTERN_REFUSALS: Final[dict[str, tuple[str, type[DojangError]]]] = {
    "wrong": ("pattern_wrong", PatternWrongError),
    "locked": ("locked", PatternLockedError),
    "biometric_wrong": ("biometric_wrong", BiometricWrongError),
    "biometric_off": ("biometric_wrong", BiometricOffError),
    "blocked": ("held", CertificateHeldError),
}


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
    use = told_more(key, pin, purpose=LOGIN, visit=visit, acting=acting, world=world)
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
    use = told_more(key, pin, purpose=purpose, visit=visit, acting=acting, world=world)
    return _renew(session, use, acting=acting, world=world)


def told_more(
    key: WalletKey, pin: str, *, purpose: str, visit: Visit, acting: Acting, world: World
) -> Pending:
    """Use a key for somebody who may be told why it would not: the errors of `told`."""
    with told(key):
        return _use_pin(key, pin, purpose=purpose, visit=visit, acting=acting, world=world)


@contextmanager
def told(key: WalletKey) -> Iterator[None]:
    """Turn the wallet's refusals into `LoginPinWrongError`, `LoginLockedError`, `CertificateHeldError`."""
    try:
        yield
    except WalletPinWrongError as error:
        raise LoginPinWrongError(left=error.data["left"]) from error
    except WalletLockedError as error:
        raise LoginLockedError from error
    except WalletHeldError as error:
        raise CertificateHeldError(product=key.product) from error
    except WalletKeyNotFoundError as error:
        raise LoginRefusedError from error


def _use_pin(
    key: WalletKey, pin: str, *, purpose: str, visit: Visit, acting: Acting, world: World
) -> Pending:
    """Have the wallet sign a fresh challenge and verify the outcome; refusals are recorded."""
    view = ca.certificate_by_id(key.certificate_id) if key.certificate_id else None
    if view is None:
        raise WalletKeyNotFoundError(key=key.id)
    asked = challenges.ask(purpose, origin=visit.origin, world=world)
    spent = challenges.spend(asked.id, asked.secret, purpose=purpose, origin=visit.origin, world=world)
    pending = Pending(view, purpose, asked.id, visit)
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
        record_refused(pending, "pin_wrong", acting=acting, world=world)
        raise
    except WalletLockedError:
        record_refused(pending, "locked", acting=acting, world=world)
        raise
    except WalletHeldError:
        record_refused(pending, "held", acting=acting, world=world)
        raise
    except UseRefusedError as error:
        record_refused(pending, error.outcome, acting=acting, world=world)
        raise
    return pending


# --- by a signature made on a device ---------------------------------------------------------------------


def log_in_by_signature(
    challenge_id: str, secret: str, signed: bytes, *, visit: Visit, acting: Acting, world: World
) -> LoggedIn:
    """Log in with a joint certificate: `signed` is CMS SignedData over the challenge, made on the device."""
    use = _use_signature(challenge_id, secret, signed, purpose=LOGIN, visit=visit, acting=acting, world=world)
    return _enter(use, method=use.view.product, remember=False, visit=visit, acting=acting, world=world)


def prove_again_by_signature(
    session: sessions.SessionView,
    challenge_id: str,
    secret: str,
    signed: bytes,
    *,
    purpose: str,
    visit: Visit,
    acting: Acting,
    world: World,
) -> str:
    """Prove a joint certificate of the session's customer again; return the new token.

    Raises `ChallengeUnknownError` and `UseRefusedError`s; another customer's certificate is refused as
    `SignatureRefusedError`.
    """
    use = _use_signature(
        challenge_id, secret, signed, purpose=purpose, whose=session.customer_id,
        visit=visit, acting=acting, world=world,
    )  # fmt: skip
    return _renew(session, use, acting=acting, world=world)


def _use_signature(
    challenge_id: str,
    secret: str,
    signed: bytes,
    *,
    purpose: str,
    whose: str = "",
    visit: Visit,
    acting: Acting,
    world: World,
) -> Pending:
    spent = challenges.spend(challenge_id, secret, purpose=purpose, origin=visit.origin, world=world)
    view = read_signed(signed, bytes(spent.body))
    if view.product != "joint":  # a bank certificate counts with its pattern only, see below
        raise SignatureRefusedError
    pending = Pending(view, purpose, str(spent.id), visit)
    try:
        verify_certificate(view, world=world)
        if whose not in {"", view.customer_id}:
            raise SignatureRefusedError
    except UseRefusedError as error:
        record_refused(pending, error.outcome, acting=acting, world=world)
        raise
    return pending


# --- by pattern, on a registered device -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PatternAnswer:
    """What a registered device answers: a MAC by the pattern's proof key and a signature by its own.

    An `assertion` of finger or face may take the MAC's place.
    """

    challenge_id: str
    device_id: str
    signature: bytes
    mac: bytes = field(default=b"", repr=False)
    assertion: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class PatternQuestion:
    """What a registered device is asked: `challenge` is answered with the pattern's MAC, and signed.

    `biometric` is there when finger or face may answer in place of the pattern.
    """

    id: str
    challenge: bytes
    key_id: str
    biometric: Biometric | None = None


def ask_pattern(
    device_id: str, *, purpose: str = LOGIN, customer_id: str = "", visit: Visit, world: World
) -> PatternQuestion | None:
    """Make a question for the bank certificate on a device; None when there is no usable one.

    `customer_id`: whose it must be, if that is known.
    """
    key = device_key(device_id, "bank", customer_id=customer_id)
    if key is None:
        return None
    asked = begin_challenge(
        key.customer_id,
        device_id=device_id,
        purpose=_pattern_purpose(purpose, visit),
        key=f"{purpose}:{secrets.token_hex(16)}",
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
    answer = PatternAnswer(challenge_id, device_id, signature, mac, assertion)
    use = _use_pattern(answer, purpose=LOGIN, visit=visit, acting=acting, world=world)
    return _enter(
        use, method="bank", remember=False, device_id=device_id, visit=visit, acting=acting, world=world
    )


def prove_again_by_pattern(
    session: sessions.SessionView,
    answer: PatternAnswer,
    *,
    purpose: str,
    visit: Visit,
    acting: Acting,
    world: World,
) -> str:
    """Prove the bank certificate of the session's customer again; return the new token.

    Raises as `log_in_by_pattern`.
    """
    use = _use_pattern(
        answer, purpose=purpose, whose=session.customer_id, visit=visit, acting=acting, world=world
    )
    return _renew(session, use, acting=acting, world=world)


def _use_pattern(
    answer: PatternAnswer,
    *,
    purpose: str,
    whose: str = "",
    visit: Visit,
    acting: Acting,
    world: World,
) -> Pending:
    key = device_key(answer.device_id, "bank", customer_id=whose)
    view = ca.certificate_by_id(key.certificate_id) if key is not None and key.certificate_id else None
    if key is None or view is None:
        raise ChallengeUnknownError
    proof = verify_challenge(
        answer.challenge_id,
        mac=answer.mac,
        assertion=answer.assertion,
        signature=answer.signature,
        purpose=_pattern_purpose(purpose, visit),
        acting=acting,
        world=world,
    )
    if proof.owner not in {None, key.customer_id}:
        raise ChallengeUnknownError
    pending = Pending(view, purpose, str(uuid.uuid4()), visit)
    if not proof.ok:
        outcome, error = PATTERN_REFUSALS.get(proof.reason, ("", ChallengeUnknownError))
        if outcome:
            record_refused(pending, outcome, acting=acting, world=world)
        raise error
    try:
        verify_certificate(view, world=world)
    except UseRefusedError as refused:
        record_refused(pending, refused.outcome, acting=acting, world=world)
        raise
    return pending


def _pattern_purpose(purpose: str, visit: Visit) -> str:
    return f"{purpose}|{visit.origin}"[:200]


# --- what all have in common -----------------------------------------------------------------------------


def _renew(session: sessions.SessionView, use: Pending, *, acting: Acting, world: World) -> str:
    with transaction.atomic():
        record_use(use, "accepted", acting=acting, world=world)
        return sessions.renew_token(session.id, world=world)


def _enter(
    use: Pending,
    *,
    method: str,
    remember: bool,
    device_id: str = "",
    visit: Visit,
    acting: Acting,
    world: World,
) -> LoggedIn:
    customer_id = use.view.customer_id
    with transaction.atomic():
        record_use(use, "accepted", acting=acting, world=world)
        session = sessions.open_session(
            customer_id,
            use.view.id,
            method=method,
            agent=visit.agent,
            device_id=device_id,
            acting=acting,
            world=world,
        )
        browser = sessions.remember_browser(customer_id, agent=visit.agent, world=world) if remember else ""
    return LoggedIn(customer_id=customer_id, session=session, browser=browser)


def _count(user_id: str, *, acting: Acting, world: World) -> int:
    """Count an entry by user id before anybody is asked; return the attempt. Existing or not is the same."""
    now, policy = world.clock.now(), world.policy
    spent = bool(acting.source) and counters.is_budget_spent(
        "source", acting.source, policy.source_errors, now=now
    )
    if spent or counters.is_budget_spent("everybody", "", policy.everybody_errors, now=now):
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
            counters.spend_budget("everybody", "", policy.everybody_errors, now=now)
