"""Certificates shaped as real Korean ones: critical limits on policies, notices in BMP, identity data."""

from __future__ import annotations

import base64
import hashlib
import subprocess
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.x509.oid import ObjectIdentifier
from tests.unit.pki.paths.makers import NOW, Made, make, name, raw, usage

from dojang.pki import der
from dojang.pki.errors import MalformedError, VerificationError
from dojang.pki.explaining import Inquiry, explain, read_trust_list
from dojang.pki.paths import Demands, PolicyDemands, Trust, verify_path

if TYPE_CHECKING:
    from pathlib import Path

BANKING = "1.2.410.200005.1.1.4"  # personal, banks and insurers only
CORPORATE = "1.2.410.200005.1.1.5"
ANY = "2.5.29.32.0"
_IDENTITY = ObjectIdentifier("1.2.410.200004.10.1.1")


def _policies(dotted: str) -> tuple[x509.ExtensionType, bool]:
    """Return critical certificatePolicies with a statement's address and a notice in BMPString."""
    notice = "이 인증서는 시험용 인증서입니다".encode("utf-16-be")
    user_notice = der.sequence(der.oid("1.3.6.1.5.5.7.2.2"), der.sequence(der.tlv(der.BMP, notice)))
    statement = der.sequence(der.oid("1.3.6.1.5.5.7.2.1"), der.tlv(der.IA5, b"http://cps.example/cps.htm"))
    one = der.sequence(der.oid(dotted), der.sequence(user_notice, statement))
    return raw("2.5.29.32", der.sequence(one), critical=True)


def _named(real_name: str) -> x509.SubjectAlternativeName:
    """Return identifyData with the real name alone, as authorities have it."""
    inner = der.sequence(der.tlv(der.UTF8, real_name.encode()))
    return x509.SubjectAlternativeName([x509.OtherName(_IDENTITY, inner)])


def _at(place: str) -> tuple[x509.ExtensionType, bool]:
    """Return a distribution point in a directory."""
    full = [x509.UniformResourceIdentifier(f"ldap://ds.example:389/{place}?certificateRevocationList")]
    return x509.CRLDistributionPoints([x509.DistributionPoint(full, None, None, None)]), False


def _chain() -> tuple[Made, Made, Made]:
    """Make a root, an authority as the generation of 2026 has it, and a customer of a bank."""
    top = name("KISA RootCA X", COUNTRY_NAME="KR", ORGANIZATION_NAME="KISA")
    root = make("Korean Root", authority=True, subject=top, san=_named("시험기관"), path_length=1)
    limits = x509.PolicyConstraints(require_explicit_policy=0, inhibit_policy_mapping=None), True
    issuing = make(
        "Korean CA",
        root,
        authority=True,
        subject=name("testCA Class 4", COUNTRY_NAME="KR", ORGANIZATION_NAME="test"),
        san=_named("시험인증"),
        path_length=0,
        more=(_policies(ANY), limits, _at("ou=ARL,o=KISA,c=KR")),
    )
    aki = x509.AuthorityKeyIdentifier(
        x509.SubjectKeyIdentifier.from_public_key(issuing.key.public_key()).digest,
        [x509.DirectoryName(top)],
        issuing.certificate.serial_number,
    )
    customer = make(
        "Korean Customer",
        issuing,
        authority=False,
        subject=name("홍길동()000888012026030200001", COUNTRY_NAME="kr", ORGANIZATION_NAME="test"),
        san=_named("홍길동"),
        bits=usage("digital_signature", "content_commitment"),
        eku=None,
        aki=aki,
        more=(_policies(BANKING), _at("ou=dp5p98032,ou=AccreditedCA,o=test,c=kr")),
    )
    return root, issuing, customer


def _trust(root: Made, issuing: Made, *policies: str) -> Trust:
    return Trust(
        roots=(root.der,),
        intermediates=(issuing.der,),
        policies=frozenset(policies) or None,
        status="none",
    )


def test_a_korean_chain_is_right() -> None:
    """Critical policies and a critical demand for one are understood, and the policy is told."""
    root, issuing, customer = _chain()
    path = verify_path(customer.der, trust=_trust(root, issuing), at=NOW)
    assert path.policies == {BANKING}
    assert path.certificates == (customer.der, issuing.der, root.der)
    accepted = verify_path(customer.der, trust=_trust(root, issuing, BANKING, CORPORATE), at=NOW)
    assert accepted.policies == {BANKING}


def test_a_policy_that_is_not_accepted_is_refused() -> None:
    """A site that takes certificates of companies alone refuses a person's; required is required."""
    root, issuing, customer = _chain()
    with pytest.raises(VerificationError) as caught:
        verify_path(customer.der, trust=_trust(root, issuing, CORPORATE), at=NOW)
    assert caught.value.data["why"] == "policy"
    # The authority itself demands a policy (requireExplicitPolicy 0), whatever the verifier wants.
    demands = Demands(policies=PolicyDemands(initial=frozenset({CORPORATE})))
    with pytest.raises(VerificationError) as caught:
        verify_path(customer.der, trust=_trust(root, issuing), at=NOW, demands=demands)
    assert caught.value.data["why"] == "policy"


def test_openssl_takes_the_same_chain(tmp_path: Path) -> None:
    """The openssl command finds it right too, under the same policy."""
    for stem, made in zip(("root", "issuing", "customer"), _chain(), strict=True):
        (tmp_path / stem).write_text(made.pem)
    command = f"openssl verify -CAfile root -untrusted issuing -attime {int(NOW.timestamp())} -policy_check"
    for policy, code in ((BANKING, 0), (CORPORATE, 2)):
        asked = [*command.split(), "-policy", policy, "customer"]
        assert subprocess.run(asked, cwd=tmp_path, capture_output=True, check=False).returncode == code


def _list_of(root: Made, issuing: Made, told: str | None = None) -> str:
    told = told or hashlib.sha256(root.der).hexdigest()
    return (
        f'[[anchor]]\nname = "root"\nsha256 = "{told}"\ncertificate = "{root.text}"\n'
        f'[[between]]\ncertificate = "{base64.b64encode(issuing.der).decode()}"\n'
        f'[policies."{BANKING}"]\nko = "개인 은행·보험용"\nen = "personal, banks and insurers"\n'
    )


def test_trust_is_data() -> None:
    """A trust list names roots by hash, authorities below, and what policies are called."""
    root, issuing, customer = _chain()
    known = read_trust_list(_list_of(root, issuing))
    assert known.policies[BANKING]["en"] == "personal, banks and insurers"
    trust = Trust(roots=known.anchors, intermediates=known.between, status="none")
    found = explain(customer.der, Inquiry(trust, NOW))
    assert (found.verdict, found.subjects[0].policies) == ("valid", (BANKING,))


@pytest.mark.parametrize(
    "text",
    [
        "not toml = = =",
        "anchor = 1",
        "[[anchor]]\nname = 'x'",
        "[[anchor]]\ncertificate = '!'",
        "[[anchor]]\ncertificate = 'AAAA'\nsha256 = 'x'",
        "policies = 3",
    ],
)
def test_a_trust_list_that_is_none_is_refused(text: str) -> None:
    """With our own error, before anybody is believed."""
    with pytest.raises(MalformedError):
        read_trust_list(text)


def test_an_anchor_must_fit_its_hash() -> None:
    """A root that was exchanged in the list, or stands there without its hash, is not believed."""
    root, issuing, _ = _chain()
    for told in ("00" * 32, hashlib.sha256(issuing.der).hexdigest()):
        with pytest.raises(MalformedError):
            read_trust_list(_list_of(root, issuing, told))
    with pytest.raises(MalformedError):
        read_trust_list(f'[[anchor]]\ncertificate = "{root.text}"\n')
