"""Building certificates: the spliced bytes are those of an independent builder."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID
from tests.unit.pki.kit import ALGORITHMS, ARC, IDENTIFY, NOW, URLS, R, customer, house, key_of

from dojang.pki import build, der, oids
from dojang.pki.errors import ProfileError
from dojang.pki.npki.vid import IdentifyData
from dojang.pki.profiles import PROFILES, Urls
from dojang.pki.signing import public_key_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = {
    "C": NameOID.COUNTRY_NAME,
    "O": NameOID.ORGANIZATION_NAME,
    "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "CN": NameOID.COMMON_NAME,
}


def _usage(*names: str) -> x509.KeyUsage:
    every = [
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    ]
    return x509.KeyUsage(**{name: name in names for name in every})


def _slow(
    data: bytes, issuer: bytes | None, extensions: list[tuple[x509.ExtensionType, bool]], by: Any
) -> bytes:
    """Build the same certificate with pyca from what it says, and return the body."""
    found = x509.load_der_x509_certificate(data)
    subject = x509.Name([x509.NameAttribute(a.oid, a.value) for a in found.subject])
    above = x509.load_der_x509_certificate(issuer or data)
    builder = (
        x509.CertificateBuilder()
        .serial_number(found.serial_number)
        .issuer_name(above.subject)
        .subject_name(subject)
        .public_key(found.public_key())
        .not_valid_before(found.not_valid_before_utc)
        .not_valid_after(found.not_valid_after_utc)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    algorithm: Any = found.signature_hash_algorithm
    return builder.sign(by, algorithm).tbs_certificate_bytes


def _link(issuer: bytes) -> tuple[x509.ExtensionType, bool]:
    key = x509.load_der_x509_certificate(issuer).extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(key.value), False


def _own(data: bytes) -> tuple[x509.ExtensionType, bool]:
    key: Any = x509.load_der_x509_certificate(data).public_key()
    return x509.SubjectKeyIdentifier.from_public_key(key), False


def _points(url: str) -> tuple[x509.ExtensionType, bool]:
    point = x509.DistributionPoint([x509.UniformResourceIdentifier(url)], None, None, None)
    return x509.CRLDistributionPoints([point]), False


def _access(*ways: tuple[x509.ObjectIdentifier, str]) -> tuple[x509.ExtensionType, bool]:
    described = [x509.AccessDescription(way, x509.UniformResourceIdentifier(url)) for way, url in ways]
    return x509.AuthorityInformationAccess(described), False


def _financial(data: bytes, issuer: bytes) -> list[tuple[x509.ExtensionType, bool]]:
    notice = x509.UserNotice(None, PROFILES["financial"].notice)
    policy = x509.PolicyInformation(x509.ObjectIdentifier(f"{ARC}.1.2"), [notice, URLS.cps or ""])
    # The value of the otherName by its structure, written here with nothing but concatenation.
    identifier = bytes.fromhex("300b0609608648016503040201") + bytes.fromhex("a0220420") + IDENTIFY.vid
    info = bytes.fromhex("060a2a831a8c9a440a010101") + b"\x30" + bytes([len(identifier)]) + identifier
    info = b"\x30" + bytes([len(info)]) + info
    name = "홍길동".encode()
    body = b"\x0c" + bytes([len(name)]) + name + b"\x30" + bytes([len(info)]) + info
    other = x509.OtherName(
        x509.ObjectIdentifier("1.2.410.200004.10.1.1"), b"\x30" + bytes([len(body)]) + body
    )
    return [
        _link(issuer),
        _own(data),
        (_usage("digital_signature", "content_commitment"), True),
        (x509.CertificatePolicies([policy]), True),
        (x509.SubjectAlternativeName([other]), False),
        _points(URLS.crl or ""),
        _access(
            (AuthorityInformationAccessOID.OCSP, URLS.ocsp or ""),
            (AuthorityInformationAccessOID.CA_ISSUERS, URLS.aia or ""),
        ),
    ]


@pytest.mark.parametrize("subject_key", ALGORITHMS)
@pytest.mark.parametrize("algorithm", ["ec-p256", "ec-p384", "rsa-2048", "rsa-4096"])
def test_a_customers_certificate_is_what_pyca_would_build(algorithm: str, subject_key: str) -> None:
    """Spliced and slowly built bodies are the same octets, for every pair of key kinds."""
    ours = house(algorithm)
    spki = public_key_bytes(key_of(subject_key, "customer"))
    tbs = ours.tbs(public_key=spki)
    data = ours.seal(tbs)
    slow = _slow(data, ours.issuing, _financial(data, ours.issuing), ours.keys["issuing"])
    assert tbs.hex() == slow.hex()


def test_the_authorities_certificates_are_what_pyca_would_build() -> None:
    """Root, issuing and responder certificates too are the octets of an independent builder."""
    ours = house()
    signs = (_usage("key_cert_sign", "crl_sign"), True)
    root = [_own(ours.root), (x509.BasicConstraints(ca=True, path_length=None), True), signs]
    any_policy = x509.PolicyInformation(x509.ObjectIdentifier("2.5.29.32.0"), None)
    issuing = [
        _link(ours.root),
        _own(ours.issuing),
        (x509.BasicConstraints(ca=True, path_length=0), True),
        signs,
        (x509.CertificatePolicies([any_policy]), False),
        _points("http://status.dojang.test/crl/root/0.crl"),
        _access((AuthorityInformationAccessOID.CA_ISSUERS, "http://status.dojang.test/aia/root.cer")),
    ]
    responder = [
        _link(ours.issuing),
        _own(ours.responder),
        (_usage("digital_signature"), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), False),
        (x509.OCSPNoCheck(), False),
    ]
    for data, issuer, extensions, by in (
        (ours.root, None, root, "root"),
        (ours.issuing, ours.root, issuing, "root"),
        (ours.responder, ours.issuing, responder, "issuing"),
    ):
        expected = _slow(data, issuer, extensions, ours.keys[by])
        assert x509.load_der_x509_certificate(data).tbs_certificate_bytes.hex() == expected.hex()


def test_a_name_of_any_length_is_spliced_right() -> None:
    """Lengths around the one- and two-octet borders are written as pyca writes them."""
    ours = house()
    for name in ["a" * n for n in range(1, 43)] + ["가" * n for n in range(1, 15)]:
        data = ours.seal(ours.tbs(subject=customer(name)))
        slow = _slow(data, ours.issuing, _financial(data, ours.issuing), ours.keys["issuing"])
        assert x509.load_der_x509_certificate(data).tbs_certificate_bytes == slow


def test_invariant_03_serials_are_long_random_and_different() -> None:
    """16 octets, positive, the random part never seen twice (invariant 3)."""
    serials = {build.new_serial() for _ in range(2000)}
    assert len(serials) == 2000
    assert {serial.bit_length() for serial in serials} == {127}
    seen = 0
    for serial in serials:
        seen |= serial ^ (1 << 126)
    assert seen == (1 << 126) - 1


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (datetime(2026, 3, 2, 3, 4, 5, tzinfo=UTC), datetime(2029, 3, 1, 14, 59, 59, tzinfo=UTC)),
        # A quarter past midnight in Seoul is still the day before in UTC.
        (datetime(2026, 3, 1, 15, 15, tzinfo=UTC), datetime(2029, 3, 1, 14, 59, 59, tzinfo=UTC)),
        (datetime(2026, 3, 1, 14, 45, tzinfo=UTC), datetime(2029, 2, 28, 14, 59, 59, tzinfo=UTC)),
    ],
)
def test_a_life_ends_with_the_korean_day(start: datetime, end: datetime) -> None:
    """NotAfter is 23:59:59 in Seoul, as in every NPKI certificate."""
    assert build.end_of_day(start, 1095) == end


def test_both_end_points_belong_to_the_life() -> None:
    """A life of exactly the maximum counts its last second; one second more is refused."""
    ours = house()
    last = NOW + PROFILES["financial"].max_life - timedelta(seconds=1)
    assert ours.tbs(not_after=last)
    with pytest.raises(ProfileError):
        ours.tbs(not_after=last + timedelta(seconds=1))


def test_years_from_2050_are_generalized_time() -> None:
    """A body that ends in 2050 changes its time type, not its meaning."""
    root = build.build_tbs(
        PROFILES["root"],
        issuer_certificate=None,
        issuer_algorithm="ec-p256",
        subject=customer(),
        public_key=public_key_bytes(key_of("ec-p256", "root")),
        serial=build.new_serial(),
        not_before=NOW.replace(year=2031),
        not_after=NOW.replace(year=2050),
        urls=Urls(),
        identify=None,
        policy_arc=ARC,
    )
    assert der.time(NOW.replace(year=2050)) in root
    assert b"\x18\x0f20500302030405Z" in root


REFUSED: dict[str, Callable[[], dict[str, Any]]] = {
    "short serial": lambda: {"serial": 2**100},
    "negative serial": lambda: {"serial": -(2**126)},
    "serial of 21 octets": lambda: {"serial": 2**159},
    "ends before it begins": lambda: {"not_after": NOW - timedelta(seconds=1)},
    "fraction of a second": lambda: {"not_before": NOW.replace(microsecond=1)},
    "naive time": lambda: {"not_before": NOW.replace(tzinfo=None)},
    "outlives its issuer": lambda: {
        "not_before": NOW + timedelta(days=3000),
        "not_after": NOW + timedelta(days=3651),
    },
    "no identifyData": lambda: {"identify": None},
    "no issuer": lambda: {"issuer_certificate": None},
    "SHA-1": lambda: {"issuer_algorithm": "rsa-md5"},
    "no CRL address": lambda: {"urls": Urls(ocsp=URLS.ocsp, aia=URLS.aia)},
    "no OCSP address": lambda: {"urls": Urls(crl=URLS.crl, aia=URLS.aia)},
    "CRL over https": lambda: {"urls": Urls(ocsp=URLS.ocsp, aia=URLS.aia, crl="https://a.test/a.crl")},
    "address with a space": lambda: {"urls": Urls(ocsp=URLS.ocsp, aia=URLS.aia, crl="http://a.test/ a")},
    "address beyond ASCII": lambda: {"urls": Urls(ocsp=URLS.ocsp, aia=URLS.aia, crl="http://가.test/a")},
    "arc of letters": lambda: {"policy_arc": "a.b"},
    "arc too large": lambda: {"policy_arc": "2.25.185347201837465"},
    "arc that is none": lambda: {"policy_arc": "7.1"},
    "name with a line break": lambda: {"identify": IdentifyData("홍\n길동", IDENTIFY.vid)},
}


@pytest.mark.parametrize("why", sorted(REFUSED))
def test_what_does_not_fit_the_profile_is_not_built(why: str) -> None:
    """Each argument off the profile is a `ProfileError`, raised before anything could be signed."""
    with pytest.raises(ProfileError) as caught:
        house().tbs(**REFUSED[why]())
    assert caught.value.code == "profile_broken"
    assert R.hex() not in str(caught.value)


def test_identify_data_has_no_place_in_an_authoritys_certificate() -> None:
    """Only customers are persons."""
    with pytest.raises(ProfileError):
        house().tbs("ocsp", identify=IDENTIFY)


def test_a_root_key_is_not_short() -> None:
    """RSA-2048 serves customers, not the root."""
    key = public_key_bytes(key_of("rsa-2048", "root"))
    with pytest.raises(ProfileError):
        house().tbs("root", issuer_certificate=None, public_key=key, identify=None)


def test_the_policy_lies_under_the_banks_own_arc() -> None:
    """Another arc gives another policy OID, and nothing else changes."""
    ours = house()
    serial = build.new_serial()
    one, two = (ours.tbs(serial=serial, policy_arc=arc) for arc in (ARC, "1.3.6.1.4.1.32473.2"))
    assert one.replace(der.oid(oids.policy_oid(ARC, "1.2")), der.oid("1.3.6.1.4.1.32473.2.1.2")) == two


def test_a_certificate_is_its_body_and_signature() -> None:
    """Assembling adds nothing to what was signed."""
    ours = house()
    tbs = ours.tbs()
    found = x509.load_der_x509_certificate(ours.seal(tbs))
    assert found.tbs_certificate_bytes == tbs
    found.verify_directly_issued_by(x509.load_der_x509_certificate(ours.issuing))
    assert isinstance(found.signature_hash_algorithm, hashes.SHA256)
