"""Proving a certificate whose key is a file on the device, under a password: CMS over our challenge.

The password never leaves the device, so neither wrong ones nor another one are anything the centre knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dojang.account import challenges
from dojang.account.errors import ChallengeUnknownError, SignatureRefusedError, UseRefusedError
from dojang.account.proving.foreign import warn_of_foreign
from dojang.account.proving.values import Answer, ProofQuestion
from dojang.account.verifying import read_signed, verify_certificate
from dojang.wallet.uses.actions import UnrecordedUse, record_refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from dojang.ca.queries import CertificateView
    from dojang.journeys.product import Product
    from dojang.ports.acting import Acting
    from dojang.ports.world import World


def ask(
    product: Product, purpose: str, *, customer_id: str, acting: Acting, world: World
) -> ProofQuestion | None:
    """Make a challenge for whoever has the file."""
    del product, customer_id
    asked = challenges.ask(purpose, origin=acting.origin, world=world)
    return ProofQuestion(id=asked.id, body=asked.body, secret=asked.secret)


def prove(
    product: Product, answer: Answer, *, purpose: str, customer_id: str, acting: Acting, world: World
) -> UnrecordedUse:
    """Verify CMS SignedData over the challenge (RFC 5652) by a certificate of the product.

    Raises `ChallengeUnknownError` and `UseRefusedError`s; another customer's or another product's
    certificate is refused as `SignatureRefusedError`.
    """
    spent = challenges.spend(
        answer.challenge_id, answer.secret, purpose=purpose, origin=acting.origin, world=world
    )
    view = read_signed(answer.signed, spent.body)
    if view.product != product.id:  # another product counts with what opens it, and with nothing less
        raise SignatureRefusedError
    use = UnrecordedUse(view, purpose, spent.id)
    try:
        verify_certificate(view, world=world)
        if customer_id not in {"", view.customer_id}:
            warn_of_foreign(view, offered_for=customer_id, acting=acting, world=world)
            raise SignatureRefusedError
    except UseRefusedError as error:
        record_refused(use, error.outcome, acting=acting, world=world)
        raise
    return use


def find(product: Product, *, customer_id: str, acting: Acting) -> tuple[str, CertificateView]:
    """Refuse: the password is changed on its device, and nobody here could."""
    del product, customer_id, acting
    raise ChallengeUnknownError


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
    """Refuse, as `find` does."""
    del key_id, use, answer, new, within, acting, world
    raise ChallengeUnknownError


def refuse_weak(customer_id: str, new: str | bytes, *, world: World) -> None:
    """Know no rule: the device keeps them."""
    del customer_id, new, world
