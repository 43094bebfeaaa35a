"""Issuing: one order, one certificate, exactly as asked and as stored."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from tests.app.ca.centre import an_order, public_key

from dojang.audit.models import Event
from dojang.ca import actions, queries
from dojang.ca.errors import (
    CertificateRevokedError,
    OrderConflictError,
    ReasonUnknownError,
)
from dojang.ca.models import Certificate, Intent, Revocation
from dojang.pki.build import end_of_day
from dojang.pki.certificate import read_certificate
from dojang.pki.errors import ProfileError
from dojang.products import PRODUCTS

if TYPE_CHECKING:
    from tests.app.ca.centre import Centre


def test_an_order_becomes_the_certificate_it_asks_for(centre: Centre) -> None:
    """The certificate holds the order's key and name and the stored bytes, for three years to a day's end."""
    order = an_order()
    row = centre.activate(order)
    certificate = x509.load_der_x509_certificate(bytes(row.der))
    facts = read_certificate(bytes(row.der)).facts
    assert facts.spki == order.public_key
    assert facts.subject_name.get("CN")[0].startswith("홍길동()0999")
    assert read_certificate(bytes(row.der)).tbs == bytes(row.intent.tbs)
    assert row.not_after == end_of_day(row.not_before, PRODUCTS["financial"].life_under(centre.world.policy))
    assert certificate.not_valid_after_utc == row.not_after
    view = queries.find_by_serial(f"{certificate.serial_number:X}")
    assert view is not None
    assert (view.state, view.customer_id, view.sha256) == ("active", order.customer_id, row.sha256)


def test_the_same_key_means_the_same_certificate(centre: Centre) -> None:
    """Every step may be repeated: one intent, one signature, one certificate, one call back."""
    order = an_order()
    calls: list[str] = []
    for _ in range(3):
        intent = actions.intend_certificate(order, **centre.options)
        row = actions.issue_certificate(intent, **centre.options)
        actions.activate_certificate(
            row.pk, within=lambda new, _old: calls.append(new.serial), **centre.options
        )
    assert Intent.objects.filter(order_key=order.key).count() == 1
    assert Certificate.objects.filter(customer_id=order.customer_id).count() == 1
    assert calls == [row.serial]
    assert centre.signer.calls.count("sign_certificate") == 1


def test_a_key_used_again_for_something_else_is_refused(centre: Centre) -> None:
    """A second order under the same key with another content changes nothing."""
    order = an_order()
    centre.issue(order)
    before = (Intent.objects.count(), Certificate.objects.count(), Event.objects.count())
    with pytest.raises(OrderConflictError):
        centre.intend(an_order(key=order.key, customer_id=order.customer_id))
    assert (Intent.objects.count(), Certificate.objects.count(), Event.objects.count()) == before


def test_a_reissue_keeps_the_end_and_the_subject(centre: Centre) -> None:
    """Far from expiry a re-issue gets the remaining life and the same distinguished name."""
    first = centre.activate(customer_id="c1")
    centre.advance(86_400)
    second = centre.activate(customer_id="c1", replaces="superseded")
    first.refresh_from_db()
    assert second.not_after == first.not_after
    assert second.subject == first.subject
    assert (first.state, first.successor_id) == ("revoked", second.pk)
    assert Revocation.objects.get(certificate=first).reason == "superseded"


def test_a_reissue_near_expiry_gets_a_whole_new_life(centre: Centre) -> None:
    """Inside the renewal window a re-issue is a renewal."""
    start = centre.world.clock.now()
    first = centre.activate(customer_id="c1", not_after=end_of_day(start, 60))
    second = centre.activate(customer_id="c1", replaces="superseded")
    assert second.not_after > first.not_after + timedelta(days=600)


@pytest.mark.parametrize(("days", "whole"), [(91, False), (90, True)])
def test_the_renewal_window_opens_with_the_day_that_is_told(centre: Centre, days: int, whole: bool) -> None:  # noqa: FBT001
    """From the whole day ninety days ahead on, as notices and pages count, it is a renewal."""
    start = centre.world.clock.now()
    first = centre.activate(customer_id="c1", not_after=end_of_day(start, days))
    second = centre.activate(customer_id="c1", replaces="superseded")
    assert (second.not_after > first.not_after) is whole


def test_the_reason_of_a_reissue_is_the_reason_of_the_revocation(centre: Centre) -> None:
    """A re-issue after a lost key revokes the old certificate as compromised."""
    first = centre.activate(customer_id="c1")
    centre.activate(customer_id="c1", replaces="keyCompromise")
    assert Revocation.objects.get(certificate=first).reason == "keyCompromise"


def test_what_does_not_fit_its_profile_is_refused_before_anything_is_stored(centre: Centre) -> None:
    """An order without a VID, with a hostile name or for an authority's profile leaves no trace."""
    before = (Intent.objects.count(), Event.objects.count(), len(centre.signer.calls))
    for bad in (
        {"vid": None},
        {"name": "홍\x00길동"},
        {"profile": "issuing"},
        {"public_key": public_key()[:-1]},
    ):
        with pytest.raises(ProfileError if "public_key" not in bad else Exception):
            centre.intend(**bad)
    assert (Intent.objects.count(), Event.objects.count(), len(centre.signer.calls)) == before


def test_the_callers_part_and_the_activation_commit_together(centre: Centre) -> None:
    """When the caller's part fails, the old certificate stays active and the new one stays issued."""
    old = centre.activate(customer_id="c1")
    new = centre.issue(customer_id="c1", replaces="superseded")

    def broken(_new: Certificate, _old: Certificate | None) -> None:
        raise RuntimeError("the wallet is full")

    events = Event.objects.count()
    with pytest.raises(RuntimeError):
        actions.activate_certificate(new.pk, within=broken, **centre.options)
    old.refresh_from_db()
    new.refresh_from_db()
    assert (old.state, new.state) == ("active", "issued")
    assert Revocation.objects.count() == 0
    assert Event.objects.count() == events


def test_a_revoked_certificate_is_never_activated(centre: Centre) -> None:
    """Activation after revocation is refused and changes nothing."""
    row = centre.issue()
    actions.revoke_certificate(row.pk, "cessationOfOperation", **centre.options)
    with pytest.raises(CertificateRevokedError):
        actions.activate_certificate(row.pk, **centre.options)
    row.refresh_from_db()
    assert row.state == "revoked"


def test_revoking_twice_is_revoking_once(centre: Centre) -> None:
    """A repeat with another reason changes neither reason nor moment, and writes no second event."""
    row = centre.activate()
    actions.revoke_certificate(row.pk, "keyCompromise", **centre.options)
    first = Revocation.objects.get(certificate=row)
    actions.revoke_certificate(row.pk, "superseded", **centre.options)
    again = Revocation.objects.get(certificate=row)
    assert (again.reason, again.at) == (first.reason, first.at)
    assert Event.objects.filter(type="certificate:revoked", subject=row.serial).count() == 1


@pytest.mark.parametrize("reason", ["certificateHold", "removeFromCRL", "", "whim"])
def test_only_reasons_of_the_standard_end_a_certificate(centre: Centre, reason: str) -> None:
    """Anything but a final reason of RFC 5280 is refused."""
    row = centre.activate()
    with pytest.raises(ReasonUnknownError):
        actions.revoke_certificate(row.pk, reason, **centre.options)
    row.refresh_from_db()
    assert row.state == "active"


@pytest.mark.parametrize(
    ("public", "practice"),
    [
        ("https://bank.example", "https://bank.example/help/"),
        ("http://localhost:8000", "http://status.bank.example/help/"),
    ],
)
def test_a_bank_that_serves_https_issues_with_http_addresses(
    centre: Centre, public: str, practice: str
) -> None:
    """Status and issuer are asked by plain http (RFC 5280 section 8); the practice statement is on https."""
    addresses = {"public_url": public, "status_url": "http://status.bank.example"}
    policy = centre.world.policy.changed({"addresses": addresses})
    row = replace(centre, world=replace(centre.world, policy=policy)).activate()
    certificate = x509.load_der_x509_certificate(bytes(row.der))
    access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    policies = certificate.extensions.get_extension_for_class(x509.CertificatePolicies).value
    names = [item.access_location.value for item in access] + [points[0].full_name[0].value]  # type: ignore[index]
    assert all(name.startswith("http://status.bank.example/") for name in names)
    assert practice in (policies[0].policy_qualifiers or [])
