"""Log-in, step-up and another secret: each once, for every product.

Order, always: count the attempt → spend the challenge → verify with live status → record the use and what
follows from it in one transaction. What is refused is recorded too, where the certificate is known.
"""

from __future__ import annotations

import math
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from django.db import transaction

from dojang.account.browsers import actions as browsers
from dojang.account.browsers.queries import is_connected, known_customer
from dojang.account.errors import (
    BrowserUnknownError,
    CertificateHeldError,
    LoginLockedError,
    LoginPinWrongError,
    LoginRefusedError,
    LoginStoppedError,
    LoginTooSoonError,
    UseRefusedError,
)
from dojang.account.proving import password, pattern, pin
from dojang.account.proving.values import LOGIN, LoggedIn
from dojang.account.sessions import actions as sessions
from dojang.account.verifying import verify_certificate
from dojang.audit.actions import tell_brakes
from dojang.guard import budgets, counters
from dojang.guard.brakes import spend_wrong
from dojang.guard.counters import Tally
from dojang.notices.letters import Letters, gather
from dojang.pki.errors import DojangError
from dojang.ports.limits import REFUSED_AFTER
from dojang.wallet.keys.errors import (
    WalletHeldError,
    WalletKeyNotFoundError,
    WalletLockedError,
    WalletPinWrongError,
)
from dojang.wallet.uses.actions import UnrecordedUse, record_refused, record_use

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from dojang.account.proving.values import Answer, ProofQuestion, Unlock
    from dojang.account.sessions.access import SessionView
    from dojang.journeys import product as products
    from dojang.journeys.product import Product
    from dojang.ports.acting import Acting
    from dojang.ports.world import World

_UNLOCKS: Final[Mapping[products.Unlock, Unlock]] = {"pin": pin, "password": password, "pattern": pattern}
#: What a stranger must not be able to tell apart. A held key is not even tried.
_WRONG: Final = (
    LoginRefusedError,
    WalletHeldError,
    WalletKeyNotFoundError,
    WalletLockedError,
    WalletPinWrongError,
)


#: How much later than its visitor sent it an entry may be counted (seconds): who waited is never too soon.
_ON_ITS_WAY: Final = 0.1

# --- log-in and step-up ----------------------------------------------------------------------------------


def ask(
    product: Product, *, purpose: str = LOGIN, customer_id: str = "", acting: Acting, world: World
) -> ProofQuestion | None:
    """Ask for a certificate of a product; None when there is no usable one here.

    `customer_id`: whose it must be, if that is known.
    """
    return _UNLOCKS[product.unlock].ask(product, purpose, customer_id=customer_id, acting=acting, world=world)


def log_in(product: Product, answer: Answer, *, acting: Acting, world: World) -> LoggedIn:
    """Log in with a certificate that names its customer: its key is on the device.

    Raises what `password.prove` and `pattern.prove` raise; `LoginRefusedError` for a key in the wallet.
    """
    use = _prove(product, answer, purpose=LOGIN, customer_id="", acting=acting, world=world)
    return _enter(product, use, acting=acting, world=world)


def log_in_by_id(
    product: Product,
    user_id: str,
    answer: Answer,
    *,
    browser: str,
    remember: bool,
    acting: Acting,
    world: World,
) -> LoggedIn:
    """Log in with the certificate of a user id, in a browser connected with its customer (by its token).

    In any other the PIN is not looked at and nothing is counted against anybody: `BrowserUnknownError`,
    whether there is such a user id or not. Every "no" before the PIN was right is `LoginRefusedError`; after
    five a day `LoginStoppedError`. With the right PIN, a `UseRefusedError` says more. How long a "no" takes
    tells a stranger something; the door that answers him has to hide it.
    """
    customer_id = _connected(user_id, browser, world=world)
    attempt = _count(user_id, world=world)
    try:
        use = _UNLOCKS[product.unlock].prove(
            product, answer, purpose=LOGIN, customer_id=customer_id, acting=acting, world=world
        )
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
    return _enter(product, use, remember=remember, acting=acting, world=world)


def log_in_by_browser(
    product: Product, browser: str, answer: Answer, *, acting: Acting, world: World
) -> LoggedIn:
    """Log in with the certificate of the customer this browser remembers.

    Such a browser may be told more: `LoginPinWrongError` (data ``left``), `LoginLockedError`.
    """
    customer_id = known_customer(browser)
    if customer_id is None:
        raise LoginRefusedError
    use = _prove(product, answer, purpose=LOGIN, customer_id=customer_id, acting=acting, world=world)
    browsers.note_visit(browser, world=world)
    return _enter(product, use, acting=acting, world=world)


def prove_again(
    session: SessionView, product: Product, answer: Answer, *, purpose: str, acting: Acting, world: World
) -> str:
    """Prove a certificate of the session's customer again, before something that cannot be undone.

    Returns the session's new token. Raises as `log_in` and `log_in_by_browser`.
    """
    whose = session.customer_id
    use = _prove(product, answer, purpose=purpose, customer_id=whose, acting=acting, world=world)
    with transaction.atomic():
        record_use(use, "accepted", acting=acting, world=world)
        return sessions.renew_token(session.id, world=world)


def _prove(
    product: Product, answer: Answer, *, purpose: str, customer_id: str, acting: Acting, world: World
) -> UnrecordedUse:
    """Prove a certificate to somebody who may be told why not."""
    with _told(product):
        return _UNLOCKS[product.unlock].prove(
            product, answer, purpose=purpose, customer_id=customer_id, acting=acting, world=world
        )


@contextmanager
def _told(product: Product) -> Iterator[None]:
    """Turn the wallet's refusals into `LoginPinWrongError`, `LoginLockedError`, `CertificateHeldError`."""
    try:
        yield
    except WalletPinWrongError as error:
        raise LoginPinWrongError(left=error.data["left"]) from error
    except WalletLockedError as error:
        raise LoginLockedError from error
    except WalletHeldError as error:
        raise CertificateHeldError(product=product.id) from error
    except WalletKeyNotFoundError as error:
        raise LoginRefusedError from error


def _enter(
    product: Product, use: UnrecordedUse, *, remember: bool = False, acting: Acting, world: World
) -> LoggedIn:
    customer_id = use.view.customer_id
    with transaction.atomic():
        record_use(use, "accepted", acting=acting, world=world)
        session = sessions.open_session(
            customer_id,
            use.view.id,
            method=product.id,
            device_id=acting.device if product.biometric else "",
            acting=acting,
            world=world,
        )
        browser = browsers.remember_browser(customer_id, agent=acting.agent, world=world) if remember else ""
    return LoggedIn(customer_id=customer_id, product=product, session=session, browser=browser)


def _connected(user_id: str, browser: str, *, world: World) -> str:
    """Return the customer behind a user id with whom this browser is connected.

    No brake stands here: who comes this far is known to the customer, and nobody else's entry is tried.
    """
    customer_id = world.corebank.customer_of_user_id(user_id) or ""
    if not is_connected(browser, customer_id, now=world.clock.now()):
        raise BrowserUnknownError
    return customer_id


def _count(user_id: str, *, world: World) -> int:
    """Count an entry by user id before the PIN is tried; return the attempt."""
    now, policy = world.clock.now(), world.policy
    tally = Tally(factor=LOGIN, subject=f"user_id:{user_id.lower()}", limit=policy.wrong_entries.login)
    _refuse_too_soon(tally, now=now)
    with transaction.atomic():
        counted = counters.count_attempts([tally], run_id="", now=now)
    if counted.refused is not None:
        raise LoginStoppedError
    return counted.attempts[0]


def _refuse_too_soon(tally: Tally, *, now: datetime) -> None:
    """Keep to the delay of the last "no", by time: whoever does not wait for it is not counted, and waits."""
    last = counters.last_wrong(tally)
    left = 0.0 if last is None else REFUSED_AFTER - _ON_ITS_WAY - (now - last).total_seconds()
    if 0 < left <= REFUSED_AFTER:
        raise LoginTooSoonError(wait=math.ceil(left))


def _judge(attempt: int, verdict: str, *, acting: Acting, world: World) -> None:
    now = world.clock.now()
    with transaction.atomic():
        counters.judge_attempts({attempt: verdict}, locking=[attempt], now=now)
        if verdict == "wrong":
            bounded = budgets.wrong_entries(world.policy, acting)
            tell_brakes(spend_wrong(bounded, acting=acting, now=now), acting=acting, at=now)


# --- another secret --------------------------------------------------------------------------------------


def change_purpose(product: Product) -> str:
    """Name what the old secret is asked for."""
    return f"change_{product.unlock}"


def change_secret(
    product: Product,
    answer: Answer,
    new: str | bytes,
    *,
    session: SessionView | None = None,
    acting: Acting,
    world: World,
) -> str:
    """Put a certificate under another PIN or pattern; the old one is proven first, counted like any use.

    `new`: a PIN, or the proof key (32 bytes) another pattern makes. The rules come first, and nothing is
    tried for a PIN that breaks them (`NewPinRefusedError`, data ``rule``) or is the old one
    (`PinReusedError`). With a `session` its new token is returned, and those elsewhere end. The change, the
    use, the notices and the event are one transaction. Otherwise raises as `prove_again`.
    """
    unlock, token = _UNLOCKS[product.unlock], ""
    customer_id = session.customer_id if session else ""
    key_id, view = unlock.find(product, customer_id=customer_id, acting=acting)
    unlock.refuse_weak(view.customer_id, new, world=world)
    use = UnrecordedUse(view, change_purpose(product), str(uuid.uuid4()))
    try:
        verify_certificate(view, world=world)
    except UseRefusedError as error:
        record_refused(use, error.outcome, acting=acting, world=world)
        raise
    letters = Letters(gather([view.customer_id], world=world))

    def within() -> None:
        nonlocal token
        record_use(use, "accepted", acting=acting, world=world)
        told = f"{product.unlock}_changed"
        if session is not None:
            token = sessions.renew_token(session.id, world=world)
            sessions.end_sessions_of(
                view.customer_id, reason=told, keep=session.id, forget=False, acting=acting, world=world
            )
        letters.add(view.customer_id, told, use.challenge_id, product=product.id, serial=view.serial[-8:])
        letters.write(acting=acting, world=world)

    with _told(product):
        unlock.change(key_id, use, answer, new, within=within, acting=acting, world=world)
    return token
