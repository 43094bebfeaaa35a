"""What the cast should hold from the beginning and casting cannot give: a certificate.

One member of the cast already holds one that is about to run out. It comes out of the same machinery as any
other: key in the signer, intent, signature, activation, audit; only the walk through the pages is left out.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from dojang.ca import queries
from dojang.ca.actions import (
    Order,
    activate_certificate,
    holding_order,
    intend_certificate,
    issue_certificate,
)
from dojang.products import PRODUCTS, opened_by
from dojang.sandbox.casting import NEAR_EXPIRY
from dojang.wallet.keys.actions import accept_certificate, prepare_key

if TYPE_CHECKING:
    from dojang.ca.models import Certificate
    from dojang.ports.acting import Acting
    from dojang.ports.world import World

#: The PIN of that certificate, so that it can be played with.
PIN = "271846"


def stage_certificates(*, acting: Acting, world: World) -> bool:
    """Give the member of the cast their certificate unless they ever had one; True when it was made now."""
    near = NEAR_EXPIRY
    product = PRODUCTS[opened_by("pin")[0]]
    if queries.certificates_of(near.customer_id):
        return False
    name = f"staging:{near.handle}:{product.id}"
    with holding_order(name):
        key = prepare_key(
            key_id=name,
            customer_id=near.customer_id,
            product=product.id,
            run_id="staging",
            pin=PIN,
            acting=acting,
            world=world,
        )
        order = Order(
            key=name,
            product=product.id,
            profile=product.profile,
            customer_id=near.customer_id,
            name=world.corebank.customer(near.customer_id).name,
            public_key=key.public_key,
            vid=key.vid,
            not_after=(world.clock.now() + timedelta(days=near.days_left)).replace(microsecond=0),
            evidence=("staging",),
        )
        intent = intend_certificate(order, acting=acting, world=world)
        certificate = issue_certificate(intent, acting=acting, world=world)

        def keep(new: Certificate, _old: Certificate | None) -> None:
            accept_certificate(key.key_id, new, acting=acting, world=world)

        activate_certificate(certificate.pk, acting=acting, world=world, within=keep)
    return True
