"""Revocation lists: written by hand, read by others."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from tests.unit.pki.kit import ALGORITHMS, NOW, URLS, house

from dojang.pki import crl, der
from dojang.pki.build import new_serial
from dojang.pki.crl import REASONS, CrlEntry
from dojang.pki.errors import MalformedError, ProfileError
from dojang.pki.names import authority_name
from dojang.pki.paths.lists import read_foreign_list, walk_entries
from dojang.pki.signing import signature_algorithm

ENTRIES = [
    CrlEntry(new_serial(), NOW - timedelta(seconds=number * 86_399), reason)
    for number, reason in enumerate(REASONS)
]
FLAGS = {
    "unspecified": None,
    "keyCompromise": x509.ReasonFlags.key_compromise,
    "cACompromise": x509.ReasonFlags.ca_compromise,
    "affiliationChanged": x509.ReasonFlags.affiliation_changed,
    "superseded": x509.ReasonFlags.superseded,
    "cessationOfOperation": x509.ReasonFlags.cessation_of_operation,
    "certificateHold": x509.ReasonFlags.certificate_hold,
    "removeFromCRL": x509.ReasonFlags.remove_from_crl,
    "privilegeWithdrawn": x509.ReasonFlags.privilege_withdrawn,
    "aACompromise": x509.ReasonFlags.aa_compromise,
}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("idp", [URLS.crl, None], ids=["shard", "whole"])
def test_a_list_is_what_pyca_would_build(algorithm: str, idp: str | None) -> None:
    """The body is, octet for octet, the one an independent builder makes."""
    ours = house(algorithm)
    data = ours.revocations(ENTRIES, idp_url=idp)
    issuer = x509.load_der_x509_certificate(ours.issuing)
    key = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.subject)
        .last_update(NOW)
        .next_update(NOW + timedelta(days=1))
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(key), critical=False)
        .add_extension(x509.CRLNumber(7), critical=False)
    )
    if idp:
        point = x509.IssuingDistributionPoint(
            full_name=[x509.UniformResourceIdentifier(idp)],
            relative_name=None,
            only_contains_user_certs=False,
            only_contains_ca_certs=False,
            only_some_reasons=None,
            indirect_crl=False,
            only_contains_attribute_certs=False,
        )
        builder = builder.add_extension(point, critical=True)
    for entry in ENTRIES:
        revoked = x509.RevokedCertificateBuilder().serial_number(entry.serial).revocation_date(entry.at)
        flag = FLAGS[entry.reason]
        if flag is not None:
            revoked = revoked.add_extension(x509.CRLReason(flag), critical=False)
        builder = builder.add_revoked_certificate(revoked.build())
    signing_key: Any = ours.keys["issuing"]
    found = x509.load_der_x509_crl(data)
    algorithm_used: Any = found.signature_hash_algorithm
    slow = builder.sign(signing_key, algorithm_used)
    assert found.tbs_certlist_bytes.hex() == slow.tbs_certlist_bytes.hex()
    public: Any = issuer.public_key()
    assert found.is_signature_valid(public)


def _entries(data: bytes) -> list[CrlEntry]:
    walked = walk_entries(read_foreign_list(data))
    return [CrlEntry(serial, entry.at, entry.reason) for _, serial, entry in walked]


def test_a_list_reads_back() -> None:
    """Number, shard, times and entries survive, and our own lint has no objection."""
    found = crl.read_crl(house().revocations(ENTRIES, number=2**150))
    assert (found.facts.number, found.facts.idp_url) == (2**150, URLS.crl)
    assert (found.facts.this_update, found.facts.next_update) == (NOW, NOW + timedelta(days=1))
    assert _entries(house().revocations(ENTRIES)) == ENTRIES


def test_an_empty_list_has_no_entries_element() -> None:
    """``revokedCertificates`` is absent rather than empty (RFC 5280 §5.1.2.6)."""
    data = house().revocations()
    assert len(x509.load_der_x509_crl(data)) == 0
    assert _entries(data) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"number": -1},
        {"number": 2**159},
        {"next_update": NOW},
        {"this_update": NOW.replace(microsecond=5)},
        {"idp_url": "http://가.test/"},
        {"algorithm": "rsa-md5"},
    ],
)
def test_a_list_off_the_rules_is_not_built(changes: dict[str, Any]) -> None:
    """Bad numbers, times and addresses are refused before anything could be signed."""
    with pytest.raises(ProfileError):
        house().revocations(ENTRIES, **changes)


def _tbs(**changes: Any) -> bytes:
    arguments: dict[str, Any] = {
        "issuer_certificate": house().issuing,
        "algorithm": "ec-p256",
        "number": 8,
        "this_update": NOW,
        "next_update": NOW + timedelta(days=1),
        "entries": ENTRIES,
        "idp_url": URLS.crl,
    }
    return crl.build_tbs_crl(**(arguments | changes))


def test_the_gate_lets_a_list_through_and_tells_its_number() -> None:
    """The signer learns number and shard from the bytes it will sign, not from who asks."""
    facts = crl.check_tbs_crl(_tbs(), issuer_certificate=house().issuing, now=NOW)
    assert (facts.number, facts.idp_url) == (8, URLS.crl)


@pytest.mark.parametrize(
    "why", ["issuer", "algorithm", "weak", "past", "future", "key", "extension", "junk", "version"]
)
def test_the_gate_refuses_a_list_it_should_not_sign(why: str) -> None:
    """Another issuer, another algorithm, another time, another key or another shape."""
    ours = house()
    tbs = {
        "issuer": lambda: _tbs(issuer_certificate=ours.root),
        "algorithm": lambda: _tbs(algorithm="ecdsa-sha512"),
        "weak": lambda: _tbs().replace(
            signature_algorithm("ec-p256").der, signature_algorithm("rsa-sha1").der
        ),
        "past": lambda: _tbs(this_update=NOW - timedelta(seconds=301)),
        "future": lambda: _tbs(this_update=NOW + timedelta(seconds=301)),
        "key": lambda: _tbs(issuer_certificate=_same_name_other_key()),
        "extension": lambda: _tbs().replace(der.oid("2.5.29.20"), der.oid("2.5.29.27")),
        "junk": lambda: _tbs() + b"\0",
        "version": lambda: _tbs().replace(b"\x02\x01\x01", b"\x02\x01\x00", 1),
    }[why]()
    with pytest.raises(ProfileError):
        crl.check_tbs_crl(tbs, issuer_certificate=ours.issuing, now=NOW)


def _same_name_other_key() -> bytes:
    """Make an authority that took our authority's name."""
    from tests.unit.pki.kit import ARC, ROOT_URLS, key_of

    from dojang.pki import build
    from dojang.pki.profiles import PROFILES
    from dojang.pki.signing import public_key_bytes, sign

    tbs = build.build_tbs(
        PROFILES["issuing"],
        issuer_certificate=house().root,
        issuer_algorithm="ec-p256",
        subject=authority_name(organization="dojang", common_name="Dojang CA 1"),
        public_key=public_key_bytes(key_of("ec-p256", "customer")),
        serial=new_serial(),
        not_before=NOW,
        not_after=NOW + timedelta(days=30),
        urls=ROOT_URLS,
        identify=None,
        policy_arc=ARC,
    )
    return build.assemble_certificate(tbs, sign(house().keys["root"], "ec-p256", tbs), "ec-p256")


def test_what_is_off_in_a_list_read_is_malformed() -> None:
    """Missing numbers, empty entry lists and unknown reasons are refused by the reader."""
    tbs = _tbs(entries=[CrlEntry(5, NOW, "superseded")])
    for broken in (
        tbs.replace(der.enumerated(4), der.enumerated(7)),
        tbs.replace(
            der.oid("2.5.29.21"), der.oid("2.5.29.24")
        ).replace(  # another extension, made critical by length
            b"\x04\x03\x0a\x01\x04", b"\x01\x01\xff\x04\x00"
        ),
    ):
        data = crl.assemble_crl(broken, b"signature", "ec-p256")
        with pytest.raises(MalformedError):
            _entries(data)
