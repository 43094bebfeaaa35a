"""OCSP: requests read, answers built, both as pyca sees them."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp as pyca
from tests.unit.pki.kit import ALGORITHMS, NOW, house

from dojang.pki import build, der, ocsp, oids
from dojang.pki.errors import IndeterminateError, MalformedError, ProfileError
from dojang.pki.signing import public_key_bytes

HASHES: dict[str, hashes.HashAlgorithm] = {"sha1": hashes.SHA1(), "sha256": hashes.SHA256()}  # noqa: S303


def _request(serial: int, hash_alg: str = "sha1", nonce: bytes | None = None) -> bytes:
    """Write a request with pyca."""
    ours = house()
    customer = x509.load_der_x509_certificate(ours.certificate(serial=serial))
    issuer = x509.load_der_x509_certificate(ours.issuing)
    builder = pyca.OCSPRequestBuilder().add_certificate(customer, issuer, HASHES[hash_alg])
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize("hash_alg", ["sha1", "sha256"])
@pytest.mark.parametrize("size", [None, 1, 16, 32, 128])
def test_a_request_is_read(hash_alg: str, size: int | None) -> None:
    """Both hashes and every allowed nonce; the CertID is the one we would write, octet for octet."""
    serial = build.new_serial()
    nonce = None if size is None else bytes(range(size))
    found = ocsp.parse_request(_request(serial, hash_alg, nonce))
    assert found.nonce == nonce
    (asked,) = found.certs
    assert asked == ocsp.cert_id(house().issuing, serial, hash_alg)
    assert asked.der == ocsp.cert_id(house().issuing, serial, hash_alg).der


def _ask(*questions: bytes, behind: bytes = b"", before: bytes = b"", signature: bytes = b"") -> bytes:
    return der.sequence(der.sequence(before, der.sequence(*questions), behind), signature)


def _question(serial: int = 7, extensions: bytes = b"") -> bytes:
    return der.sequence(ocsp.cert_id(house().issuing, serial).der, extensions)


def _extension(dotted: str, value: bytes, *, critical: bool = False) -> bytes:
    return der.sequence(der.oid(dotted), der.TRUE if critical else b"", der.octet_string(value))


def test_several_questions_keep_their_order() -> None:
    """Each certificate asked about is answered in turn."""
    found = ocsp.parse_request(_ask(*(_question(serial) for serial in (3, 1, 2))))
    assert [asked.serial for asked in found.certs] == [3, 1, 2]


def test_names_signatures_and_unknown_extensions_are_passed_over() -> None:
    """What does not change the answer does not stop it."""
    requestor = der.explicit(1, der.explicit(4, house().issuing[:0] + der.sequence()))
    data = _ask(
        _question(extensions=der.explicit(0, der.sequence(_extension("1.2.3", b"")))),
        before=requestor,
        behind=der.explicit(2, der.sequence(_extension("1.2.3", b""))),
        signature=der.explicit(0, der.sequence()),
    )
    assert ocsp.parse_request(data).certs[0].serial == 7


def test_an_unknown_hash_is_echoed_not_understood() -> None:
    """Whoever asks by another hash gets his own CertID back, by number."""
    unknown = der.sequence(
        der.sequence(der.oid("1.2.3.4")), der.octet_string(b"n"), der.octet_string(b"k"), der.integer(5)
    )
    (asked,) = ocsp.parse_request(_ask(der.sequence(unknown))).certs
    assert (asked.hash_alg, asked.der) == ("1.2.3.4", unknown)


NONCES = [b"", bytes(129)]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x30\x00",
        _ask(),
        _ask(_question()) + b"\0",
        _ask(_question(), before=der.explicit(0, der.integer(0))),
        _ask(_question(), before=der.explicit(0, der.integer(1))),
        _ask(*[_question()] * (ocsp.MAX_QUESTIONS + 1)),
        _ask(_question(), behind=der.explicit(2, der.sequence(_extension("1.2.3", b"", critical=True)))),
        _ask(_question(extensions=der.explicit(0, der.sequence(_extension("1.2.3", b"", critical=True))))),
        _ask(_question(), behind=der.explicit(2, der.sequence(_extension(oids.OCSP_NONCE, b"raw")))),
        *(
            _ask(
                _question(),
                behind=der.explicit(2, der.sequence(_extension(oids.OCSP_NONCE, der.octet_string(nonce)))),
            )
            for nonce in NONCES
        ),
        der.sequence(der.sequence(der.sequence(der.sequence(der.sequence(b""))))),
        b"\x30\x84\x00\xff\xff\xff" + bytes(70_000),
        bytes(ocsp.MAX_REQUEST + 1),
    ],
    ids=lambda data: f"{len(data)} octets",  # the keys in them are new each time, a name should not be
)
def test_requests_off_the_grammar_are_malformed(data: bytes) -> None:
    """Empty, oversized, unknown-critical and wrongly nonced requests are refused (RFC 9654 §2.1)."""
    with pytest.raises(MalformedError):
        ocsp.parse_request(data)


@pytest.mark.parametrize("serial", [-1, -128, -(1 << 159)])
def test_a_serial_below_zero_is_malformed(serial: int) -> None:
    """No certificate has a negative serial (RFC 5280 §4.1.2.2): the question is none."""
    asked = ocsp.cert_id(house().issuing, serial).der
    with pytest.raises(MalformedError):
        ocsp.parse_request(der.sequence(der.sequence(der.sequence(der.sequence(asked)))))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("status", ["good", "revoked", "unknown"])
@pytest.mark.parametrize("nonce", [None, bytes(range(32))], ids=["plain", "nonce"])
def test_an_answer_is_what_pyca_would_build(algorithm: str, status: str, nonce: bytes | None) -> None:
    """The signed data is, octet for octet, the one an independent builder makes."""
    ours = house(algorithm)
    serial = build.new_serial()
    data = ours.answer(ours.single(serial, status), nonce=nonce)
    kinds = {
        "good": pyca.OCSPCertStatus.GOOD,
        "revoked": pyca.OCSPCertStatus.REVOKED,
        "unknown": pyca.OCSPCertStatus.UNKNOWN,
    }
    responder = x509.load_der_x509_certificate(ours.responder)
    name_hash, key_hash = ocsp.issuer_hashes(ours.issuing, "sha1")
    builder = (
        pyca.OCSPResponseBuilder()
        .add_response_by_hash(
            issuer_name_hash=name_hash,
            issuer_key_hash=key_hash,
            serial_number=serial,
            algorithm=HASHES["sha1"],
            cert_status=kinds[status],
            this_update=NOW,
            next_update=NOW + timedelta(hours=1),
            revocation_time=NOW - timedelta(hours=1) if status == "revoked" else None,
            revocation_reason=x509.ReasonFlags.superseded if status == "revoked" else None,
        )
        .responder_id(pyca.OCSPResponderEncoding.HASH, responder)
        .certificates([responder])
    )
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    key: Any = ours.keys["ocsp"]
    found = pyca.load_der_ocsp_response(data)
    slow = builder.sign(key, found.signature_hash_algorithm)
    # producedAt is pyca's own clock: put ours in its place before comparing.
    produced = der.generalized_time(slow.produced_at_utc.astimezone(UTC))
    expected = slow.tbs_response_bytes.replace(produced, der.generalized_time(NOW), 1)
    assert found.tbs_response_bytes.hex() == expected.hex()
    assert found.certificates == [responder]


def test_an_answer_reads_back() -> None:
    """Three answers and a nonce survive; the CertIDs are those asked."""
    ours = house()
    singles = [
        ours.single(serial, status) for serial, status in ((1, "good"), (2, "revoked"), (3, "unknown"))
    ]
    found = ocsp.parse_response(ours.answer(*singles, nonce=b"n")).data
    assert found.singles == tuple(singles)
    assert (found.nonce, found.produced_at) == (b"n", NOW)
    assert found.responder_key_hash == build.key_identifier(public_key_bytes(ours.keys["ocsp"]))


@pytest.mark.parametrize(
    "status", ["malformedRequest", "internalError", "tryLater", "sigRequired", "unauthorized"]
)
def test_errors_are_unsigned_and_say_which(status: str) -> None:
    """An error response is five octets; reading it is *indeterminate*, not invalid."""
    data = ocsp.error_response(status)
    assert len(data) == 5
    assert pyca.load_der_ocsp_response(data).response_status.name.replace("_", "").lower() == status.lower()
    with pytest.raises(IndeterminateError) as caught:
        ocsp.parse_response(data)
    assert caught.value.data["status"] == status


def test_an_impossible_status_is_not_written() -> None:
    """Only good, revoked with a time, and unknown exist."""
    ours = house()
    for single in (ours.single(1, "fine"), ours.single(1, "revoked", revoked_at=None)):
        with pytest.raises(ProfileError):
            ours.response_data(single)


def test_the_gate_lets_a_fitting_answer_through() -> None:
    """The responder's key signs answers in its own name, made now."""
    ours = house()
    key_hash = build.key_identifier(public_key_bytes(ours.keys["ocsp"]))
    data = ours.response_data(ours.single(1), ours.single(2, "revoked"))
    assert len(ocsp.check_response_data(data, responder_key_hash=key_hash, now=NOW).singles) == 2


@pytest.mark.parametrize(
    "why",
    [
        "responder",
        "past",
        "future",
        "empty",
        "endless",
        "too long",
        "stale",
        "backwards",
        "ahead",
        "revoked ahead",
        "junk",
    ],
)
def test_the_gate_refuses_an_answer_it_should_not_sign(why: str) -> None:
    """Another responder's name, another time, no answers, or times that do not fit."""
    ours = house()
    key_hash = build.key_identifier(public_key_bytes(ours.keys["ocsp"]))
    second = timedelta(seconds=1)
    data = {
        "responder": lambda: ours.response_data(ours.single(1), responder_key_hash=bytes(20)),
        "past": lambda: ours.response_data(ours.single(1), produced_at=NOW - 301 * second),
        "future": lambda: ours.response_data(ours.single(1), produced_at=NOW + 301 * second),
        "empty": lambda: ours.response_data(nonce=None),
        "endless": lambda: ours.response_data(ours.single(1, next_update=None)),
        "too long": lambda: ours.response_data(ours.single(1, next_update=NOW + timedelta(days=10) + second)),
        "stale": lambda: ours.response_data(ours.single(1, this_update=NOW - 301 * second)),
        "backwards": lambda: ours.response_data(ours.single(1, next_update=NOW - second)),
        "ahead": lambda: ours.response_data(ours.single(1, this_update=NOW + second)),
        "revoked ahead": lambda: ours.response_data(ours.single(1, "revoked", revoked_at=NOW + second)),
        "junk": lambda: ours.response_data(ours.single(1))[:-1],
    }[why]()
    with pytest.raises(ProfileError):
        ocsp.check_response_data(data, responder_key_hash=key_hash, now=NOW)


def test_issuers_are_told_apart_by_name_and_key() -> None:
    """The hashes in a CertID are over the issuer's name and key bits, as pyca computes them."""
    ours = house()
    request = pyca.load_der_ocsp_request(_request(build.new_serial(), "sha256"))
    assert ocsp.issuer_hashes(ours.issuing, "sha256") == (request.issuer_name_hash, request.issuer_key_hash)
