"""Proving a certificate whose key lies in the wallet, under a PIN: the wallet signs, the PIN is counted."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from dojang.account import challenges
from dojang.account.errors import LoginRefusedError, NewPinRefusedError, UseRefusedError
from dojang.account.proving.values import Answer, ProofQuestion
from dojang.account.verifying import verify_use
from dojang.ca import queries as ca
from dojang.journeys.kinds.secret import PIN_DIGITS, find_weakness
from dojang.ports.writing import is_digits
from dojang.wallet.keys import actions as wallet
from dojang.wallet.keys.errors import WalletHeldError, WalletLockedError, WalletPinWrongError
from dojang.wallet.keys.queries import usable_key
from dojang.wallet.uses.actions import UnrecordedUse, record_refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dojang.ca.queries import CertificateView
    from dojang.journeys.product import Product
    from dojang.ports.acting import Acting
    from dojang.ports.world import World

#: What the wallet refuses, as it is written into the record of uses.
_REFUSED: Final = {WalletPinWrongError: "pin_wrong", WalletLockedError: "locked", WalletHeldError: "held"}


def ask(
    product: Product, purpose: str, *, customer_id: str, acting: Acting, world: World
) -> ProofQuestion | None:
    """Ask for the PIN: nothing has to be made for it, and whether there is a certificate is not told."""
    del product, purpose, customer_id, acting, world
    return ProofQuestion()


def prove(
    product: Product, answer: Answer, *, purpose: str, customer_id: str, acting: Acting, world: World
) -> UnrecordedUse:
    """Have the wallet sign a fresh challenge, and verify the signature like anybody else's.

    Raises what the wallet refuses, in its own words, a `UseRefusedError`; `LoginRefusedError` without a key.
    """
    key_id, view = find(product, customer_id=customer_id, acting=acting)
    asked = challenges.ask(purpose, origin=acting.origin, world=world)
    spent = challenges.spend(asked.id, asked.secret, purpose=purpose, origin=acting.origin, world=world)
    use = UnrecordedUse(view, purpose, asked.id)
    with _recorded(use, acting=acting, world=world):
        signature = wallet.sign_with_pin(
            customer_id=customer_id,
            key_id=key_id,
            pin=answer.pin,
            digest=challenges.sha256(spent.body),
            purpose=f"{purpose}:{asked.id}",
            acting=acting,
            world=world,
        )
    try:
        verify_use(view, spent.body, signature, world=world)
    except UseRefusedError as error:
        record_refused(use, error.outcome, acting=acting, world=world)
        raise
    return use


def find(product: Product, *, customer_id: str, acting: Acting) -> tuple[str, CertificateView]:
    """Return a customer's key in the wallet, and its certificate. Raises `LoginRefusedError`."""
    del acting
    key = usable_key(customer_id, product.id) if customer_id else None
    view = ca.certificate_by_id(key.certificate_id) if key and key.certificate_id else None
    if key is None or view is None:
        raise LoginRefusedError
    return key.id, view


def change(
    key_id: str,
    use: UnrecordedUse,
    answer: Answer,
    new: str | bytes,
    *,
    within: Callable[[], None],
    acting: Acting,
    world: World,
) -> None:
    """Put the key under another PIN; refused as in `prove`, and `PinReusedError` for the same one again."""
    with _recorded(use, acting=acting, world=world):
        wallet.change_pin(
            customer_id=use.view.customer_id, key_id=key_id, pin=answer.pin, new_pin=str(new),
            within=within, acting=acting, world=world,
        )  # fmt: skip


def refuse_weak(customer_id: str, new: str | bytes, *, world: World) -> None:
    """Look at a new PIN before anything is tried. Raises `NewPinRefusedError` (data ``rule``)."""
    pin = str(new)
    births = [f"{world.corebank.customer(customer_id).birth:%Y%m%d}"]
    phones = [phone.number for phone in world.corebank.phones(customer_id)]
    if not is_digits(pin, PIN_DIGITS):
        raise NewPinRefusedError(rule="length")
    rule = find_weakness(pin, births=births, phones=phones)
    if rule is not None:
        raise NewPinRefusedError(rule=rule)


@contextmanager
def _recorded(use: UnrecordedUse, *, acting: Acting, world: World) -> Iterator[None]:
    """Record what the wallet refuses."""
    try:
        yield
    except tuple(_REFUSED) as error:
        record_refused(use, _REFUSED[type(error)], acting=acting, world=world)
        raise
