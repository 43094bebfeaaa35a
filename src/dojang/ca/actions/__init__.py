"""Every change the certification authority makes, in one place to import from.

Issuing an order is five steps (see `issuing` and `activation`); the caller wraps them in `holding_order`:

    with holding_order(order.key):
        intent = intend_certificate(order, acting=…, world=…)            # 1, 2
        certificate = issue_certificate(intent, acting=…, world=…)       # 3, 4
        …hand it to the wallet or device…
        activate_certificate(certificate.pk, acting=…, world=…, within=…)  # 5
"""

from __future__ import annotations

from dojang.ca.actions.activation import activate_certificate, revoke_certificate
from dojang.ca.actions.ceremony import perform_ceremony, renew_ocsp_responders
from dojang.ca.actions.issuing import intend_certificate, issue_certificate
from dojang.ca.actions.publishing import Published, publish_crls, publish_soon, refresh_ocsp_answers
from dojang.ca.actions.reconciling import Reconciled, reconcile, settle_order
from dojang.ca.actions.suspension import long_held, restore_certificate, suspend_certificate
from dojang.ca.orders import Wanted, holding_order

__all__ = [
    "Published",
    "Reconciled",
    "Wanted",
    "activate_certificate",
    "holding_order",
    "intend_certificate",
    "issue_certificate",
    "long_held",
    "perform_ceremony",
    "publish_crls",
    "publish_soon",
    "reconcile",
    "refresh_ocsp_answers",
    "renew_ocsp_responders",
    "restore_certificate",
    "revoke_certificate",
    "settle_order",
    "suspend_certificate",
]
