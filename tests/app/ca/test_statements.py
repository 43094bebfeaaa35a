"""Every SQL statement of a re-issue and a revocation fails once, before and after: nothing is half done."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Any

import pytest
from django.db import OperationalError, connection
from tests.app.ca.centre import an_order

from dojang.audit.errors import AuditUnwrittenError
from dojang.ca import actions, queries
from dojang.ca.errors import OrderBusyError
from dojang.ca.models import Certificate

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.app.ca.centre import Centre

log = logging.getLogger("tests")
MANY = 200  #: more statements than any of these actions needs


class _FailOnce:
    """Lets the n-th statement fail: before the database sees it, or after it was done."""

    def __init__(self, point: int, moment: str) -> None:
        self.point = point
        self.moment = moment
        self.seen = 0

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001
        number, self.seen = self.seen, self.seen + 1
        if number == self.point and self.moment == "before":
            raise OperationalError("planned: before")
        result = execute(sql, params, many, context)
        if number == self.point:
            raise OperationalError("planned: after")
        return result


def _break_each(action: Callable[[str], None], check: Callable[[str], None], moment: str) -> int:
    """Run `action` for a new customer with each statement failing once; return how many there were."""
    for point in range(MANY):
        customer = f"{moment}-{point}"
        fault = _FailOnce(point, moment)
        failures = (OperationalError, AuditUnwrittenError, OrderBusyError)
        with connection.execute_wrapper(fault), contextlib.suppress(*failures):
            action(customer)
        if fault.seen <= point:
            return point
        connection.close()  # as a failed connection would be: its locks are gone
        check(customer)
    raise AssertionError("more statements than expected")


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_reissue_survives_a_failure_of_each_statement(centre: Centre, moment: str) -> None:
    """Wherever the database fails one certificate is active, and ordering again ends with the new one."""
    orders: dict[str, actions.Wanted] = {}

    def reissue(customer: str) -> None:
        order = orders[customer]
        with actions.holding_order(order.key):
            row = centre.issue(order)
            actions.activate_certificate(row.pk, **centre.options)

    def prepared(customer: str) -> None:
        if customer not in orders:
            return
        reissue(customer)

    def check(customer: str) -> None:
        held = Certificate.objects.filter(customer_id=customer)
        assert held.filter(state="active").count() == 1
        reissue(customer)
        new = held.get(state="active")
        assert new.intent.order_key == orders[customer].key
        assert held.count() == 2

    for point in range(60):
        customer = f"{moment}-{point}"
        centre.activate(customer_id=customer)
        orders[customer] = an_order(customer_id=customer, replaces="superseded")
    points = _break_each(prepared, check, moment)
    log.info("a re-issue failed %s each of %d statements", moment, points)
    assert 20 <= points < 60
    centre.reconcile()
    assert queries.verify_trail(centre.world).breaks == ()


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_revocation_survives_a_failure_of_each_statement(centre: Centre, moment: str) -> None:
    """Wherever the database fails the certificate is active or wholly revoked; revoking again finishes it."""
    rows = {f"{moment}-{point}": centre.activate(customer_id=f"{moment}-{point}") for point in range(30)}

    def revoke(customer: str) -> None:
        actions.revoke_certificate(rows[customer].pk, "keyCompromise", **centre.options)

    def check(customer: str) -> None:
        row = Certificate.objects.get(pk=rows[customer].pk)
        standing = row.revocations.count()
        assert (row.state, standing) in {("active", 0), ("revoked", 1)}
        revoke(customer)
        row.refresh_from_db()
        assert (row.state, row.revocations.count()) == ("revoked", 1)

    points = _break_each(revoke, check, moment)
    log.info("a revocation failed %s each of %d statements", moment, points)
    assert 5 <= points < 30
    assert queries.verify_trail(centre.world).breaks == ()
