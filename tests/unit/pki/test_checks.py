"""The last gate before a key is used: every rule is broken once, and the gate must see it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.unit.pki.kit import ALGORITHMS, ARC, IDENTIFY, NOW, ROOT_URLS, URLS, house, key_of

from dojang.pki import build, der, oids
from dojang.pki.certificate import read_tbs
from dojang.pki.checks import inspect_tbs
from dojang.pki.errors import ProfileError
from dojang.pki.names import authority_name, build_name
from dojang.pki.npki.vid import IdentifyData, encode_identify_data
from dojang.pki.profiles import PROFILES, Urls, check_tbs
from dojang.pki.signing import public_key_bytes, signature_algorithm

if TYPE_CHECKING:
    from collections.abc import Callable

FINANCIAL = PROFILES["financial"]
WEAK = 1024  # bits of RSA


class Draft:
    """A body taken apart, to be put together with one part changed."""

    def __init__(self, tbs: bytes) -> None:
        facts = read_tbs(tbs)
        self.version = der.explicit(0, der.integer(2))
        self.serial = der.integer(facts.serial)
        self.algorithm = facts.algorithm
        self.issuer = facts.issuer
        self.validity = der.sequence(der.time(facts.not_before), der.time(facts.not_after))
        self.subject = facts.subject
        self.spki = facts.spki
        self.unique = b""
        self.extensions = [(dotted, e.critical, e.value) for dotted, e in facts.extensions.items()]
        self.behind = b""

    def replace(self, dotted: str, value: bytes | None = None, *, critical: bool | None = None) -> Draft:
        """Change one extension's value or criticality."""
        self.extensions = [
            (
                d,
                c if critical is None or d != dotted else critical,
                v if value is None or d != dotted else value,
            )
            for d, c, v in self.extensions
        ]
        return self

    def set(self, **parts: bytes) -> Draft:
        """Change encoded parts."""
        for name, value in parts.items():
            setattr(self, name, value)
        return self

    def tbs(self) -> bytes:
        """Put the parts together again."""
        listed = [
            der.sequence(der.oid(d), der.TRUE if c else b"", der.octet_string(v))
            for d, c, v in self.extensions
        ]
        marked = der.explicit(3, der.sequence(*listed)) if listed else b""
        return der.sequence(
            self.version,
            self.serial,
            self.algorithm,
            self.issuer,
            self.validity,
            self.subject,
            self.spki,
            self.unique,
            marked,
            self.behind,
        )


def draft() -> Draft:
    """Take a body that keeps to the profile apart."""
    return Draft(house().tbs())


def _times(first: datetime, last: datetime) -> bytes:
    return der.sequence(der.time(first), der.time(last))


def _utf8_country() -> bytes:
    pairs = [("2.5.4.6", der.utf8("kr")), ("2.5.4.10", der.utf8("d")), ("2.5.4.11", der.utf8("u"))]
    pairs.append(("2.5.4.3", der.utf8("c")))
    return der.sequence(*(der.set_of(der.sequence(der.oid(d), value)) for d, value in pairs))


def _policies(*policies: str, qualifier: bytes = b"") -> bytes:
    return der.sequence(*(der.sequence(der.oid(p), qualifier) for p in policies))


def _notice(text: bytes) -> bytes:
    return der.sequence(der.sequence(der.oid(oids.USER_NOTICE_QUALIFIER), der.sequence(text)))


def _point(name: bytes) -> bytes:
    return der.sequence(der.sequence(der.explicit(0, der.explicit(0, name))))


def _access(*ways: tuple[str, bytes]) -> bytes:
    return der.sequence(*(der.sequence(der.oid(d), der.context(6, url)) for d, url in ways))


def _false_critical() -> bytes:
    made = draft()
    plain = der.sequence(der.oid(AKI), der.octet_string(made.extensions[0][2]))
    odd = der.sequence(der.oid(AKI), b"\x01\x01\x00", der.octet_string(made.extensions[0][2]))
    rest = made.tbs()
    before = rest.index(plain)
    extensions = rest[before:].replace(plain, odd, 1)
    made.extensions = []
    head = der.whole(made.tbs())
    return der.sequence(head.data[head.pos :], der.explicit(3, der.sequence(extensions)))


POLICY = oids.policy_oid(ARC, "1.2")
AKI = oids.AUTHORITY_KEY_IDENTIFIER
BROKEN: dict[str, tuple[str, Callable[[], bytes]]] = {
    "version 1": ("version", lambda: draft().set(version=b"").tbs()),
    "version 2": ("version", lambda: draft().set(version=der.explicit(0, der.integer(1))).tbs()),
    "short serial": ("serial", lambda: draft().set(serial=der.integer(2**118)).tbs()),
    "negative serial": ("serial", lambda: draft().set(serial=der.integer(-(2**126))).tbs()),
    "serial of 21 octets": ("serial", lambda: draft().set(serial=der.integer(2**159)).tbs()),
    "zero serial": ("serial", lambda: draft().set(serial=der.integer(0)).tbs()),
    "padded serial": (
        "malformed",
        lambda: draft().set(serial=der.tlv(der.INTEGER, b"\0" + bytes(15) + b"\1")).tbs(),
    ),
    "SHA-1": ("weak_signature", lambda: draft().set(algorithm=signature_algorithm("rsa-sha1").der).tbs()),
    "MD5": (
        "signature_algorithm",
        lambda: draft().set(algorithm=der.sequence(der.oid("1.2.840.113549.1.1.4"), der.NULL_VALUE)).tbs(),
    ),
    "another family's signature": (
        "signature_algorithm",
        lambda: draft().set(algorithm=signature_algorithm("rsa-sha256").der).tbs(),
    ),
    "another hash than the issuer's": (
        "signature_algorithm",
        lambda: draft().set(algorithm=signature_algorithm("ecdsa-sha512").der).tbs(),
    ),
    "another issuer": (
        "issuer",
        lambda: draft().set(issuer=authority_name(organization="dojang", common_name="Other").der).tbs(),
    ),
    "issuer in another string type": ("name_encoding", lambda: draft().set(issuer=_utf8_country()).tbs()),
    "ends before it begins": (
        "life",
        lambda: draft().set(validity=_times(NOW, NOW - timedelta(seconds=1))).tbs(),
    ),
    "a second too long": (
        "life",
        lambda: draft().set(validity=_times(NOW, NOW + FINANCIAL.max_life)).tbs(),
    ),
    "generalized time too early": (
        "time_type",
        lambda: draft().set(validity=der.sequence(der.generalized_time(NOW), der.time(NOW))).tbs(),
    ),
    "back-dated": (
        "back_dated",
        lambda: draft().set(validity=_times(NOW - timedelta(seconds=301), NOW + timedelta(days=1))).tbs(),
    ),
    "post-dated": (
        "post_dated",
        lambda: draft().set(validity=_times(NOW + timedelta(seconds=301), NOW + timedelta(days=1))).tbs(),
    ),
    "subject without a unit": (
        "name_shape",
        lambda: draft().set(subject=build_name(("C", "kr"), ("O", "d"), ("CN", "c")).der).tbs(),
    ),
    "subject in another order": (
        "name_shape",
        lambda: draft().set(subject=build_name(("O", "d"), ("C", "kr"), ("OU", "u"), ("CN", "c")).der).tbs(),
    ),
    "subject that is no name": ("name", lambda: draft().set(subject=der.sequence(der.NULL_VALUE)).tbs()),
    "unique identifier": ("unique_id", lambda: draft().set(unique=der.context(1, b"\0\1")).tbs()),
    "RSA-1024": (
        "key",
        lambda: draft().set(spki=public_key_bytes(rsa.generate_private_key(65537, WEAK))).tbs(),
    ),
    "no extensions": ("extensions", lambda: _without_all().tbs()),
    "one extension missing": ("extensions", lambda: _without(oids.CRL_DISTRIBUTION_POINTS).tbs()),
    "key identifier missing": ("extensions", lambda: _without(AKI).tbs()),
    "an unknown extension": ("extensions", lambda: _with("1.2.3.4", b"\x05\x00").tbs()),
    "authority rights": ("extensions", lambda: _with(oids.BASIC_CONSTRAINTS, b"\x30\x03\x01\x01\xff").tbs()),
    "the same extension twice": ("malformed", lambda: _with(AKI, b"\x30\x00").tbs()),
    "key usage not critical": ("extensions", lambda: draft().replace(oids.KEY_USAGE, critical=False).tbs()),
    "name critical": ("extensions", lambda: draft().replace(oids.SUBJECT_ALT_NAME, critical=True).tbs()),
    "critical written as false": ("malformed", _false_critical),
    "more usages": (
        "extension_value",
        lambda: draft().replace(oids.KEY_USAGE, der.named_bits(0, 1, 5)).tbs(),
    ),
    "usage with trailing zeros": (
        "extension_value",
        lambda: draft().replace(oids.KEY_USAGE, b"\x03\x02\x00\xc0").tbs(),
    ),
    "another key identifier": (
        "extension_value",
        lambda: draft().replace(oids.SUBJECT_KEY_IDENTIFIER, der.octet_string(bytes(20))).tbs(),
    ),
    "another authority key": (
        "authority_key",
        lambda: draft().replace(AKI, der.sequence(der.context(0, bytes(20)))).tbs(),
    ),
    "short authority key": (
        "extension_value",
        lambda: draft().replace(AKI, der.sequence(der.context(0, bytes(8)))).tbs(),
    ),
    "authority key with issuer and serial": (
        "extension_value",
        lambda: (
            draft()
            .replace(
                AKI, der.sequence(der.context(0, bytes(20)), der.explicit(1, b""), der.context(2, b"\1"))
            )
            .tbs()
        ),
    ),
    "another product's policy": (
        "extension_value",
        lambda: draft().replace(oids.CERTIFICATE_POLICIES, _policies(f"{ARC}.1.1")).tbs(),
    ),
    "any policy": (
        "extension_value",
        lambda: draft().replace(oids.CERTIFICATE_POLICIES, _policies(oids.ANY_POLICY)).tbs(),
    ),
    "two policies": (
        "extension_value",
        lambda: draft().replace(oids.CERTIFICATE_POLICIES, _policies(POLICY, oids.ANY_POLICY)).tbs(),
    ),
    "policy of another arc": (
        "policy_arc",
        lambda: draft().replace(oids.CERTIFICATE_POLICIES, _policies("1.3.6.1.4.1.32473.9.1.2")).tbs(),
    ),
    "notice in BMPString": (
        "extension_value",
        lambda: (
            draft()
            .replace(
                oids.CERTIFICATE_POLICIES,
                _policies(POLICY, qualifier=_notice(der.tlv(der.BMP, "글".encode("utf-16-be")))),
            )
            .tbs()
        ),
    ),
    "notice too long": (
        "extension_value",
        lambda: (
            draft()
            .replace(oids.CERTIFICATE_POLICIES, _policies(POLICY, qualifier=_notice(der.utf8("글" * 201))))
            .tbs()
        ),
    ),
    "unknown qualifier": (
        "extension_value",
        lambda: (
            draft()
            .replace(
                oids.CERTIFICATE_POLICIES,
                _policies(POLICY, qualifier=der.sequence(der.sequence(der.oid("1.2.3"), der.NULL_VALUE))),
            )
            .tbs()
        ),
    ),
    "practice statement by ftp": (
        "extension_value",
        lambda: (
            draft()
            .replace(
                oids.CERTIFICATE_POLICIES,
                _policies(
                    POLICY,
                    qualifier=der.sequence(
                        der.sequence(der.oid(oids.CPS_QUALIFIER), der.tlv(der.IA5, b"ftp://a.test/"))
                    ),
                ),
            )
            .tbs()
        ),
    ),
    "e-mail instead of identifyData": (
        "extension_value",
        lambda: (
            draft().replace(oids.SUBJECT_ALT_NAME, der.sequence(der.context(1, b"hong@dojang.test"))).tbs()
        ),
    ),
    "identifyData and an e-mail": (
        "extension_value",
        lambda: (
            draft()
            .replace(
                oids.SUBJECT_ALT_NAME,
                der.sequence(der.whole(encode_identify_data(IDENTIFY)).raw(), der.context(1, b"a@b.test")),
            )
            .tbs()
        ),
    ),
    "VID by SHA-1": (
        "extension_value",
        lambda: (
            draft()
            .replace(oids.SUBJECT_ALT_NAME, encode_identify_data(IdentifyData("홍길동", bytes(20), "sha1")))
            .tbs()
        ),
    ),
    "CRL by LDAP": (
        "extension_value",
        lambda: (
            draft()
            .replace(oids.CRL_DISTRIBUTION_POINTS, _point(der.context(6, b"ldap://ds.test/ou=dp1")))
            .tbs()
        ),
    ),
    "CRL by directory name": (
        "extension_value",
        lambda: (
            draft()
            .replace(oids.CRL_DISTRIBUTION_POINTS, _point(der.explicit(4, read_tbs(house().tbs()).issuer)))
            .tbs()
        ),
    ),
    "CRL address without a host": (
        "extension_value",
        lambda: draft().replace(oids.CRL_DISTRIBUTION_POINTS, _point(der.context(6, b"http:///a.crl"))).tbs(),
    ),
    "no OCSP": (
        "extension_value",
        lambda: (
            draft()
            .replace(oids.AUTHORITY_INFO_ACCESS, _access((oids.AD_CA_ISSUERS, b"http://a.test/a.cer")))
            .tbs()
        ),
    ),
    "an address that cannot be parsed": (
        "extension_value",
        lambda: (
            draft().replace(oids.AUTHORITY_INFO_ACCESS, _access((oids.AD_OCSP, b"http://[::1/ocsp"))).tbs()
        ),
    ),
    "bytes behind an extension's value": (
        "extension_value",
        lambda: draft().replace(oids.KEY_USAGE, der.named_bits(0, 1) + b"\0").tbs(),
    ),
    "bytes behind the body": ("malformed", lambda: house().tbs() + b"\0"),
    "an element behind the extensions": ("malformed", lambda: draft().set(behind=der.NULL_VALUE).tbs()),
    "not a body": ("malformed", lambda: b"\x30\x03\x02\x01\x00"),
    "nothing": ("malformed", lambda: b""),
}


def _without(dotted: str) -> Draft:
    made = draft()
    made.extensions = [e for e in made.extensions if e[0] != dotted]
    return made


def _without_all() -> Draft:
    made = draft()
    made.extensions = []
    return made


def _with(dotted: str, value: bytes) -> Draft:
    made = draft()
    made.extensions.append((dotted, False, value))
    return made


@pytest.mark.parametrize("why", sorted(BROKEN))
def test_a_body_off_its_profile_is_refused(why: str) -> None:
    """One rule is broken at a time; the gate names that rule and raises."""
    rule, made = BROKEN[why]
    with pytest.raises(ProfileError) as caught:
        check_tbs(FINANCIAL, made(), issuer_certificate=house().issuing, now=NOW, policy_arc=ARC)
    assert f"dojang.certificate.{rule}" in caught.value.data["findings"]


def test_taking_apart_and_putting_together_changes_nothing() -> None:
    """The refusals above are for the change made, not for how the draft is put together."""
    tbs = house().tbs()
    assert Draft(tbs).tbs() == tbs
    check_tbs(FINANCIAL, Draft(tbs).tbs(), issuer_certificate=house().issuing, now=NOW, policy_arc=ARC)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_the_builder_makes_passes(algorithm: str) -> None:
    """Every profile passes its own gate under every kind of key."""
    ours = house(algorithm)
    check_tbs(FINANCIAL, ours.tbs(), issuer_certificate=ours.issuing, now=NOW, policy_arc=ARC)
    for profile, data, issuer in (
        ("root", ours.root, None),
        ("issuing", ours.issuing, ours.root),
        ("ocsp", ours.responder, ours.issuing),
    ):
        tbs = der.whole(data).raw()
        check_tbs(PROFILES[profile], tbs, issuer_certificate=issuer, now=NOW)


@pytest.mark.parametrize("seconds", [-301, -300, 0, 300, 301])
def test_invariant_12_five_minutes_either_way_and_no_more(seconds: int) -> None:
    """An order takes its time and clocks differ a little; beyond that it is back-dating."""
    now = NOW + timedelta(seconds=seconds)
    if abs(seconds) <= 300:
        check_tbs(FINANCIAL, house().tbs(), issuer_certificate=house().issuing, now=now)
    else:
        with pytest.raises(ProfileError):
            check_tbs(FINANCIAL, house().tbs(), issuer_certificate=house().issuing, now=now)


def test_a_point_off_its_curve_is_refused() -> None:
    """A key that only looks like one is seen at the gate, though not by the fast lint."""
    spki = bytearray(public_key_bytes(key_of("ec-p256", "customer")))
    spki[-1] ^= 1
    tbs = house().tbs(public_key=bytes(spki))
    assert inspect_tbs(FINANCIAL, tbs) == ()
    with pytest.raises(ProfileError):
        check_tbs(FINANCIAL, tbs, issuer_certificate=house().issuing, now=NOW)


def test_a_body_of_one_profile_is_not_signed_as_another() -> None:
    """Nobody becomes an authority by asking for another profile's signature."""
    for wrong in ("root", "issuing", "ocsp"):
        with pytest.raises(ProfileError):
            check_tbs(PROFILES[wrong], house().tbs(), issuer_certificate=house().issuing, now=NOW)


def _lower_authority(issuer: bytes, algorithm: str = "ec-p256") -> bytes:
    return build.build_tbs(
        PROFILES["issuing"],
        issuer_certificate=issuer,
        issuer_algorithm=algorithm,
        subject=authority_name(organization="dojang", common_name="Dojang CA 2"),
        public_key=public_key_bytes(key_of("ec-p256", "customer")),
        serial=build.new_serial(),
        not_before=NOW,
        not_after=NOW + timedelta(days=100),
        urls=ROOT_URLS,
        identify=None,
        policy_arc=ARC,
    )


def test_an_issuing_authority_makes_no_authorities() -> None:
    """A path length of zero means what it says."""
    ours = house()
    check_tbs(PROFILES["issuing"], _lower_authority(ours.root), issuer_certificate=ours.root, now=NOW)
    with pytest.raises(ProfileError) as caught:
        check_tbs(
            PROFILES["issuing"], _lower_authority(ours.issuing), issuer_certificate=ours.issuing, now=NOW
        )
    assert caught.value.data["findings"] == ["dojang.certificate.issuer"]


def test_a_customer_issues_nothing() -> None:
    """A certificate under a customer's certificate is refused, whatever it says."""
    ours = house()
    customer = ours.certificate()
    tbs = ours.tbs(issuer_certificate=customer, not_after=NOW + timedelta(days=1))
    with pytest.raises(ProfileError):
        check_tbs(FINANCIAL, tbs, issuer_certificate=customer, now=NOW)


def test_only_a_root_is_without_an_issuer() -> None:
    """A root is checked against itself, and nothing else is."""
    ours = house()
    root = der.whole(ours.root).raw()
    with pytest.raises(ProfileError):
        check_tbs(PROFILES["root"], root, issuer_certificate=ours.root, now=NOW)
    with pytest.raises(ProfileError):
        check_tbs(FINANCIAL, ours.tbs(), issuer_certificate=None, now=NOW)


def test_a_root_names_itself() -> None:
    """A root whose issuer is another name is refused."""
    made = Draft(der.whole(house().root).raw())
    made.issuer = authority_name(organization="dojang", common_name="Other").der
    with pytest.raises(ProfileError):
        check_tbs(PROFILES["root"], made.tbs(), issuer_certificate=None, now=NOW)


def test_a_body_already_over_is_refused() -> None:
    """Nothing is signed that is dead on arrival."""
    tbs = house().tbs(not_after=NOW + timedelta(seconds=10))
    with pytest.raises(ProfileError):
        check_tbs(FINANCIAL, tbs, issuer_certificate=house().issuing, now=NOW + timedelta(seconds=11))


def test_the_address_of_the_practice_statement_may_be_left_out() -> None:
    """A bank without a page for it still issues."""
    tbs = house().tbs(urls=Urls(ocsp=URLS.ocsp, crl=URLS.crl, aia=URLS.aia))
    check_tbs(FINANCIAL, tbs, issuer_certificate=house().issuing, now=NOW, policy_arc=ARC)


def test_the_moment_is_compared_in_any_zone() -> None:
    """A clock in Seoul gives the same judgement as one in UTC."""
    assert NOW.tzinfo is UTC
    seoul = NOW.astimezone(datetime.fromisoformat("2026-01-01T00:00:00+09:00").tzinfo)
    check_tbs(FINANCIAL, house().tbs(), issuer_certificate=house().issuing, now=seoul)
