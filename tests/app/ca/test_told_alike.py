"""What a status answer, a row, an event and an order's digest say of one thing is the same."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.x509 import ocsp
from tests.app.ca.centre import an_order, public_key

from dojang.ca import actions
from dojang.ca.models import Certificate, OcspAnswer, Revocation
from dojang.ca.orders import Wanted
from dojang.pki.crl import REASONS

if TYPE_CHECKING:
    from tests.app.ca.centre import Centre

REVOKING = sorted(set(REASONS) - {"certificateHold", "removeFromCRL", "unspecified"})


def told(row: Certificate) -> set[tuple[str, object, object]]:
    """Return what both answers signed ahead say of a certificate: status, moment, reason."""
    answer = OcspAnswer.objects.get(certificate=row)
    found = set()
    for der in (bytes(answer.by_sha1), bytes(answer.by_sha256)):
        single = ocsp.load_der_ocsp_response(der)
        reason = single.revocation_reason
        found.add((single.certificate_status.name, single.revocation_time_utc, reason and reason.value))
    return found


@pytest.mark.parametrize(
    "reason", ["superseded", "keyCompromise", "affiliationChanged", "cessationOfOperation"]
)
def test_the_replaced_certificates_answers_say_why_and_since_when(reason: str, centre: Centre) -> None:
    """Both answers of the replaced certificate have the reason and the moment of its revocation's row."""
    old = centre.activate(customer_id="c1")
    assert told(old) == {("GOOD", None, None)}
    new = centre.issue(customer_id="c1", replaces=reason)
    centre.advance(60)  # the old one ends when the new one begins, not when it was signed
    actions.activate_certificate(new.pk, **centre.options)
    row = Revocation.objects.get(certificate=old)
    assert row.reason == reason
    assert told(old) == {("REVOKED", row.at.replace(microsecond=0), reason)}


@pytest.mark.parametrize("reason", REVOKING)
def test_a_revoked_certificates_answers_and_list_say_why(reason: str, centre: Centre) -> None:
    """Answers, row and list of a revocation have one reason and one moment, also after a refresh."""
    from dojang.ca.errors import ReasonUnknownError
    from dojang.ca.queries import newest_crl
    from dojang.ca.serials import serial_number

    old = centre.activate()
    try:
        actions.revoke_certificate(old.pk, reason, **centre.options)
    except ReasonUnknownError:
        assert reason in {"cACompromise", "aACompromise"}
        assert told(old) == {("GOOD", None, None)}
        return
    row = Revocation.objects.get(certificate=old)
    wanted = {("REVOKED", row.at.replace(microsecond=0), reason)}
    assert told(old) == wanted
    centre.advance(centre.world.policy.status.ocsp_life // 2 + 1)
    actions.refresh_ocsp_answers(**centre.options)
    assert told(old) == wanted
    actions.publish_crls(force=True, **centre.options)
    crl = x509.load_der_x509_crl(newest_crl("issuing-1", old.shard) or b"")
    entry = crl.get_revoked_certificate_by_serial_number(serial_number(old.serial))
    assert entry is not None
    said = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason.value
    assert (said, entry.revocation_date_utc) == (reason, row.at.replace(microsecond=0))


def test_a_held_certificates_answers_say_hold_and_a_restored_ones_good(centre: Centre) -> None:
    """A hold is told as one, from its own moment; lifted, the answers are good again."""
    row = centre.activate()
    actions.suspend_certificate(row.pk, **centre.options)
    since = Revocation.objects.get(certificate=row).at.replace(microsecond=0)
    assert told(row) == {("REVOKED", since, "certificateHold")}
    actions.restore_certificate(row.pk, **centre.options)
    assert told(row) == {("GOOD", None, None)}


CHANGES = {
    "product": "joint",
    "profile": "joint",
    "customer_id": "somebody-else",
    "name": "김철수",
    "public_key": public_key(),
    "vid": bytes(32),
    "not_after": None,
    "replaces": "superseded",
    "evidence": ("run-1/identify",),
}


@pytest.mark.parametrize("field", sorted(CHANGES))
def test_an_orders_digest_covers_each_of_its_parts(field: str, centre: Centre) -> None:
    """Another value of any part, or another order of the evidence, is another order: the key is refused."""
    order = an_order(not_after=centre.world.clock.now().replace(microsecond=0) + timedelta(days=9))
    centre.intend(order)
    assert set(CHANGES) | {"key"} == {item.name for item in fields(Wanted)}
    changed = replace(order, **{field: CHANGES[field]})
    assert changed.sha256() != order.sha256()
    from dojang.ca.errors import OrderConflictError
    from dojang.ca.models import Intent

    before = list(Intent.objects.values_list("id", "order_sha256"))
    with pytest.raises(OrderConflictError):
        centre.intend(changed)
    assert list(Intent.objects.values_list("id", "order_sha256")) == before
    turned = replace(order, evidence=tuple(reversed(order.evidence)))
    assert turned.sha256() != order.sha256()
