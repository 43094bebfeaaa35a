"""Independent judges: the openssl command line and pypinksign say the same as we do."""

from __future__ import annotations

import base64
import subprocess
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from tests.judges.pinksign import pinksign
from tests.unit.pki.kit import ALGORITHMS, ARC, IDN, NOW, House, R, house, key_of
from tests.unit.pki.test_paths import house_list

from dojang.pki import build, oids
from dojang.pki.certificate import read_certificate
from dojang.pki.cms import verify_signed_data
from dojang.pki.crl import CrlEntry
from dojang.pki.npki.vid import parse_identify_data
from dojang.pki.ocsp import parse_request
from dojang.pki.signing import public_key_bytes

if TYPE_CHECKING:
    from pathlib import Path

AT = str(int(NOW.timestamp()) + 60)
SERIAL = build.new_serial()


def _openssl(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["openssl", *arguments], cwd=place, capture_output=True, text=True, timeout=30, check=False
    )


def _pem(data: bytes) -> bytes:
    return x509.load_der_x509_certificate(data).public_bytes(serialization.Encoding.PEM)


@pytest.fixture(name="place")
def _place(tmp_path: Path) -> Path:
    return tmp_path


def _lay_out(place: Path, ours: House, *, revoked: bool = False) -> bytes:
    """Write an authority's files where openssl finds them; returns the customer's certificate."""
    leaf = ours.certificate(serial=SERIAL)
    (place / "leaf.pem").write_bytes(_pem(leaf))
    (place / "root.pem").write_bytes(_pem(ours.root))
    (place / "issuing.pem").write_bytes(_pem(ours.issuing))
    (place / "responder.pem").write_bytes(_pem(ours.responder))
    entries = [CrlEntry(SERIAL, NOW, "superseded")] if revoked else []
    lists = (ours.revocations(entries), house_list(ours))
    pem = b"".join(x509.load_der_x509_crl(one).public_bytes(serialization.Encoding.PEM) for one in lists)
    (place / "lists.pem").write_bytes(pem)
    (place / "issuing.crl").write_bytes(lists[0])
    return leaf


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_openssl_verifies_the_path_with_lists_and_policy(place: Path, algorithm: str) -> None:
    """`openssl verify` accepts leaf, policy and both lists, with every strictness it has."""
    _lay_out(place, house(algorithm))
    done = _openssl(
        place,
        *("verify", "-attime", AT, "-x509_strict", "-crl_check_all", "-CRLfile", "lists.pem"),
        *("-policy_check", "-explicit_policy", "-policy", oids.policy_oid(ARC, "1.2")),
        *("-trusted", "root.pem", "-untrusted", "issuing.pem", "leaf.pem"),
    )
    assert done.stdout == "leaf.pem: OK\n", done.stderr


def test_openssl_refuses_a_revoked_certificate(place: Path) -> None:
    """The list that revokes is understood as revoking."""
    _lay_out(place, house(), revoked=True)
    done = _openssl(
        place,
        *("verify", "-attime", AT, "-x509_strict", "-crl_check_all", "-CRLfile", "lists.pem"),
        *("-trusted", "root.pem", "-untrusted", "issuing.pem", "leaf.pem"),
    )
    assert done.returncode != 0
    assert "certificate revoked" in done.stderr


def test_openssl_refuses_another_policy(place: Path) -> None:
    """The policy is really in the certificate: another one is refused."""
    _lay_out(place, house())
    done = _openssl(
        place,
        *(
            "verify",
            "-attime",
            AT,
            "-policy_check",
            "-explicit_policy",
            "-policy",
            oids.policy_oid(ARC, "1.1"),
        ),
        *("-trusted", "root.pem", "-untrusted", "issuing.pem", "leaf.pem"),
    )
    assert done.returncode != 0


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_openssl_verifies_the_list(place: Path, algorithm: str) -> None:
    """`openssl crl` verifies the signature and reads number and shard."""
    _lay_out(place, house(algorithm), revoked=True)
    done = _openssl(
        place, "crl", "-inform", "DER", "-in", "issuing.crl", "-CAfile", "issuing.pem", "-noout", "-text"
    )
    assert "verify OK" in done.stderr
    assert "X509v3 Issuing Distribution Point: critical" in done.stdout
    assert f"Serial Number: {SERIAL:X}" in done.stdout
    assert "Superseded" in done.stdout


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("hash_alg", ["sha1", "sha256"])
@pytest.mark.parametrize("status", ["good", "revoked", "unknown"])
def test_openssl_asks_and_accepts_the_answer(place: Path, algorithm: str, hash_alg: str, status: str) -> None:
    """A request by openssl is answered, nonce and all, and openssl verifies the answer."""
    ours = house(algorithm)
    _lay_out(place, ours)
    asked = ("-issuer", "issuing.pem", f"-{hash_alg}", "-cert", "leaf.pem")
    assert _openssl(place, "ocsp", *asked, "-nonce", "-reqout", "request").returncode == 0
    request = parse_request((place / "request").read_bytes())
    assert request.nonce is not None
    single = ours.single(SERIAL, status, cert_id=request.certs[0])
    (place / "response").write_bytes(ours.answer(single, nonce=request.nonce))
    done = _openssl(
        place,
        *("ocsp", "-reqin", "request", "-respin", "response", "-attime", AT, *asked, "-CAfile", "root.pem"),
        *("-verify_other", "issuing.pem", "-no_nonce", "-validity_period", "999999999"),
    )
    assert "Response verify OK" in done.stderr, done.stderr
    assert f"leaf.pem: {status}" in done.stdout
    if status == "revoked":
        assert "Reason: superseded" in done.stdout


def test_openssl_can_take_the_certificate_apart(place: Path) -> None:
    """`openssl asn1parse` reaches into identifyData and finds the VID's type."""
    (place / "leaf.der").write_bytes(house().certificate())
    listed = _openssl(place, "asn1parse", "-inform", "DER", "-in", "leaf.der")
    assert listed.returncode == 0
    names = [line for line in listed.stdout.splitlines() if "Subject Alternative Name" in line]
    assert len(names) == 1
    offset = listed.stdout.splitlines()[listed.stdout.splitlines().index(names[0]) + 1].split(":")[0].strip()
    inner = _openssl(place, "asn1parse", "-inform", "DER", "-in", "leaf.der", "-strparse", offset)
    assert "1.2.410.200004.10.1.1.1" in inner.stdout
    assert "sha256" in inner.stdout


@pytest.mark.parametrize("algorithm", ["rsa-2048", "ec-p256"])
def test_pypinksign_reads_the_certificate(algorithm: str) -> None:
    """A reader made for NPKI certificates finds name, issuer, policy, serial and VID."""
    ours = house(algorithm)
    data = ours.certificate(serial=SERIAL)
    found = pinksign(data)
    assert found["cn"] == "홍길동()00880120260302000001"
    assert (found["issuer"], found["class"]) == ("dojang", "Dojang CA 1")
    assert found["policy"] == oids.policy_oid(ARC, "1.2")
    assert found["serial"] == SERIAL
    facts = read_certificate(data).facts
    assert found["valid"] == [facts.not_before.isoformat(), facts.not_after.isoformat()]
    assert (found["real_name"], found["vid"]) == ("홍길동", parse_identify_data(data).vid.hex())


def test_pypinksign_computes_the_same_vid_and_signs_what_we_verify() -> None:
    """From an NPKI key file with R, pypinksign's R gives our VID; its PKCS #7 verifies here."""
    ours = house("rsa-2048")
    key = key_of("rsa-2048", "customer")
    data = ours.certificate(public_key=public_key_bytes(key), not_after=NOW + timedelta(days=30))
    pkcs8 = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    found = pinksign(data, key=pkcs8, r=R, idn=IDN)
    assert found["vid_computed"] == found["vid"] == parse_identify_data(data).vid.hex()
    verified = verify_signed_data(base64.b64decode(found["signed"]))
    assert verified.content.decode() == found["text"]
    assert verified.signers[0].certificate == data
