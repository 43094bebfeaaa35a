"""Every change issuing makes, in one place to import from.

Whoever wants a certificate places an order in a transaction of their own, and has it carried out after it:

    with transaction.atomic():
        offer_key(key, acting=…, world=…)  # at the latest
        place_order(request, acting=…, world=…)
    carry_out([request.id], acting=…, world=…)

A certificate whose key is not ours is then ``delivering`` until `confirm_delivery` (or `refuse_delivery`).
"""

from __future__ import annotations

from dojang.issuing.actions.carrying import carry_out
from dojang.issuing.actions.delivering import confirm_delivery, refuse_delivery
from dojang.issuing.actions.ending import discard_keys, fail_order
from dojang.issuing.actions.holding import (
    Held,
    hold_everything,
    restore_certificate,
    restore_everything,
    suspend_certificate,
    suspend_left,
)
from dojang.issuing.actions.placing import offer_key, place_order
from dojang.issuing.actions.reconciling import Kept, reconcile
from dojang.issuing.actions.revoking import end_long_holds, revoke_certificate

__all__ = [
    "Held",
    "Kept",
    "carry_out",
    "confirm_delivery",
    "discard_keys",
    "end_long_holds",
    "fail_order",
    "hold_everything",
    "offer_key",
    "place_order",
    "reconcile",
    "refuse_delivery",
    "restore_certificate",
    "restore_everything",
    "revoke_certificate",
    "suspend_certificate",
    "suspend_left",
]
