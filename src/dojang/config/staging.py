"""What the cast should hold from the beginning and casting cannot give: a certificate.

One member of the cast already holds one that is about to run out. It comes through the same door as any
other: a key in the signer, an order, intent, signature, activation, audit; only the walk through the pages is
left out.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import transaction

from dojang.ca import queries
from dojang.issuing.actions import carry_out, place_order
from dojang.issuing.values import Evidence, OrderRequest
from dojang.products import PRODUCTS, opened_by
from dojang.sandbox.casting import NEAR_EXPIRY
from dojang.wallet.keys.actions import prepare_key

if TYPE_CHECKING:
    from dojang.ports.acting import Acting
    from dojang.ports.world import World

#: The PIN of that certificate, so that it can be played with.
PIN = "271846"
_ORIGIN: Final = "staging"
_LIFE: Final = timedelta(hours=1)  # of what it rests on: that the cast has it


def stage_certificates(*, acting: Acting, world: World) -> bool:
    """Give the member of the cast their certificate unless they ever had one; True when it was made now."""
    near, now = NEAR_EXPIRY, world.clock.now()
    product = PRODUCTS[opened_by("pin")[0]]
    if queries.certificates_of(near.customer_id):
        return False
    name = f"{_ORIGIN}:{near.handle}:{product.id}"
    prepare_key(
        key_id=name,
        customer_id=near.customer_id,
        product=product.id,
        run_id=name,
        pin=PIN,
        acting=acting,
        world=world,
    )
    cast = Evidence(
        id=name, name=_ORIGIN, purpose=_ORIGIN, customer_id=near.customer_id, at=now, expires=now + _LIFE
    )
    request = OrderRequest(
        id=name,
        product=product.id,
        profile=product.profile,
        customer_id=near.customer_id,
        origin=_ORIGIN,
        custody="wallet",
        key_id=name,
        evidence=(cast,),
        not_after=(now + timedelta(days=near.days_left)).replace(microsecond=0),
    )
    with transaction.atomic():
        place_order(request, acting=acting, world=world)
    carry_out([request.id], acting=acting, world=world)
    return True
