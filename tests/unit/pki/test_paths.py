"""Verifying up to the root: right passes, each single fault is refused, not knowing is not wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.pki.kit import ALGORITHMS, ARC, NOW, ROOT_URLS, URLS, House, house, key_of

from dojang.pki import build, der, ocsp, oids
from dojang.pki.certificate import read_certificate, read_tbs
from dojang.pki.crl import CrlEntry
from dojang.pki.errors import IndeterminateError, MalformedError, VerificationError
from dojang.pki.names import authority_name
from dojang.pki.paths import Trust, verify_path
from dojang.pki.paths.lists import read_distribution_points
from dojang.pki.profiles import PROFILES
from dojang.pki.signing import public_key_bytes, sign

if TYPE_CHECKING:
    from collections.abc import Callable

POLICY = oids.policy_oid(ARC, "1.2")
SECOND = timedelta(seconds=1)
SERIAL = build.new_serial()


def _trust(ours: House, **changes: Any) -> Trust:
    """Everything a verifier needs: the root, the authority between, and fresh lists."""
    trust = Trust(
        roots=(ours.root,),
        intermediates=(ours.issuing,),
        policies=frozenset({POLICY}),
        crls=(house_list(ours), ours.revocations()),
    )
    return replace(trust, **changes)


def house_list(ours: House, *entries: CrlEntry) -> bytes:
    """Make the root's list, signed by the root's own algorithm."""
    from dojang.pki.crl import assemble_crl, build_tbs_crl

    algorithm = "rsa-3072" if ours.algorithm == "rsa-2048" else ours.algorithm
    tbs = build_tbs_crl(
        issuer_certificate=ours.root,
        algorithm=algorithm,
        number=1,
        this_update=NOW,
        next_update=NOW + timedelta(days=30),
        entries=entries,
        idp_url=None,  # one list for all: with a shard's name openssl would find the root outside its scope
    )
    return assemble_crl(tbs, sign(ours.keys["root"], algorithm, tbs), algorithm)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_customers_certificate_verifies(algorithm: str) -> None:
    """Leaf, issuing authority and root make a path under every kind of key, with nothing weak in it."""
    ours = house(algorithm)
    leaf = ours.certificate()
    path = verify_path(leaf, trust=_trust(ours), at=NOW)
    assert path.certificates == (leaf, ours.issuing, ours.root)
    assert path.policies == frozenset({POLICY})
    assert path.weak == ()


def test_the_responder_verifies_without_status() -> None:
    """A certificate with ocsp-nocheck is not asked about (RFC 6960 §4.2.2.2.1)."""
    ours = house()
    trust = _trust(ours, policies=None, crls=(house_list(ours),))
    assert verify_path(ours.responder, trust=trust, at=NOW).certificates[0] == ours.responder


@pytest.mark.parametrize(
    ("at", "valid"),
    [
        (NOW - SECOND, False),
        (NOW, True),
        (build.end_of_day(NOW, 1095), True),
        (build.end_of_day(NOW, 1095) + timedelta(microseconds=999_999), True),
        (build.end_of_day(NOW, 1095) + SECOND, False),
    ],
)
def test_both_end_points_belong_to_the_life(at: datetime, *, valid: bool) -> None:
    """The first and the last second are inside, their neighbours are not."""
    ours = house()
    trust = _trust(ours, status="none")
    if valid:
        assert verify_path(ours.certificate(), trust=trust, at=at)
    else:
        with pytest.raises(VerificationError):
            verify_path(ours.certificate(), trust=trust, at=at)


def _flipped(data: bytes) -> bytes:
    """Return the same certificate with one bit of its body changed, still readable."""
    facts = read_certificate(data)
    at = data.index(der.integer(facts.facts.serial)) + 5
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def _authority(changes: Callable[[bytes], bytes] = lambda tbs: tbs, **arguments: Any) -> bytes:
    """Another authority under the root with the issuing key, its body changed before signing."""
    usual: dict[str, Any] = {
        "issuer_certificate": house().root,
        "issuer_algorithm": "ec-p256",
        "subject": authority_name(organization="dojang", common_name="Dojang CA 1"),
        "public_key": public_key_bytes(house().keys["issuing"]),
        "serial": build.new_serial(),
        "not_before": NOW,
        "not_after": NOW + timedelta(days=3650),
        "urls": ROOT_URLS,
        "identify": None,
        "policy_arc": ARC,
    }
    tbs = build.build_tbs(PROFILES["issuing"], **(usual | arguments))
    tbs = changes(tbs)
    return build.assemble_certificate(tbs, sign(house().keys["root"], "ec-p256", tbs), "ec-p256")


def _swap(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    def change(tbs: bytes) -> bytes:
        assert old in tbs
        return tbs.replace(old, new)

    return change


def _without(dotted: str) -> Callable[[bytes], bytes]:
    def change(tbs: bytes) -> bytes:
        facts = read_tbs(tbs)
        listed = [
            der.sequence(der.oid(d), der.TRUE if e.critical else b"", der.octet_string(e.value))
            for d, e in facts.extensions.items()
            if d != dotted
        ]
        reader = der.whole(tbs)
        parts = []
        while reader.more and reader.tag != 0xA3:
            parts.append(reader.raw())
        return der.sequence(*parts, der.explicit(3, der.sequence(*listed)))

    return change


BASIC = der.sequence(der.TRUE, der.integer(0))
FAULTY_AUTHORITIES: dict[str, Callable[[], bytes]] = {
    "no basicConstraints": lambda: _authority(_without(oids.BASIC_CONSTRAINTS)),
    "not an authority": lambda: _authority(_swap(BASIC, der.sequence(der.octet_string(bytes(4))))),
    "may not sign certificates": lambda: _authority(_swap(der.named_bits(5, 6), der.named_bits(0, 6))),
    "unknown critical extension": lambda: _authority(
        _swap(der.oid(oids.BASIC_CONSTRAINTS) + der.TRUE, der.oid("2.5.29.99") + der.TRUE)
    ),
    "expired": lambda: _authority(not_after=NOW + timedelta(days=1)),
    "another name": lambda: _authority(subject=authority_name(organization="dojang", common_name="Other")),
    "another key": lambda: _authority(public_key=public_key_bytes(key_of("ec-p256", "customer"))),
    "signature broken": lambda: _flipped(house().issuing),
}


@pytest.mark.parametrize("why", sorted(FAULTY_AUTHORITIES))
def test_a_faulty_authority_breaks_the_path(why: str) -> None:
    """One fault in the certificate between is enough."""
    ours = house()
    between = FAULTY_AUTHORITIES[why]()
    trust = Trust(roots=(ours.root,), intermediates=(between,), status="none")
    with pytest.raises((VerificationError, MalformedError)):
        verify_path(ours.certificate(), trust=trust, at=NOW + timedelta(days=2))


def test_the_authority_made_for_these_faults_is_itself_right() -> None:
    """Without a fault the same construction verifies, so the refusals are for the faults."""
    trust = Trust(roots=(house().root,), intermediates=(_authority(),), status="none")
    assert verify_path(house().certificate(), trust=trust, at=NOW + timedelta(days=2))


def test_a_changed_leaf_is_refused() -> None:
    """One bit is enough."""
    ours = house()
    with pytest.raises(VerificationError):
        verify_path(_flipped(ours.certificate()), trust=_trust(ours), at=NOW)


def test_an_unknown_critical_extension_in_the_leaf_is_refused() -> None:
    """What must be understood and is not stops the verification (RFC 5280 §6.1.5 (f))."""
    ours = house()
    tbs = _swap(der.oid(oids.KEY_USAGE) + der.TRUE, der.oid("2.5.29.99") + der.TRUE)(ours.tbs())
    with pytest.raises(VerificationError) as caught:
        verify_path(ours.seal(tbs), trust=_trust(ours), at=NOW)
    assert caught.value.data["extension"] == "2.5.29.99"


def test_another_root_is_not_trusted() -> None:
    """A root that only has the same name has another key, and a root is taken by identity."""
    ours, other = house(), house("ec-p384")
    with pytest.raises(VerificationError):
        verify_path(ours.certificate(), trust=_trust(ours, roots=(other.root,)), at=NOW)
    with pytest.raises(VerificationError):
        verify_path(ours.root, trust=_trust(ours), at=NOW)
    with pytest.raises(VerificationError):
        verify_path(ours.certificate(), trust=_trust(ours, intermediates=()), at=NOW)


def test_a_customer_is_no_authority() -> None:
    """A certificate issued with a customer's key has no path, though every signature verifies."""
    ours = house()
    middle = ours.certificate()
    tbs = ours.tbs(issuer_certificate=middle, public_key=public_key_bytes(key_of("ec-p256", "root")))
    forged = build.assemble_certificate(tbs, sign(key_of("ec-p256", "customer"), "ec-p256", tbs), "ec-p256")
    trust = _trust(ours, intermediates=(ours.issuing, middle), status="none")
    with pytest.raises(VerificationError):
        verify_path(forged, trust=trust, at=NOW)


def test_the_path_length_is_kept() -> None:
    """An authority below an authority that may have none is refused."""
    ours = house()
    tbs = build.build_tbs(
        PROFILES["issuing"],
        issuer_certificate=ours.issuing,
        issuer_algorithm="ec-p256",
        subject=authority_name(organization="dojang", common_name="Dojang CA 9"),
        public_key=public_key_bytes(key_of("ec-p256", "lower")),
        serial=build.new_serial(),
        not_before=NOW,
        not_after=NOW + timedelta(days=1200),
        urls=ROOT_URLS,
        identify=None,
        policy_arc=ARC,
    )
    lower = ours.seal(tbs)
    body = ours.tbs(issuer_certificate=lower)
    leaf = build.assemble_certificate(body, sign(key_of("ec-p256", "lower"), "ec-p256", body), "ec-p256")
    trust = _trust(ours, intermediates=(lower, ours.issuing), status="none")
    with pytest.raises(VerificationError, match="longer"):
        verify_path(leaf, trust=trust, at=NOW)


def test_only_accepted_policies_pass() -> None:
    """A relying party that takes another product's certificates refuses this one."""
    ours = house()
    other = frozenset({oids.policy_oid(ARC, "1.1")})
    with pytest.raises(VerificationError) as caught:
        verify_path(ours.certificate(), trust=_trust(ours, policies=other), at=NOW)
    assert caught.value.data["policies"] == [POLICY]


# --- status ---------------------------------------------------------------------------------------------


def test_without_status_nothing_is_decided() -> None:
    """No list, no answer: indeterminate, which is another class than invalid."""
    ours = house()
    with pytest.raises(IndeterminateError) as caught:
        verify_path(ours.certificate(), trust=_trust(ours, crls=()), at=NOW)
    assert not isinstance(caught.value, VerificationError)
    assert sorted(caught.value.data["depths"]) == [0, 1]


def test_status_of_the_leaf_alone_may_be_asked() -> None:
    """A verifier may accept authorities without looking for their status."""
    ours = house()
    trust = _trust(ours, crls=(ours.revocations(),), status="leaf")
    assert verify_path(ours.certificate(), trust=trust, at=NOW)


@pytest.mark.parametrize("reason", ["superseded", "keyCompromise", "certificateHold", "unspecified"])
def test_a_revoked_certificate_is_invalid_by_its_list(reason: str) -> None:
    """From the moment of revocation the certificate is invalid, with the reason told."""
    ours = house()
    entry = CrlEntry(SERIAL, NOW, reason)
    trust = _trust(ours, crls=(house_list(ours), ours.revocations([CrlEntry(5, NOW, "superseded"), entry])))
    with pytest.raises(VerificationError) as caught:
        verify_path(ours.certificate(serial=SERIAL), trust=trust, at=NOW)
    assert caught.value.data["reason"] == reason


def test_a_revoked_authority_takes_its_customers_with_it() -> None:
    """The root's list is looked at as well."""
    ours = house()
    serial = read_certificate(ours.issuing).facts.serial
    trust = _trust(ours, crls=(house_list(ours, CrlEntry(serial, NOW, "cACompromise")), ours.revocations()))
    with pytest.raises(VerificationError) as caught:
        verify_path(ours.certificate(), trust=trust, at=NOW)
    assert caught.value.data["depth"] == 1


def test_another_shards_list_says_nothing() -> None:
    """A list for ``…/10.crl`` is not one for ``…/1.crl``."""
    ours = house()
    leaf = ours.certificate(urls=replace(URLS, crl="http://status.dojang.test/crl/issuing/1"))
    other = ours.revocations(idp_url="http://status.dojang.test/crl/issuing/10")
    right = ours.revocations(idp_url="http://status.dojang.test/crl/issuing/1")
    (point,) = read_distribution_points(read_certificate(leaf).facts.extensions["2.5.29.31"].value, b"")
    assert [name.text for name in point.names] == ["http://status.dojang.test/crl/issuing/1"]
    with pytest.raises(IndeterminateError):
        verify_path(leaf, trust=_trust(ours, crls=(house_list(ours), other)), at=NOW)
    assert verify_path(leaf, trust=_trust(ours, crls=(house_list(ours), other, right)), at=NOW)


def test_a_stale_or_forged_list_says_nothing() -> None:
    """Lists over their time or signed by another key leave the question open."""
    ours = house()
    stale = ours.revocations(this_update=NOW - timedelta(days=2), next_update=NOW - timedelta(days=1))
    early = ours.revocations(this_update=NOW + timedelta(hours=1), next_update=NOW + timedelta(hours=2))
    forged = bytearray(ours.revocations([CrlEntry(SERIAL, NOW, "superseded")]))
    forged[-1] ^= 1
    trust = _trust(ours, crls=(house_list(ours), stale, early, bytes(forged), b"junk"))
    with pytest.raises(IndeterminateError):
        verify_path(ours.certificate(serial=SERIAL), trust=trust, at=NOW)


def _asked(ours: House, *responses: bytes) -> Trust:
    return _trust(ours, crls=(house_list(ours),), responses=responses)


@pytest.mark.parametrize("hash_alg", ["sha1", "sha256"])
def test_an_answer_decides(hash_alg: str) -> None:
    """Good passes, revoked does not, whichever hash the CertID is by."""
    ours = house()
    leaf = ours.certificate(serial=SERIAL)
    cert_id = ocsp.cert_id(ours.issuing, SERIAL, hash_alg)
    good = ours.answer(ours.single(SERIAL, cert_id=cert_id))
    revoked = ours.answer(ours.single(SERIAL, "revoked", cert_id=cert_id))
    assert verify_path(leaf, trust=_asked(ours, good), at=NOW)
    with pytest.raises(VerificationError) as caught:
        verify_path(leaf, trust=_asked(ours, revoked), at=NOW)
    assert caught.value.data["reason"] == "superseded"


def test_the_latest_answer_counts() -> None:
    """An older *good* does not undo a newer *revoked*, in whatever order they are given."""
    ours = house()
    leaf = ours.certificate(serial=SERIAL)
    older = ours.answer(ours.single(SERIAL, this_update=NOW - timedelta(minutes=30)))
    newer = ours.answer(ours.single(SERIAL, "revoked"))
    for responses in ((older, newer), (newer, older)):
        with pytest.raises(VerificationError):
            verify_path(leaf, trust=_asked(ours, *responses), at=NOW)


def test_answers_nobody_may_rely_on_say_nothing() -> None:
    """Unknown, stale, about another serial, error, forged, or by a key without the purpose: undecided."""
    ours = house()
    leaf = ours.certificate(serial=SERIAL)
    hour = timedelta(hours=1)
    tbs = ours.response_data(ours.single(SERIAL))
    by_customer = ocsp.assemble_response(
        ours.response_data(
            ours.single(SERIAL),
            responder_key_hash=build.key_identifier(public_key_bytes(key_of("ec-p256", "customer"))),
        ),
        b"",
        "ec-p256",
        ours.certificate(),
    )
    data = ocsp.parse_response(by_customer).tbs
    by_customer = ocsp.assemble_response(
        data, sign(key_of("ec-p256", "customer"), "ec-p256", data), "ec-p256", ours.certificate()
    )
    useless = (
        ours.answer(ours.single(SERIAL, "unknown")),
        ours.answer(ours.single(SERIAL, this_update=NOW - 3 * hour, next_update=NOW - hour)),
        ours.answer(ours.single(SERIAL, this_update=NOW + hour, next_update=NOW + 2 * hour)),
        ours.answer(ours.single(SERIAL + 1)),
        ocsp.error_response("tryLater"),
        ocsp.assemble_response(tbs, der.sequence(der.integer(1), der.integer(1)), "ec-p256", ours.responder),
        ocsp.assemble_response(tbs, sign(ours.keys["ocsp"], "ec-p256", tbs), "ec-p256", None),
        by_customer,
        b"junk",
    )
    for response in useless:
        with pytest.raises(IndeterminateError):
            verify_path(leaf, trust=_asked(ours, response), at=NOW)


def test_the_issuer_may_answer_itself() -> None:
    """An answer signed by the issuing key needs no delegate (RFC 6960 §4.2.2.2)."""
    ours = house()
    tbs = ours.response_data(
        ours.single(SERIAL),
        responder_key_hash=build.key_identifier(public_key_bytes(ours.keys["issuing"])),
    )
    data = ocsp.assemble_response(tbs, sign(ours.keys["issuing"], "ec-p256", tbs), "ec-p256", None)
    assert verify_path(ours.certificate(serial=SERIAL), trust=_asked(ours, data), at=NOW)
