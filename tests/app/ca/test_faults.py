"""A signer that fails at every point: nothing is lost or doubled, and reconciling finishes the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.app.ca.centre import an_order
from tests.app.ca.faults import MOMENTS

from dojang.ca import actions, queries
from dojang.ca.models import Certificate, Intent
from dojang.pki.errors import DojangError
from dojang.ports.signer_errors import SignerUnavailableError

if TYPE_CHECKING:
    from tests.app.ca.centre import Centre

#: Calls to the signer in a re-issue, from intent to confirmation: sign, then four answers ahead, all in one.
CALLS = 2


def _reissue(centre: Centre, order: actions.Wanted) -> None:
    with actions.holding_order(order.key):
        row = centre.issue(order)
        actions.activate_certificate(row.pk, **centre.options)


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("point", range(CALLS))
def test_a_fault_at_any_point_leaves_one_usable_certificate(centre: Centre, point: int, moment: str) -> None:
    """After a fault in a re-issue the old certificate lives or the new; trying again ends with the new."""
    old = centre.activate(customer_id="c1")
    order = an_order(customer_id="c1", replaces="superseded")
    centre.signer.fail_at(point, moment)
    if point == 0:
        with pytest.raises(SignerUnavailableError):
            _reissue(centre, order)
    else:
        _reissue(centre, order)  # an answer that cannot be signed ahead does not stop anybody
    assert Certificate.objects.filter(customer_id="c1", state="active").count() == 1
    centre.signer.catch_up()
    _reissue(centre, order)
    old.refresh_from_db()
    new = Certificate.objects.get(customer_id="c1", state="active")
    assert (old.state, new.intent.order_key) == ("revoked", order.key)
    assert Intent.objects.filter(order_key=order.key).count() == 1
    actions.refresh_ocsp_answers(**centre.options)
    assert queries.verify_trail(centre.world).breaks == ()


@pytest.mark.parametrize("moment", MOMENTS)
def test_reconcile_decides_by_the_signers_journal(centre: Centre, moment: str) -> None:
    """A lost signature is found and finished, a missing one makes void, a late one is stored revoked."""
    old = centre.activate(customer_id="c1")
    centre.signer.fail_at(0, moment)
    with pytest.raises(DojangError):
        centre.issue(customer_id="c1", replaces="superseded")
    done = centre.reconcile()
    if moment == "after":
        assert (done.finished, done.voided, done.late) == (1, 0, 0)
        assert Certificate.objects.filter(customer_id="c1", state="issued").count() == 1
    else:
        assert (done.finished, done.voided, done.late) == (0, 1, 0)
    centre.signer.catch_up()
    late = centre.reconcile()
    assert late.late == (1 if moment == "late" else 0)
    old.refresh_from_db()
    assert old.state == "active"
    assert centre.reconcile() == actions.Reconciled(waiting=1 if moment == "after" else 0)
    assert queries.verify_trail(centre.world).breaks == ()


def test_a_late_signature_is_never_released(centre: Centre) -> None:
    """A certificate signed after its intent was given up is stored revoked, beside the second try."""
    order = an_order()
    centre.signer.fail_at(0, "late")
    with pytest.raises(DojangError):
        centre.issue(order)
    assert centre.reconcile().voided == 1
    second = centre.activate(order)
    centre.signer.catch_up()
    assert centre.reconcile().late == 1
    states = dict(Certificate.objects.filter(customer_id=order.customer_id).values_list("serial", "state"))
    assert states.pop(second.serial) == "active"
    assert list(states.values()) == ["revoked"]
    assert queries.verify_trail(centre.world).breaks == ()


def test_an_unconfirmed_certificate_is_revoked_in_time_and_the_old_one_lives(centre: Centre) -> None:
    """Within the time nothing happens; after it the new certificate ends as cessationOfOperation."""
    old = centre.activate(customer_id="c1")
    new = centre.issue(customer_id="c1", replaces="superseded")
    assert centre.reconcile() == actions.Reconciled(waiting=1)
    centre.advance(centre.world.policy.issue.confirm_within + 1)
    assert centre.reconcile() == actions.Reconciled(revoked=1)
    old.refresh_from_db()
    view = queries.certificate_by_id(new.pk)
    assert view is not None
    assert (old.state, view.state, view.reason) == ("active", "revoked", "cessationOfOperation")


def test_a_confirmed_certificate_is_activated_after_a_crash(centre: Centre) -> None:
    """What the holder has confirmed is activated, with the caller's part in the same transaction, once."""
    old = centre.activate(customer_id="c1")
    new = centre.issue(customer_id="c1", replaces="superseded")
    told: list[tuple[int, int | None]] = []

    def within(made: Certificate, before: Certificate | None) -> None:
        told.append((made.pk, before and before.pk))

    for _ in range(2):
        done = actions.reconcile(confirmed=lambda _row: True, within=within, **centre.options)
    assert told == [(new.pk, old.pk)]
    assert done == actions.Reconciled()


def test_a_living_order_is_left_alone(centre: Centre) -> None:
    """While a session holds an order's lock, another's reconcile counts it as busy and changes nothing."""
    from concurrent.futures import ThreadPoolExecutor

    from django.db import connections

    def elsewhere() -> actions.Reconciled:
        try:
            return centre.reconcile()
        finally:
            connections.close_all()

    order = an_order()
    with ThreadPoolExecutor(1) as pool, actions.holding_order(order.key):
        intent = centre.intend(order)
        assert pool.submit(elsewhere).result(30) == actions.Reconciled(busy=1)
        row = actions.issue_certificate(intent, **centre.options)
        centre.advance(centre.world.policy.issue.confirm_within + 1)
        assert pool.submit(elsewhere).result(30) == actions.Reconciled(busy=1)
        actions.activate_certificate(row.pk, **centre.options)
    assert centre.reconcile() == actions.Reconciled()


def test_reconciling_side_by_side_gives_each_intent_one_end(centre: Centre) -> None:
    """Eight reconciles at once over twenty broken orders: ten finished and ten void, each once."""
    from concurrent.futures import ThreadPoolExecutor

    from django.db import connections

    for number in range(20):
        intent = centre.intend()
        if number % 2:
            centre.signer.fail_at(0, "after")
            with pytest.raises(DojangError):
                actions.issue_certificate(intent, **centre.options)

    def run(_part: int) -> actions.Reconciled:
        try:
            return centre.reconcile()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(run, range(8)))
    assert sum(part.finished for part in done) == 10
    assert sum(part.voided for part in done) == 10
    assert Certificate.objects.filter(state="issued").count() == 10
    assert queries.verify_trail(centre.world).breaks == ()


def test_a_dead_signer_makes_reconcile_give_up_nothing(centre: Centre) -> None:
    """While the journal cannot be asked, no intent is decided."""
    centre.intend()
    for call in range(2):  # it is asked for the serial, then whether it is there at all
        centre.signer.fail_at(call, "before")
    with pytest.raises(DojangError) as caught:
        centre.reconcile()
    assert caught.value.code == "signer_unavailable"
    assert Intent.objects.filter(state="open").count() == 1
