"""What one core does without network and database: raw signatures, and what is built around them."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from bench.meter import Report, compare, ratio
from dojang.pki.build import IdentifyData, assemble_certificate, build_tbs, end_of_day, new_serial
from dojang.pki.checks import check_tbs
from dojang.pki.lint import lint_certificate, require_clean
from dojang.pki.names import Name, build_name, subscriber_common_name, subscriber_name
from dojang.pki.ocsp import Single, assemble_response, build_response_data, cert_id
from dojang.pki.profiles import PROFILES
from dojang.pki.rules import Urls
from dojang.pki.signing import describe_key, public_key_bytes, sign, verify_signature

if TYPE_CHECKING:
    from collections.abc import Callable

ARC = "1.3.6.1.4.1.32473.8.1"
_URLS = Urls(
    ocsp="http://ca.example/ocsp",
    crl="http://ca.example/crl/issuing-1/0.crl",
    aia="http://ca.example/aia/issuing-1.cer",
    cps="http://ca.example/help/",
)


@dataclass(frozen=True, slots=True)
class Authority:
    """An issuing authority with its key at hand, as only a measurement has it."""

    algorithm: str
    key: Any
    certificate: bytes
    root: bytes

    def certify(self, profile: str, subject: Name, public_key: bytes, **more: Any) -> bytes:
        """Build the body of a certificate."""
        now = datetime.now(UTC).replace(microsecond=0)
        return build_tbs(
            PROFILES[profile],
            issuer_certificate=self.certificate,
            issuer_algorithm=self.algorithm,
            subject=subject,
            public_key=public_key,
            serial=new_serial(),
            not_before=now,
            urls=_URLS,
            policy_arc=ARC,
            **more,
        )

    def subscriber(self, public_key: bytes) -> bytes:
        """Build the body of a customer's certificate, everything about the customer made anew."""
        subject = subscriber_name(
            organization="Dojang Bank",
            units=("personalF",),
            common_name=subscriber_common_name("홍길동", "09991" + "20260101" + "000000001"),
        )
        now = datetime.now(UTC).replace(microsecond=0)
        identify = IdentifyData("홍길동", bytes(32))
        return self.certify(
            "financial", subject, public_key, not_after=end_of_day(now, 1096), identify=identify
        )


def make_authority(algorithm: str) -> Authority:
    """Make a root (P-384) and an issuing authority below it with a key of the kind asked for."""
    now = datetime.now(UTC).replace(microsecond=0)
    above, own = _key("ec-p384"), _key(algorithm)
    made: list[bytes] = []
    for profile, key, years in (("root", above, 19), ("issuing", own, 9)):
        tbs = build_tbs(
            PROFILES[profile],
            issuer_certificate=made[0] if made else None,
            issuer_algorithm="ec-p384",
            subject=build_name(("C", "kr"), ("O", "Dojang Bank"), ("OU", "Centre"), ("CN", profile)),
            public_key=public_key_bytes(key),
            serial=new_serial(),
            not_before=now,
            not_after=now + timedelta(days=365 * years),
            urls=_URLS,
            identify=None,
            policy_arc=ARC,
        )
        made.append(assemble_certificate(tbs, sign(above, "ec-p384", tbs), "ec-p384"))
    return Authority(algorithm, own, certificate=made[1], root=made[0])


def _key(algorithm: str) -> Any:
    if algorithm.startswith("rsa-"):
        return rsa.generate_private_key(public_exponent=65537, key_size=int(algorithm[4:]))
    return ec.generate_private_key(ec.SECP384R1() if algorithm == "ec-p384" else ec.SECP256R1())


def run(report: Report, seconds: float) -> None:
    """Print rates of one core and what part of the raw signature rate is left."""
    report.part("one core, in process")
    customer = public_key_bytes(ec.generate_private_key(ec.SECP256R1()))
    for algorithm in ("ec-p256", "rsa-2048"):
        authority = make_authority(algorithm)
        rates = compare(_works(authority, customer), rounds=5, seconds=seconds / 10)
        for name, found in rates.items():
            share = "" if name == "raw" else f"{ratio(rates, name, 'raw'):.0f} % of raw"
            report.line(f"{algorithm}: {name}", f"{statistics.median(found):,.0f}/s", share)


def _works(authority: Authority, customer: bytes) -> dict[str, Callable[[], object]]:
    algorithm, key = authority.algorithm, authority.key
    profile, now = PROFILES["financial"], datetime.now(UTC).replace(microsecond=0)
    tbs = authority.subscriber(customer)
    signature = sign(key, algorithm, tbs)
    certificate = assemble_certificate(tbs, signature, algorithm)
    issuer_key = public_key_bytes(key)
    key_hash = describe_key(issuer_key).identifier

    def build() -> bytes:
        body = authority.subscriber(customer)
        return assemble_certificate(body, sign(key, algorithm, body), algorithm)

    def lint() -> None:
        check_tbs(profile, tbs, issuer_certificate=authority.certificate, now=now, policy_arc=ARC)
        require_clean(lint_certificate(certificate, profile))

    def answer() -> bytes:
        asked = cert_id(authority.certificate, new_serial(), "sha1")
        single = Single(asked, "good", None, None, now, now + timedelta(hours=1))
        body = build_response_data(
            responder_key_hash=key_hash, produced_at=now, singles=[single], nonce=b"0123456789abcdef"
        )
        return assemble_response(body, sign(key, algorithm, body), algorithm, authority.certificate)

    works: dict[str, Callable[[], object]] = {
        "raw": lambda: sign(key, algorithm, tbs),
        "build + sign a certificate": build,
        "build + sign a status answer": answer,
    }
    if algorithm == "ec-p256":
        works["profile check + lint of one certificate"] = lint
        works["verify one signature"] = lambda: verify_signature(issuer_key, algorithm, tbs, signature)
    return works
