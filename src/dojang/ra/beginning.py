"""Beginning a run for somebody who is logged in: what is looked at before a log-in counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dojang.ca.queries import find_by_serial
from dojang.journeys.kinds.eligibility import refusal
from dojang.journeys.login import UNLOCK, LogIn, identified_by
from dojang.ports.errors import PortError
from dojang.products import PRODUCTS
from dojang.wallet.devices.credentials import WalletCredentials
from dojang.wallet.devices.queries import serials_on

if TYPE_CHECKING:
    from dojang.journeys.model import Fact
    from dojang.ra.turn import Turn


def identify_by_login(turn: Turn, login: LogIn) -> Fact | None:
    """Make the fact that a log-in proves for a run that begins; None when it does not count here.

    It counts for journeys that take one, by a bank certificate that is in use now and whose key lives on the
    device of the log-in, which is not blocked; and for a customer who may go on. Everybody else is asked, and
    told why there. Asks the core bank: call it outside a transaction.
    """
    if not turn.journey.by_login or not _is_usable(turn, login):
        return None
    try:
        customer = turn.world.corebank.customer(login.customer)
    except PortError:
        return None
    if refusal(turn.view(), customer) is not None:
        return None
    run = turn.run
    return identified_by(
        login, customer, run=run.id, journey=turn.journey, at=run.created_at, until=run.absolute_until
    )


def _is_usable(turn: Turn, login: LogIn) -> bool:
    certificate, now = find_by_serial(login.serial), turn.world.clock.now()
    if certificate is None or certificate.customer_id != login.customer:
        return False
    product = PRODUCTS.get(certificate.product)
    if product is None or product.unlock != UNLOCK:
        return False
    if certificate.state != "active" or not certificate.not_before <= now <= certificate.not_after:
        return False
    if certificate.serial not in serials_on(login.device_id, login.customer):
        return False
    state = WalletCredentials(turn.world).device_state(login.customer, device_id=login.device_id)
    return state == "registered"
