"""A small authority for the tests of `dojang.pki`: root, issuing, responder and customers, made in memory.

Keys live for the test session; every certificate is built by the code under test and signed right here.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from dojang.pki import build, crl, ocsp
from dojang.pki.names import Name, authority_name, subscriber_common_name, subscriber_name
from dojang.pki.npki.vid import IdentifyData, compute_vid
from dojang.pki.profiles import PROFILES, Urls
from dojang.pki.signing import PrivateKey, public_key_bytes, sign

if TYPE_CHECKING:
    from collections.abc import Iterable

NOW = datetime(2026, 3, 2, 3, 4, 5, tzinfo=UTC)
ARC = "1.3.6.1.4.1.32473.1"  # the enterprise number for documentation (RFC 5612)
IDN = "1234561234567"  # the identity number of the published VID vector; nobody's
R = bytes.fromhex("79EA7568A2D3776604E18BCD3A1B1B85B7DA0872")
ALGORITHMS = ("ec-p256", "ec-p384", "rsa-2048", "rsa-3072", "rsa-4096")
URLS = Urls(
    ocsp="http://status.dojang.test/ocsp",
    crl="http://status.dojang.test/crl/issuing/0.crl",
    aia="http://status.dojang.test/aia/issuing.cer",
    cps="http://status.dojang.test/cps",
)
ROOT_URLS = Urls(crl="http://status.dojang.test/crl/root/0.crl", aia="http://status.dojang.test/aia/root.cer")
IDENTIFY = IdentifyData("홍길동", compute_vid(IDN, R))


@cache
def key_of(algorithm: str, who: str) -> PrivateKey:
    """Return a key for the session, by algorithm and holder."""
    family, _, size = algorithm.partition("-")
    if family == "ec":
        return ec.generate_private_key(ec.SECP256R1() if size == "p256" else ec.SECP384R1())
    return rsa.generate_private_key(65537, int(size))


@dataclass(frozen=True)
class House:
    """Certificates of one authority, and the means to make more."""

    algorithm: str
    root: bytes
    issuing: bytes
    responder: bytes
    keys: dict[str, PrivateKey] = field(repr=False)

    def tbs(self, profile: str = "financial", **changes: Any) -> bytes:
        """Build a body under the issuing authority; any argument of `build_tbs` may be changed."""
        arguments: dict[str, Any] = {
            "issuer_certificate": self.issuing,
            "issuer_algorithm": self.algorithm,
            "subject": customer(),
            "public_key": public_key_bytes(key_of("ec-p256", "customer")),
            "serial": build.new_serial(),
            "not_before": NOW,
            "not_after": build.end_of_day(NOW, 1095),
            "urls": URLS,
            "identify": IDENTIFY,
            "policy_arc": ARC,
        }
        return build.build_tbs(PROFILES[profile], **(arguments | changes))

    def seal(self, tbs: bytes, *, by: str = "issuing") -> bytes:
        """Assemble a certificate from a body, signed by one of the house's keys."""
        return build.assemble_certificate(tbs, sign(self.keys[by], self.algorithm, tbs), self.algorithm)

    def certificate(self, **changes: Any) -> bytes:
        """Issue a customer's certificate."""
        return self.seal(self.tbs(**changes))

    def revocations(
        self, entries: Iterable[crl.CrlEntry] = (), *, by: str = "issuing", **changes: Any
    ) -> bytes:
        """Build and sign a CRL."""
        arguments: dict[str, Any] = {
            "issuer_certificate": self.root if by == "root" else self.issuing,
            "algorithm": self.algorithm,
            "number": 7,
            "this_update": NOW,
            "next_update": NOW + timedelta(days=1),
            "entries": entries,
            "idp_url": ROOT_URLS.crl if by == "root" else URLS.crl,
        }
        tbs = crl.build_tbs_crl(**(arguments | changes))
        return crl.assemble_crl(tbs, sign(self.keys[by], self.algorithm, tbs), self.algorithm)

    def single(self, serial: int, status: str = "good", **changes: Any) -> ocsp.Single:
        """One answer about a serial of the issuing authority."""
        plain = ocsp.Single(
            ocsp.cert_id(self.issuing, serial),
            status,
            NOW - timedelta(hours=1) if status == "revoked" else None,
            "superseded" if status == "revoked" else None,
            NOW,
            NOW + timedelta(hours=1),
        )
        return replace(plain, **changes)

    def answer(self, *singles: ocsp.Single, nonce: bytes | None = None, **changes: Any) -> bytes:
        """Build and sign an OCSP response by the delegated responder."""
        tbs = self.response_data(*singles, nonce=nonce, **changes)
        signature = sign(self.keys["ocsp"], self.algorithm, tbs)
        return ocsp.assemble_response(tbs, signature, self.algorithm, self.responder)

    def response_data(self, *singles: ocsp.Single, nonce: bytes | None = None, **changes: Any) -> bytes:
        """Build the body of an OCSP response."""
        arguments: dict[str, Any] = {
            "responder_key_hash": build.key_identifier(public_key_bytes(self.keys["ocsp"])),
            "produced_at": NOW,
            "singles": singles,
            "nonce": nonce,
        }
        return ocsp.build_response_data(**(arguments | changes))


def customer(name: str = "홍길동", number: str = "00880120260302000001") -> Name:
    """Build the usual customer's name."""
    return subscriber_name(
        organization="dojang", units=["personalF", "DJB"], common_name=subscriber_common_name(name, number)
    )


@cache
def house(algorithm: str = "ec-p256") -> House:
    """Return the authority whose keys are of one algorithm (a root has at least 3072 bits of RSA)."""
    root_algorithm = "rsa-3072" if algorithm == "rsa-2048" else algorithm
    keys = {"root": key_of(root_algorithm, "root")}
    keys |= {who: key_of(algorithm, who) for who in ("issuing", "ocsp")}

    def made(profile: str, who: str, by: str, *, issuer: bytes | None, days: int, urls: Urls) -> bytes:
        used = root_algorithm if by == "root" else algorithm
        names = {"root": "Dojang Root", "issuing": "Dojang CA 1", "ocsp": "Dojang OCSP 1"}
        tbs = build.build_tbs(
            PROFILES[profile],
            issuer_certificate=issuer,
            issuer_algorithm=used,
            subject=authority_name(organization="dojang", common_name=names[who]),
            public_key=public_key_bytes(keys[who]),
            serial=build.new_serial(),
            not_before=NOW,
            not_after=NOW + timedelta(days=days),
            urls=urls,
            identify=None,
            policy_arc=ARC,
        )
        return build.assemble_certificate(tbs, sign(keys[by], used, tbs), used)

    root = made("root", "root", "root", issuer=None, days=7300, urls=Urls())
    issuing = made("issuing", "issuing", "root", issuer=root, days=3650, urls=ROOT_URLS)
    responder = made("ocsp", "ocsp", "issuing", issuer=issuing, days=397, urls=Urls())
    return House(algorithm, root, issuing, responder, keys)
