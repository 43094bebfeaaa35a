"""Every change of a wallet key. A PIN goes straight to the signer and is kept nowhere on the way."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db import connection, transaction

from dojang.audit.actions import record_event
from dojang.ca.states import CertificateState
from dojang.guard.counters import Tally, count_attempts, judge_attempts
from dojang.pki.errors import MalformedError
from dojang.ports.signer_errors import (
    AuthorisationUsedError,
    ClockError,
    KeyConflictError,
    KeyRetiredError,
    KeyUnknownError,
    PinLockedError,
    PinReusedError,
    PinWrongError,
    SealedMismatchError,
    SignerBusyError,
    SignerError,
    SignerHaltedError,
)
from dojang.ports.writing import plain_digits
from dojang.wallet.keys.errors import (
    WalletHeldError,
    WalletKeyMismatchError,
    WalletKeyMovedError,
    WalletKeyNotFoundError,
    WalletLockedError,
    WalletPinWrongError,
)
from dojang.wallet.keys.models import WalletKey
from dojang.wallet.keys.queries import usable_key
from dojang.wallet.prepared import PreparedKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db import models

    from dojang.ca.models import Certificate
    from dojang.ports.acting import Acting
    from dojang.ports.world import World

#: Refusals that tell nothing about the PIN: the attempt is given back.
_UNTRIED: Final = (
    SignerBusyError,
    SignerHaltedError,
    SealedMismatchError,
    AuthorisationUsedError,
    KeyRetiredError,
    KeyUnknownError,
    KeyConflictError,
    ClockError,
    MalformedError,
    PinReusedError,
)
_USABLE: Final = (WalletKey.State.LIVE, WalletKey.State.LOCKED)
#: The counter of wrong PINs; its subject is the key.
PIN: Final = "wallet_pin"


@dataclass(frozen=True, slots=True)
class _Tried:
    """A counted try of a PIN: the key as it stood, and how many tries are left if this one is wrong."""

    key: WalletKey
    attempt: int
    left: int


def prepare_key(
    *, key_id: str, customer_id: str, product: str, run_id: str, pin: str, acting: Acting, world: World
) -> PreparedKey:
    """Have the signer make a key gated by `pin`, and keep it; idempotent by `key_id`.

    The identification number is fetched, passed on and forgotten. Raises `PinReusedError` when the PIN is
    the one of the key being replaced.
    """
    known = WalletKey.objects.filter(id=key_id, customer_id=customer_id).first()
    if known is not None:
        return _prepared(known)
    before = usable_key(customer_id, product)
    offer = world.signer.create_wallet_key(
        key_id=key_id,
        customer_id=customer_id,
        pin=pin,
        idn=plain_digits(world.corebank.idn(customer_id)),
        previous=None if before is None else (before.id, bytes(before.sealed)),
    )
    with transaction.atomic():
        return keep_prepared(
            key_id=key_id,
            customer_id=customer_id,
            product=product,
            run_id=run_id,
            public_key=offer.public_key,
            vid=offer.vid,
            sealed=offer.sealed,
            acting=acting,
            world=world,
        )


def keep_prepared(
    *,
    key_id: str,
    customer_id: str,
    product: str,
    run_id: str,
    public_key: bytes,
    vid: bytes,
    sealed: bytes,
    acting: Acting,
    world: World,
) -> PreparedKey:
    """Keep a key the signer made for a run; keys the run prepared before go. Inside a transaction."""
    WalletKey.objects.bulk_create(
        [
            WalletKey(
                id=key_id,
                customer_id=customer_id,
                product=product,
                run_id=run_id,
                public_key=public_key,
                vid=vid,
                sealed=sealed,
                created_at=world.clock.now(),
            )
        ],
        ignore_conflicts=True,
    )
    discard_prepared(run_id, keep=key_id, acting=acting, world=world)
    now = world.clock.now()
    record_event("wallet_key:prepared", acting=acting, subject=customer_id, at=now, key=key_id, run=run_id)
    return PreparedKey(key_id, public_key, vid)


def _prepared(row: WalletKey) -> PreparedKey:
    return PreparedKey(row.id, bytes(row.public_key), bytes(row.vid))


def prepared_key(*, key_id: str, customer_id: str) -> PreparedKey:
    """Return a prepared (or already accepted) key. Raises `WalletKeyNotFoundError`."""
    row = WalletKey.objects.filter(id=key_id, customer_id=customer_id).first()
    if row is None or row.state == WalletKey.State.RETIRED:
        raise WalletKeyNotFoundError(key=key_id)
    return _prepared(row)


def accept_certificate(key_id: str, certificate: Certificate, *, acting: Acting, world: World) -> None:
    """Put a certificate into the wallet: its key becomes the live one, the key before it is retired.

    Must run inside the transaction that makes the certificate active, so that both change or neither.
    The signer is told about the retired key afterwards, by `tell_signer`.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("a certificate is accepted in the transaction that makes it active")
    key = WalletKey.objects.select_for_update().filter(id=key_id).first()
    if key is None or key.state == WalletKey.State.RETIRED:
        raise WalletKeyNotFoundError(key=key_id)
    if key.certificate_id == certificate.pk:
        return
    if key.state != WalletKey.State.PREPARED or key.customer_id != certificate.customer_id:
        raise WalletKeyMismatchError(key=key_id)
    _retire(
        WalletKey.objects.filter(customer_id=key.customer_id, product=key.product, state__in=_USABLE),
        acting=acting,
        world=world,
    )
    key.state, key.certificate = WalletKey.State.LIVE, certificate
    key.save(update_fields=["state", "certificate"])
    record_event(
        "wallet_key:live",
        acting=acting,
        subject=key.customer_id,
        at=world.clock.now(),
        key=key.id,
        certificate=str(certificate.pk),
    )


def retire_keys_of(certificate: Certificate, *, acting: Acting, world: World) -> int:
    """Retire the key a certificate was put under, with the certificate's end. Inside a transaction."""
    rows = WalletKey.objects.filter(certificate_id=certificate.pk).exclude(state=WalletKey.State.RETIRED)
    return _retire(rows, acting=acting, world=world)


def discard_prepared(run_id: str, *, keep: str = "", acting: Acting, world: World) -> int:
    """Retire keys a run prepared and did not (or will not) use, except `keep`. Inside a transaction."""
    rows = WalletKey.objects.filter(run_id=run_id, state=WalletKey.State.PREPARED).exclude(id=keep)
    return _retire(rows, acting=acting, world=world)


def _retire(rows: models.QuerySet[WalletKey], *, acting: Acting, world: World) -> int:
    count = 0
    for key in rows.select_for_update().order_by("id"):
        key.state, key.retired_at, key.sealed = WalletKey.State.RETIRED, world.clock.now(), b""
        key.save(update_fields=["state", "retired_at", "sealed"])
        record_event("wallet_key:retired", acting=acting, subject=key.customer_id, key=key.id)
        count += 1
    return count


def tell_signer(*, world: World, key_id: str | None = None, limit: int = 200) -> int:
    """Tell the signer about retired keys it does not know of yet; return how many. Outside a transaction."""
    rows = WalletKey.objects.filter(state=WalletKey.State.RETIRED, signer_told=False)
    if key_id is not None:
        rows = rows.filter(id=key_id)
    told = 0
    for row in rows.order_by("retired_at")[:limit]:
        world.signer.retire_wallet_key(key_id=row.id)
        WalletKey.objects.filter(id=row.id).update(signer_told=True)
        told += 1
    return told


def sign_with_pin(
    *, customer_id: str, key_id: str, pin: str, digest: bytes, purpose: str, acting: Acting, world: World
) -> bytes:
    """Sign a SHA-256 digest with a customer's key.

    The counter moves and is committed before the PIN is tried; `wrong_entries.pin` wrong ones lock the key.
    Raises `WalletPinWrongError` (data ``left``), `WalletLockedError`, `WalletKeyNotFoundError`, and
    `WalletHeldError` while the certificate is suspended: the PIN is not tried then.
    """
    tried = _count_attempt(customer_id, key_id, acting=acting, world=world)

    def sign() -> bytes:
        return world.signer.sign_with_wallet(
            key_id=key_id, sealed=bytes(tried.key.sealed), pin=pin, digest=digest, purpose=purpose
        )

    signature = _try_pin(tried, sign, acting=acting, world=world)
    with transaction.atomic():
        _forgive(tried, world=world)
        record_event("wallet_key:used", acting=acting, subject=customer_id, key=key_id, purpose=purpose)
    return signature


def change_pin(
    *,
    customer_id: str,
    key_id: str,
    pin: str,
    new_pin: str,
    within: Callable[[], None] | None = None,
    acting: Acting,
    world: World,
) -> None:
    """Put a customer's key under another PIN.

    Counted and refused as `sign_with_pin`; `PinReusedError` for the same PIN again, without a try. The new
    sealed part, the event and whatever `within` writes are one transaction: before it the old PIN is the one
    that works, after it the new one. `WalletKeyMovedError` when somebody else changed it meanwhile.
    """
    tried = _count_attempt(customer_id, key_id, acting=acting, world=world)
    before = bytes(tried.key.sealed)

    def change() -> bytes:
        return world.signer.change_wallet_pin(key_id=key_id, sealed=before, pin=pin, new_pin=new_pin)

    try:
        sealed = _try_pin(tried, change, acting=acting, world=world)
    except SealedMismatchError as error:
        if WalletKey.objects.filter(id=key_id, sealed=before).exists():
            raise
        raise WalletKeyMovedError(key=key_id) from error
    with transaction.atomic():
        row = WalletKey.objects.select_for_update().get(id=key_id)
        _forgive(tried, world=world)
        moved = row.state != WalletKey.State.LIVE or bytes(row.sealed) != before
        if not moved:
            row.sealed = sealed
            row.save(update_fields=["sealed"])
            record_event("wallet_key:pin_changed", acting=acting, subject=customer_id, key=key_id)
            if within is not None:
                within()
    if moved:
        raise WalletKeyMovedError(key=key_id)
    # What opens the part before is destroyed now, or with the first use of the new one.
    with contextlib.suppress(SignerError):
        world.signer.settle_wallet_pin(key_id=key_id, sealed=sealed)


# A try's locks are always taken in this order: the key's row, its counter, the audit chain.


def _tally(key: WalletKey, *, world: World) -> Tally:
    return Tally(factor=PIN, subject=f"key:{key.id}", limit=world.policy.wrong_entries.pin)


def _count_attempt(customer_id: str, key_id: str, *, acting: Acting, world: World) -> _Tried:
    """Move the counter and commit it; return the key as it stood then."""
    with transaction.atomic():
        key = (
            WalletKey.objects.select_for_update()
            .filter(id=key_id, customer_id=customer_id, state__in=_USABLE)
            .first()
        )
        if key is None:
            raise WalletKeyNotFoundError(key=key_id)
        if key.certificate is not None and key.certificate.state == CertificateState.HELD:
            raise WalletHeldError(key=key_id)
        if key.state == WalletKey.State.LOCKED:
            raise WalletLockedError(key=key_id)
        counted = count_attempts([_tally(key, world=world)], run_id="", now=world.clock.now())
        if counted.locked:
            _lock(key, acting=acting, world=world)
    if counted.refused is not None:
        raise WalletLockedError(key=key_id)
    return _Tried(key, counted.attempts[0], counted.left[0])


def _try_pin(tried: _Tried, work: Callable[[], bytes], *, acting: Acting, world: World) -> bytes:
    """Have the signer try a counted PIN, and say in the wallet's words why it would not."""
    try:
        return work()
    except PinWrongError as error:
        if _is_locked_by(tried, acting=acting, world=world):
            raise WalletLockedError(key=tried.key.id) from error
        raise WalletPinWrongError(left=tried.left) from error
    except PinLockedError as error:
        _is_locked_by(tried, for_good=True, acting=acting, world=world)
        raise WalletLockedError(key=tried.key.id) from error
    except _UNTRIED:
        with transaction.atomic():
            judge_attempts({tried.attempt: "refund"}, now=world.clock.now())
        raise


def _is_locked_by(tried: _Tried, *, for_good: bool = False, acting: Acting, world: World) -> bool:
    """Close an attempt as wrong; tell whether the key is locked by it (or, `for_good`, by the signer)."""
    with transaction.atomic():
        key = WalletKey.objects.select_for_update().get(id=tried.key.id)
        verdict = {tried.attempt: "wrong"}
        locks = bool(judge_attempts(verdict, locking=verdict, now=world.clock.now())) or for_good
        if locks:
            _lock(key, acting=acting, world=world)
        else:
            record_event(
                "wallet_key:pin_wrong", acting=acting, subject=key.customer_id, key=key.id, left=tried.left
            )
    return locks


def _forgive(tried: _Tried, *, world: World) -> None:
    """Forgive this attempt and those before it: a parallel one that was counted later stays."""
    judge_attempts({tried.attempt: "reset"}, now=world.clock.now())


def _lock(key: WalletKey, *, acting: Acting, world: World) -> None:
    """Lock a key whose row is locked; a repeat changes nothing. Inside a transaction."""
    if key.state != WalletKey.State.LIVE:
        return
    key.state, key.locked_at = WalletKey.State.LOCKED, world.clock.now()
    key.save(update_fields=["state", "locked_at"])
    record_event("wallet_key:locked", acting=acting, subject=key.customer_id, key=key.id)
