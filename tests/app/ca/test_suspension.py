"""A hold goes both ways, everything else one way; OCSP and the lists follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.x509 import ocsp
from tests.app.ca.centre import an_order

from dojang.audit.models import Event
from dojang.ca import actions, queries
from dojang.ca.errors import CertificateNotFoundError, CertificateRevokedError, CertificateStateError
from dojang.ca.models import Certificate, OcspAnswer, Revocation
from dojang.ca.serials import serial_number

if TYPE_CHECKING:
    from tests.app.ca.centre import Centre

DAY = 86_400


def _said(row: Certificate) -> tuple[ocsp.OCSPCertStatus, x509.ReasonFlags | None]:
    """Return what the answer signed ahead says."""
    answer = ocsp.load_der_ocsp_response(bytes(OcspAnswer.objects.get(certificate=row).by_sha256))
    return answer.certificate_status, answer.revocation_reason


def _listed(row: Certificate) -> dict[int, str]:
    der = queries.newest_crl("issuing-1", row.shard)
    assert der is not None
    return {
        entry.serial_number: entry.extensions.get_extension_for_class(x509.CRLReason).value.reason.name
        for entry in x509.load_der_x509_crl(der)
    }


def test_a_hold_is_told_and_lifted(centre: Centre) -> None:
    """Held: OCSP and the list say certificateHold. Restored: OCSP says good and the list forgets it."""
    row = centre.activate()
    held = actions.suspend_certificate(row.pk, **centre.options)
    assert held.state == "held"
    assert _said(row) == (ocsp.OCSPCertStatus.REVOKED, x509.ReasonFlags.certificate_hold)
    actions.publish_crls(**centre.options)
    assert _listed(row) == {serial_number(row.serial): "certificate_hold"}
    back = actions.restore_certificate(row.pk, **centre.options)
    assert back.state == "active"
    assert _said(row) == (ocsp.OCSPCertStatus.GOOD, None)
    centre.advance(60)
    actions.publish_crls(**centre.options)
    assert _listed(row) == {}
    assert Event.objects.filter(type="certificate:suspended").count() == 1
    assert Event.objects.filter(type="certificate:restored").count() == 1
    assert queries.verify_trail(centre.world).breaks == ()


def test_a_repeat_changes_nothing(centre: Centre) -> None:
    """Holding twice is one hold, restoring twice one restoration; what rides along rides once."""
    row, ridden = centre.activate(), []
    for _ in range(2):
        actions.suspend_certificate(row.pk, within=lambda done: ridden.append(done.state), **centre.options)
    assert Revocation.objects.filter(certificate=row, lifted_at=None).count() == 1
    for _ in range(2):
        actions.restore_certificate(row.pk, within=lambda done: ridden.append(done.state), **centre.options)
    assert ridden == ["held", "active"]
    row.refresh_from_db()
    assert (row.state, row.status_seq) == ("active", 4)


def test_a_certificate_may_be_held_again(centre: Centre) -> None:
    """Every hold is a line of its own, and each was lifted but the last."""
    row = centre.activate()
    for _ in range(3):
        actions.suspend_certificate(row.pk, **centre.options)
        actions.restore_certificate(row.pk, **centre.options)
    actions.suspend_certificate(row.pk, **centre.options)
    assert Revocation.objects.filter(certificate=row).count() == 4
    assert Revocation.objects.filter(certificate=row, lifted_at=None).count() == 1


def test_what_is_revoked_is_neither_held_nor_restored(centre: Centre) -> None:
    """A revocation is final (RFC 5280 §5.3.1), also one that followed a hold."""
    row = centre.activate()
    actions.suspend_certificate(row.pk, **centre.options)
    actions.revoke_certificate(row.pk, "keyCompromise", **centre.options)
    for action in (actions.suspend_certificate, actions.restore_certificate):
        with pytest.raises(CertificateRevokedError):
            action(row.pk, **centre.options)
    assert _said(row) == (ocsp.OCSPCertStatus.REVOKED, x509.ReasonFlags.key_compromise)


def test_only_a_confirmed_certificate_can_be_held(centre: Centre) -> None:
    """One its holder has not confirmed is refused, and so is one that does not exist."""
    row = centre.issue()
    with pytest.raises(CertificateStateError):
        actions.suspend_certificate(row.pk, **centre.options)
    with pytest.raises(CertificateStateError):
        actions.restore_certificate(row.pk, **centre.options)
    with pytest.raises(CertificateNotFoundError):
        actions.suspend_certificate(row.pk + 1000, **centre.options)
    assert Revocation.objects.count() == 0


def test_a_reissue_ends_a_held_certificate_and_keeps_its_end(centre: Centre) -> None:
    """Never two: the held one is revoked in the transaction that makes the new one active."""
    first = centre.activate(customer_id="c-1")
    actions.suspend_certificate(first.pk, **centre.options)
    order = an_order(customer_id="c-1", replaces="superseded")
    second = centre.activate(order)
    first.refresh_from_db()
    assert (first.state, second.state) == ("revoked", "active")
    assert second.not_after == first.not_after
    with pytest.raises(CertificateRevokedError):
        actions.restore_certificate(first.pk, **centre.options)


def test_a_hold_works_while_the_signer_is_away(centre: Centre) -> None:
    """The answer signed ahead is withdrawn at once, so that nobody is told good any more."""
    row = centre.activate()
    centre.process.kill()
    assert actions.suspend_certificate(row.pk, **centre.options).state == "held"
    assert bytes(OcspAnswer.objects.get(certificate=row).by_sha256) == b""
    centre.process.start()
    actions.refresh_ocsp_answers(**centre.options)
    assert _said(row) == (ocsp.OCSPCertStatus.REVOKED, x509.ReasonFlags.certificate_hold)


def test_long_holds_are_found(centre: Centre) -> None:
    """After the policy's days, and not a day before, a hold is one to be ended."""
    row = centre.activate()
    actions.suspend_certificate(row.pk, **centre.options)
    centre.advance(centre.world.policy.suspension.hold_days * DAY - 60)
    assert actions.long_held(world=centre.world) == ()
    centre.advance(120)
    assert actions.long_held(world=centre.world) == (row.pk,)
