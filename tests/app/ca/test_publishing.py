"""CRLs and answers signed ahead: in time, in every shard, and no longer than needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography import x509

from dojang.ca import actions, queries
from dojang.ca.models import Crl, OcspAnswer
from dojang.ca.serials import serial_number

if TYPE_CHECKING:
    from tests.app.ca.centre import Centre


def _listed(label: str, shard: int) -> set[int]:
    der = queries.newest_crl(label, shard)
    assert der is not None
    return {entry.serial_number for entry in x509.load_der_x509_crl(der)}


def test_the_next_publication_lists_a_revocation_in_its_own_shard(centre: Centre) -> None:
    """Only shards where something happened are signed anew; a serial is where its certificate says."""
    rows = [centre.activate() for _ in range(8)]
    actions.publish_crls(force=True, **centre.options)
    centre.advance(300)  # past the overlap in which a shard is signed once more to be sure
    assert actions.publish_crls(**centre.options) == ()
    row = rows[0]
    actions.revoke_certificate(row.pk, "keyCompromise", **centre.options)
    (made,) = actions.publish_crls(**centre.options)
    assert (made.authority, made.shard, made.entries) == ("issuing-1", row.shard, 1)
    for shard in range(centre.world.policy.status.crl_shards):
        assert _listed("issuing-1", shard) == ({serial_number(row.serial)} if shard == row.shard else set())
    certificate = x509.load_der_x509_certificate(bytes(row.der))
    points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    crl = x509.load_der_x509_crl(queries.newest_crl("issuing-1", row.shard) or b"")
    scope = crl.extensions.get_extension_for_class(x509.IssuingDistributionPoint)
    assert scope.critical
    assert scope.value.full_name == points[0].full_name


def test_all_lists_are_renewed_at_half_of_their_life(centre: Centre) -> None:
    """Nothing revoked, nothing to do; after half a life every list of every authority is signed anew."""
    actions.publish_crls(force=True, **centre.options)
    centre.advance(centre.world.policy.status.crl_life // 2 + 1)
    assert len(actions.publish_crls(**centre.options)) == 1 + centre.world.policy.status.crl_shards
    assert actions.publish_crls(**centre.options) == ()


def test_an_expired_serial_leaves_one_publication_later(centre: Centre) -> None:
    """A revoked certificate is listed once more after its end, then no longer (RFC 5280 §3.3)."""
    from datetime import timedelta

    end = centre.world.clock.now().replace(microsecond=0) + timedelta(days=2)
    row = centre.activate(not_after=end)
    actions.revoke_certificate(row.pk, "keyCompromise", **centre.options)
    told = []
    for seconds in (1, 3 * 86_400, 60, 60):
        centre.advance(seconds)
        actions.publish_crls(force=True, **centre.options)
        told.append(serial_number(row.serial) in _listed("issuing-1", row.shard))
    assert told == [True, True, False, False]


def test_old_lists_are_cleared_away_and_the_newest_stays(centre: Centre) -> None:
    """After many publications three lists of a shard remain, the newest among them."""
    for _ in range(6):
        made = actions.publish_crls(force=True, **centre.options)
    numbers = list(Crl.objects.filter(issuer__label="issuing-1", shard=0).values_list("number", flat=True))
    assert len(numbers) == 3
    assert max(numbers) == next(
        item.number for item in made if (item.authority, item.shard) == ("issuing-1", 0)
    )


def test_answers_are_signed_anew_at_half_of_their_life(centre: Centre) -> None:
    """The refresh signs what is due and nothing else, and lets expired certificates rest."""
    from datetime import timedelta

    row = centre.activate()
    short = centre.activate(not_after=centre.world.clock.now().replace(microsecond=0) + timedelta(minutes=20))
    actions.refresh_ocsp_answers(**centre.options)
    assert actions.refresh_ocsp_answers(**centre.options) == 0
    before = OcspAnswer.objects.get(certificate=row).this_update
    centre.advance(centre.world.policy.status.ocsp_life // 2 + 10)
    assert actions.refresh_ocsp_answers(**centre.options) >= 2
    assert OcspAnswer.objects.get(certificate=row).this_update > before
    assert bytes(OcspAnswer.objects.get(certificate=short).by_sha1) == b""
    assert actions.refresh_ocsp_answers(**centre.options) == 0


def test_two_publications_at_once_give_each_list_one_number(centre: Centre) -> None:
    """Four publications side by side: no number twice, no failure."""
    from concurrent.futures import ThreadPoolExecutor

    from django.db import connections

    def publish(_part: int) -> int:
        try:
            return len(actions.publish_crls(force=True, **centre.options))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        made = sum(pool.map(publish, range(4)))
    assert made >= 1 + centre.world.policy.status.crl_shards
    for shard in range(centre.world.policy.status.crl_shards):
        numbers = list(
            Crl.objects.filter(issuer__label="issuing-1", shard=shard).values_list("number", flat=True)
        )
        assert len(numbers) == len(set(numbers))
