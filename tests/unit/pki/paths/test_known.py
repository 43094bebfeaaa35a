"""What is remembered about authorities from leaf to leaf can only say yes: each fault is found as before."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from tests.unit.pki.paths.makers import DAY, NOW, Made, between, dns, leaf, permit, root, usage

from dojang.pki.errors import VerificationError
from dojang.pki.paths import Demands, PeerName, PolicyDemands, Trust, verify_path
from dojang.pki.paths.links import make_pool

if TYPE_CHECKING:
    from datetime import datetime

P1, P2 = "1.3.6.1.4.1.32473.1.1", "1.3.6.1.4.1.32473.1.2"


def _policy(*dotted: str) -> tuple[x509.ExtensionType, bool]:
    listed = [x509.PolicyInformation(x509.ObjectIdentifier(one), None) for one in dotted]
    return x509.CertificatePolicies(listed), False


def _authorities() -> tuple[Made, Made, Trust]:
    """Make a root and an authority with limits, and verify a first leaf so that they are known."""
    anchor = root()
    layer = permit(x509.DNSName("example.com"))
    middle = between(anchor, ends=NOW + 10 * DAY, more=((layer, True), _policy(P1, P2)))
    trust = Trust(roots=(anchor.der,), intermediates=(middle.der,), status="none")
    verify_path(leaf(middle, more=(_policy(P1),)).der, trust=trust, at=NOW)
    assert make_pool(trust.roots, trust.intermediates).known
    return anchor, middle, trust


def _why(data: bytes, trust: Trust, at: datetime = NOW, **demands: Any) -> str:
    with pytest.raises(VerificationError) as caught:
        verify_path(data, trust=trust, at=at, demands=Demands(**demands))
    return str(caught.value.data["why"])


def test_a_right_leaf_below_known_authorities_is_the_same_as_below_new_ones() -> None:
    """Path, policies and weaknesses are those of a first look."""
    _, middle, trust = _authorities()
    second = leaf(middle, more=(_policy(P2),)).der
    known = verify_path(second, trust=trust, at=NOW)
    make_pool.cache_clear()
    assert verify_path(second, trust=trust, at=NOW) == known
    assert known.policies == {P2}


def test_every_fault_of_a_leaf_is_found() -> None:
    """Signature, name, life, critical extension, policy, peer: for the reason it has."""
    _, middle, trust = _authorities()
    forged = leaf(between(root("Other"), key_of="mallory")).der
    assert _why(forged, trust) == "signature"
    assert _why(leaf(middle, san=dns("www.example.org")).der, trust) == "name_constraints"
    assert _why(leaf(middle, ends=NOW - DAY / 2).der, trust) == "expired"
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b""), True
    assert _why(leaf(middle, more=(unknown,)).der, trust) == "critical_extension"
    first = leaf(middle, more=(_policy(P1),)).der
    verify_path(first, trust=replace(trust, policies=frozenset({P1})), at=NOW)
    assert _why(first, replace(trust, policies=frozenset({P2}))) == "policy"
    assert _why(leaf(middle).der, trust, policies=PolicyDemands(explicit=True)) == "policy"
    assert _why(first, trust, peers=(PeerName("dns", "other.example.com"),)) == "peer_name"


def test_an_authority_that_ended_meanwhile_is_not_remembered() -> None:
    """The memory holds only while everybody in it lives."""
    _, middle, trust = _authorities()
    late = NOW + 11 * DAY
    assert _why(leaf(middle, ends=NOW + 365 * DAY).der, trust, late) == "expired"
    early = NOW - 2 * DAY
    assert _why(leaf(middle, begins=early).der, trust, early + timedelta(hours=1)) == "not_yet_valid"


def test_a_root_is_not_verified_below_itself() -> None:
    """Also when its issuer's name is known."""
    anchor, _, trust = _authorities()
    verify_path(between(anchor, "Another", bits=usage("key_cert_sign")).der, trust=trust, at=NOW)
    assert _why(anchor.der, trust) == "anchor"


def test_two_authorities_of_one_name_serve_in_turn() -> None:
    """A key that was renewed: leaves of the old and of the new one verify, whoever was last."""
    anchor = root()
    old, new = between(anchor, key_of="old-key"), between(anchor, key_of="new-key")
    trust = Trust(roots=(anchor.der,), intermediates=(old.der, new.der), status="none")
    for issuer in (old, new, new, old, new):
        path = verify_path(leaf(issuer).der, trust=trust, at=NOW)
        assert path.certificates[1] == issuer.der
