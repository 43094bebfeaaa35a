"""A re-issue that waits: nothing was proven for it but what leaks, so its holder has a day to stop it.

The certificate is signed and stored on its device, but not active: the old one lives on. Every channel is
told when it will be, and how to stop it: at `/me/`, or by the link of the mail, which needs no proof, since
stopping only makes things safer. When the time is over the reconcile job activates it.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from dojang.guard.sealing import sealer
from dojang.issuing.actions.ending import fail_order
from dojang.issuing.errors import NothingWaitsError
from dojang.issuing.queries import find_order
from dojang.pki.day import local

if TYPE_CHECKING:
    from dojang.issuing.models import Order
    from dojang.issuing.queries import OrderView
    from dojang.notices.letters import Letters
    from dojang.ports.acting import Acting
    from dojang.ports.world import World


def tell(order: Order, letters: Letters, *, acting: Acting, world: World) -> None:
    """Tell every channel of a re-issue that waits, in the transaction of its delivery."""
    assert order.waits_until is not None
    letters.add(
        order.customer_id,
        "reissue_waits",
        order.id,
        product=order.product,
        until=local(order.waits_until).strftime("%Y-%m-%d %H:%M"),
        stop=f"{world.policy.addresses.public_url.rstrip('/')}/stop/{order.id}/{stop_tag(order.id)}/",
    )
    letters.write(acting=acting, world=world)


def stop_tag(order_id: str) -> str:
    """Derive what the link of an order carries, so that nobody stops it who was not told of it."""
    return sealer().blind_index("order.stop", order_id).hex()[:32]


def waiting_by_link(order_id: str, tag: str, *, world: World) -> OrderView:
    """Return the re-issue a link stops. Raises `NothingWaitsError` for any other, whatever the reason."""
    order = find_order(order_id)
    is_right = hmac.compare_digest(stop_tag(order_id).encode(), tag.encode("utf-8", "replace"))
    if order is None or not is_right or not order.is_waiting(world.clock.now()):
        raise NothingWaitsError
    return order


def stop_reissue(order_id: str, *, customer_id: str, acting: Acting, world: World) -> None:
    """Stop a customer's re-issue that waits: its certificate is revoked, the old one stays as it is.

    The customer is told. Raises `NothingWaitsError`.
    """
    order = find_order(order_id)
    if order is None or order.customer_id != customer_id or not order.is_waiting(world.clock.now()):
        raise NothingWaitsError
    fail_order(order_id, "reissue_stopped", acting=acting, world=world)
