"""Status over HTTP, judged by openssl."""

from __future__ import annotations

import base64
import io
import json
import logging
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp
from tests.centres import wait_until

from dojang.audit.models import Event
from dojang.ca import actions, queries
from dojang.ca.models import OcspAnswer
from dojang.pki import der, oids
from dojang.pki.build import new_serial
from dojang.pki.ocsp import cert_id, parse_response

if TYPE_CHECKING:
    from pathlib import Path

    from tests.app.ca.centre import Centre

    from dojang.ca.models import Certificate
    from dojang.va.app import StatusApp


@pytest.fixture
def pems(centre: Centre, tmp_path: Path) -> Path:
    """Return a folder with the authorities as PEM files: root.pem, issuing.pem, chain.pem."""
    made = {view.role: view.certificate for view in queries.authorities()}
    for role, octets in made.items():
        pem = x509.load_der_x509_certificate(octets).public_bytes(serialization.Encoding.PEM)
        (tmp_path / f"{role}.pem").write_bytes(pem)
    return tmp_path


def _leaf(folder: Path, row: Certificate) -> Path:
    path = folder / f"{row.serial}.pem"
    pem = x509.load_der_x509_certificate(bytes(row.der)).public_bytes(serialization.Encoding.PEM)
    path.write_bytes(pem)
    return path


def _openssl(*words: str | Path) -> str:
    done = subprocess.run(
        ["openssl", *map(str, words)], capture_output=True, text=True, timeout=30, check=False
    )
    return done.stdout + done.stderr


def _judge(folder: Path, url: str, row: Certificate, *options: str) -> str:
    return _openssl(
        "ocsp", "-issuer", folder / "issuing.pem", "-cert", _leaf(folder, row), "-url", f"{url}/ocsp",
        "-CAfile", folder / "root.pem", "-verify_other", folder / "issuing.pem", *options,
    )  # fmt: skip


def _question(row: Certificate, algorithm: Any = None, nonce: bytes | None = None) -> bytes:
    issuer = x509.load_der_x509_certificate(bytes(row.issuer.certificate or b""))
    builder = ocsp.OCSPRequestBuilder().add_certificate(
        x509.load_der_x509_certificate(bytes(row.der)),
        issuer,
        algorithm or hashes.SHA1(),  # noqa: S303
    )
    if nonce:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(serialization.Encoding.DER)


def _post(app: StatusApp, body: bytes, **environ: Any) -> tuple[str, dict[str, str], bytes]:
    return _call(app, REQUEST_METHOD="POST", PATH_INFO="/ocsp", CONTENT_LENGTH=str(len(body)),
                 CONTENT_TYPE="application/ocsp-request", body=body, **environ)  # fmt: skip


def _get(app: StatusApp, path: str, **environ: Any) -> tuple[str, dict[str, str], bytes]:
    return _call(app, REQUEST_METHOD="GET", PATH_INFO=path, body=b"", **environ)


def _call(app: StatusApp, *, body: bytes, **environ: Any) -> tuple[str, dict[str, str], bytes]:
    seen: list[Any] = []
    environ["wsgi.input"] = io.BytesIO(body)
    parts = app(environ, lambda status, headers: seen.extend((status, dict(headers))))
    return seen[0], seen[1], b"".join(parts)


def _fetch(address: str, headers: dict[str, str] | None = None) -> tuple[bytes, Any]:
    """Fetch over real HTTP (an address of this test's own server)."""
    asked = urllib.request.Request(address, headers=headers or {})  # noqa: S310
    with urllib.request.urlopen(asked, timeout=10) as answer:  # noqa: S310
        return answer.read(), answer.headers


def _answer(app: StatusApp, question: bytes) -> ocsp.OCSPResponse:
    status, headers, body = _post(app, question)
    assert (status, headers["Content-Type"]) == ("200 OK", "application/ocsp-response")
    return ocsp.load_der_ocsp_response(body)


@pytest.mark.parametrize("options", [("-no_nonce",), (), ("-no_nonce", "-sha256"), ("-sha384",)])
def test_openssl_accepts_good_and_revoked(
    centre: Centre, url: str, pems: Path, options: tuple[str, ...]
) -> None:
    """With and without nonce, by SHA-1 and SHA-2 names, openssl verifies the answer and reads the state."""
    hashed = [word for word in options if word.startswith("-sha")]
    others = [word for word in options if word not in hashed]
    good, bad = centre.activate(), centre.activate()
    actions.revoke_certificate(bad.pk, "keyCompromise", **centre.options)
    for row, state in ((good, "good"), (bad, "revoked")):
        told = _openssl(
            "ocsp", *hashed, "-issuer", pems / "issuing.pem", "-cert", _leaf(pems, row),
            "-url", f"{url}/ocsp",
            "-CAfile", pems / "root.pem", "-verify_other", pems / "issuing.pem", *others,
        )  # fmt: skip
        assert "Response verify OK" in told
        assert f".pem: {state}" in told
        assert "WARNING" not in told
    assert "keyCompromise" in told


def test_an_unconfirmed_certificate_is_on_hold(centre: Centre, url: str, pems: Path) -> None:
    """A certificate signed and not confirmed is known, and revoked as certificateHold; then it is good."""
    row = centre.issue()
    told = _judge(pems, url, row)
    assert ".pem: revoked" in told
    assert "certificateHold" in told
    actions.activate_certificate(row.pk, **centre.options)
    assert ".pem: good" in _judge(pems, url, row)


def test_invariant_06_a_revocation_shows_within_five_seconds(centre: Centre, status: StatusApp) -> None:
    """A question asked all the time turns from good to revoked in at most five seconds, and never back."""
    row = centre.activate()
    question = _question(row)
    assert _answer(status, question).certificate_status == ocsp.OCSPCertStatus.GOOD
    actions.revoke_certificate(row.pk, "keyCompromise", **centre.options)
    committed = time.monotonic()
    while _answer(status, question).certificate_status == ocsp.OCSPCertStatus.GOOD:
        assert time.monotonic() < committed + 5
    assert time.monotonic() < committed + 5
    assert {_answer(status, question).certificate_status for _ in range(50)} == {ocsp.OCSPCertStatus.REVOKED}


def test_invariant_07_an_unissued_serial_is_unknown_and_raises_an_alarm(
    centre: Centre, status: StatusApp, caplog: pytest.LogCaptureFixture
) -> None:
    """A serial nobody issued is unknown, never good; the log and the audit trail tell of it, once."""
    row = centre.activate()
    issuer = x509.load_der_x509_certificate(bytes(row.issuer.certificate or b""))
    genuine = ocsp.load_der_ocsp_request(_question(row))
    serial = new_serial()
    question = (
        ocsp.OCSPRequestBuilder()
        .add_certificate_by_hash(genuine.issuer_name_hash, genuine.issuer_key_hash, serial, hashes.SHA1())  # noqa: S303
        .build()
        .public_bytes(serialization.Encoding.DER)
    )
    with caplog.at_level(logging.WARNING, logger="dojang.va"):
        for _ in range(3):
            answer = _answer(status, question)
            assert answer.certificate_status == ocsp.OCSPCertStatus.UNKNOWN
            assert answer.serial_number == serial
    assert issuer.serial_number != serial
    assert Event.objects.filter(type="status:unissued", subject=f"{serial:x}").count() == 1
    assert sum("nobody issued" in record.getMessage() for record in caplog.records) == 1
    assert queries.verify_trail(centre.world).breaks == ()


def test_a_flood_of_unissued_serials_writes_a_bounded_number_of_events(
    centre: Centre, status: StatusApp
) -> None:
    """Of forty serials in a minute five are told by themselves and the others as one number."""
    genuine = ocsp.load_der_ocsp_request(_question(centre.activate()))
    for _ in range(40):
        question = (
            ocsp.OCSPRequestBuilder()
            .add_certificate_by_hash(
                genuine.issuer_name_hash,
                genuine.issuer_key_hash,
                new_serial(),
                hashes.SHA1(),  # noqa: S303
            )
            .build()
        )
        answer = _answer(status, question.public_bytes(serialization.Encoding.DER))
        assert answer.certificate_status == ocsp.OCSPCertStatus.UNKNOWN
    status._responder.close()
    events = Event.objects.filter(type="status:unissued").order_by("id")
    assert [json.loads(event.body)["data"]["count"] for event in events] == [1] * 5 + [35]
    assert [event.subject for event in events][-1] == "many"
    assert queries.verify_trail(centre.world).breaks == ()


def test_invariant_07_status_survives_a_dead_signer(centre: Centre, status: StatusApp) -> None:
    """Without the signer what was signed ahead is served, even to a question with a nonce; the rest waits."""
    row, fresh = centre.activate(), centre.issue()
    centre.process.kill()
    for question in (_question(row), _question(row, hashes.SHA256())):
        assert _answer(status, question).certificate_status == ocsp.OCSPCertStatus.GOOD
    with_nonce = _answer(status, _question(row, nonce=b"n" * 16))
    assert with_nonce.certificate_status == ocsp.OCSPCertStatus.GOOD
    assert len(with_nonce.extensions) == 0
    late = ocsp.load_der_ocsp_response(_post(status, _question(fresh))[2])
    assert late.response_status == ocsp.OCSPResponseStatus.TRY_LATER
    actions.revoke_certificate(row.pk, "keyCompromise", **centre.options)
    time_limit = time.monotonic() + 5
    while (
        ocsp.load_der_ocsp_response(_post(status, _question(row))[2]).response_status
        == ocsp.OCSPResponseStatus.SUCCESSFUL
    ):
        assert time.monotonic() < time_limit  # never "good" again: try later until somebody can sign
    centre.process.start()
    actions.refresh_ocsp_answers(**centre.options)
    assert _answer(status, _question(row)).certificate_status == ocsp.OCSPCertStatus.REVOKED


def test_a_lost_database_means_try_later(centre: Centre) -> None:
    """Without the database OCSP says try later and files are 503: nothing is called unknown."""
    from dojang.va.app import make_app

    row = centre.activate()
    app = make_app("postgresql://127.0.0.1:1/none", centre.world.signer, centre.world.clock)
    try:
        answer = ocsp.load_der_ocsp_response(_post(app, _question(row))[2])
        assert answer.response_status == ocsp.OCSPResponseStatus.TRY_LATER
        assert _get(app, "/crl/issuing-1/0.crl")[0] == "503 Service Unavailable"
    finally:
        app.close()


def test_a_nonce_is_echoed_and_never_cached(centre: Centre, status: StatusApp) -> None:
    """Each nonce gets its own answer, signed live."""
    row = centre.activate()
    for nonce in (b"a" * 16, b"b" * 32):
        answer = _answer(status, _question(row, nonce=nonce))
        assert answer.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == nonce
    assert "no-store" in _post(status, _question(row, nonce=b"c" * 16))[1]["Cache-Control"]


def test_a_get_question_is_answered_with_the_headers_of_rfc_5019(centre: Centre, url: str) -> None:
    """GET with percent-encoded base64 answers as POST does, with an entity tag, and 304 when asked again."""
    row = centre.activate()
    encoded = urllib.parse.quote(base64.b64encode(_question(row)).decode(), safe="")
    body, headers = _fetch(f"{url}/ocsp/{encoded}")
    assert ocsp.load_der_ocsp_response(body).certificate_status == ocsp.OCSPCertStatus.GOOD
    assert body == bytes(OcspAnswer.objects.get(certificate=row).by_sha1)
    assert "public" in headers["Cache-Control"]
    assert int(headers["Cache-Control"].split("max-age=")[1].split(",")[0]) < 5
    assert headers["Last-Modified"].endswith("GMT")
    with pytest.raises(urllib.error.HTTPError) as caught:
        _fetch(f"{url}/ocsp/{encoded}", {"If-None-Match": headers["ETag"]})
    assert caught.value.code == 304
    caught.value.close()


@pytest.mark.parametrize(
    ("environ", "body", "expected"),
    [
        ({}, b"", "malformedRequest"),
        ({}, b"\x30\x03\x02\x01\x00", "malformedRequest"),
        ({}, b"x" * 70_000, "413 Content Too Large"),
        ({"CONTENT_TYPE": "text/html"}, b"", "415 Unsupported Media Type"),
        ({"CONTENT_LENGTH": "many"}, b"", "400 Bad Request"),
        ({"REQUEST_METHOD": "PUT"}, b"", "405 Method Not Allowed"),
    ],
)
def test_malformed_questions_are_refused(
    status: StatusApp, environ: dict[str, str], body: bytes, expected: str
) -> None:
    """Nonsense gets malformedRequest, oversize and foreign types their HTTP status, and nothing breaks."""
    plain = {"REQUEST_METHOD": "POST", "PATH_INFO": "/ocsp", "CONTENT_LENGTH": str(len(body))}
    told, _headers, answer = _call(status, body=body, **{**plain, **environ})
    if expected == "malformedRequest":
        parsed = ocsp.load_der_ocsp_response(answer)
        assert (told, parsed.response_status) == ("200 OK", ocsp.OCSPResponseStatus.MALFORMED_REQUEST)
    else:
        assert told == expected


@pytest.mark.parametrize("serial", [-1, -(1 << 70), 0, 1 << 200])
def test_serials_no_certificate_has_break_nothing(centre: Centre, status: StatusApp, serial: int) -> None:
    """Below zero is a malformed request; zero and longer than twenty octets are of nobody, unknown."""
    issuer = bytes(centre.activate().issuer.certificate or b"")
    asked = der.sequence(der.sequence(der.sequence(der.sequence(cert_id(issuer, serial).der))))
    told, _headers, body = _post(status, asked)
    assert told == "200 OK"
    answer = ocsp.load_der_ocsp_response(body)
    if serial < 0:
        assert answer.response_status == ocsp.OCSPResponseStatus.MALFORMED_REQUEST
    else:
        assert answer.certificate_status == ocsp.OCSPCertStatus.UNKNOWN


def test_several_questions_at_once_are_answered_each_in_its_place(centre: Centre, status: StatusApp) -> None:
    """Good, revoked, never issued and a stranger's: one signed answer, in the order of the questions."""
    good, revoked = centre.activate(), centre.activate()
    actions.revoke_certificate(revoked.pk, "keyCompromise", **centre.options)
    issuer = bytes(good.issuer.certificate or b"")
    ids = [
        cert_id(issuer, int(good.serial, 16), "sha256"),
        cert_id(issuer, int(revoked.serial, 16)),
        cert_id(issuer, new_serial()),
    ]
    stranger = bytearray(cert_id(issuer, 5).der)
    stranger[-20] ^= 1  # in the hash of the issuer's key
    listed = [one.der for one in ids] + [bytes(stranger)]
    asked = der.sequence(der.sequence(der.sequence(*(der.sequence(one) for one in listed))))
    answer = parse_response(_post(status, asked)[2]).data
    assert [single.status for single in answer.singles] == ["good", "revoked", "unknown", "unknown"]
    assert [single.cert_id.der for single in answer.singles] == listed
    assert answer.singles[1].reason == "keyCompromise"


def test_an_expired_certificate_is_still_known(centre: Centre, status: StatusApp) -> None:
    """After its end a certificate keeps its last status: never unknown, and no alarm."""
    good, revoked = centre.activate(), centre.activate()
    actions.revoke_certificate(revoked.pk, "keyCompromise", **centre.options)
    centre.advance(1200 * 86_400)
    actions.renew_ocsp_responders(**centre.options)
    actions.refresh_ocsp_answers(**centre.options)
    assert _answer(status, _question(good)).certificate_status == ocsp.OCSPCertStatus.GOOD
    assert _answer(status, _question(revoked)).certificate_status == ocsp.OCSPCertStatus.REVOKED
    assert not Event.objects.filter(type="status:unissued").exists()


@pytest.mark.parametrize(
    ("size", "fits"), [(1, True), (16, True), (32, True), (128, True), (0, False), (129, False)]
)
def test_nonces_of_the_lengths_of_rfc_9654(centre: Centre, status: StatusApp, size: int, fits: bool) -> None:  # noqa: FBT001
    """One to 128 octets are echoed; none, or more, is a malformed request."""
    row = centre.activate()
    issuer = bytes(row.issuer.certificate or b"")
    nonce = der.sequence(der.oid(oids.OCSP_NONCE), der.octet_string(der.octet_string(bytes(size))))
    one = der.sequence(cert_id(issuer, int(row.serial, 16)).der)
    asked = der.sequence(der.sequence(der.sequence(one), der.explicit(2, der.sequence(nonce))))
    body = _post(status, asked)[2]
    if fits:
        assert parse_response(body).data.nonce == bytes(size)
    else:
        assert ocsp.load_der_ocsp_response(body).response_status == ocsp.OCSPResponseStatus.MALFORMED_REQUEST


def test_a_foreign_authority_is_none_of_our_business(centre: Centre, status: StatusApp) -> None:
    """A question about an issuer we are not gets unauthorized."""
    row = centre.activate()
    genuine = ocsp.load_der_ocsp_request(_question(row))
    question = (
        ocsp.OCSPRequestBuilder()
        .add_certificate_by_hash(b"\0" * 20, genuine.issuer_key_hash, 5, hashes.SHA1())  # noqa: S303
        .build()
        .public_bytes(serialization.Encoding.DER)
    )
    parsed = ocsp.load_der_ocsp_response(_post(status, question)[2])
    assert parsed.response_status == ocsp.OCSPResponseStatus.UNAUTHORIZED


def test_openssl_verifies_with_the_crl_it_fetches(centre: Centre, url: str, pems: Path) -> None:
    """Openssl reads and verifies the CRLs, finds the revoked one, and verifies the whole path with them."""
    good = centre.activate()
    bad = centre.activate()
    actions.revoke_certificate(bad.pk, "affiliationChanged", **centre.options)
    actions.publish_crls(**centre.options)
    lists = {row.serial: ("issuing-1", row.shard) for row in (good, bad)} | {"root": ("root-1", 0)}
    bundle = pems / "crls.pem"
    text = ""
    for name, (label, shard) in lists.items():
        body, headers = _fetch(f"{url}/crl/{label}/{shard}.crl")
        assert headers["Content-Type"] == "application/pkix-crl"
        (pems / f"{name}.crl").write_bytes(body)
        authority = pems / ("root.pem" if name == "root" else "issuing.pem")
        told = _openssl("crl", "-inform", "DER", "-in", pems / f"{name}.crl", "-CAfile", authority, "-text")
        assert "verify OK" in told
        text += told
        with bundle.open("a") as file:
            file.write(told[told.index("-----BEGIN") :])
    assert bad.serial.upper() in text.replace(":", "").upper()
    assert good.serial.upper() not in text.replace(":", "").upper()
    for row, verdict in ((good, ": OK"), (bad, "certificate revoked")):
        told = _openssl(
            "verify", "-crl_check_all", "-CAfile", pems / "root.pem", "-untrusted", pems / "issuing.pem",
            "-CRLfile", bundle, _leaf(pems, row),
        )  # fmt: skip
        assert verdict in told


def test_issuer_certificates_are_served(centre: Centre, status: StatusApp) -> None:
    """Each authority's certificate is found where certificates point, as DER."""
    for view in queries.authorities():
        told, headers, body = _get(status, f"/aia/{view.label}.cer")
        assert (told, headers["Content-Type"], body) == ("200 OK", "application/pkix-cert", view.certificate)
    row = centre.activate()
    certificate = x509.load_der_x509_certificate(bytes(row.der))
    access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    paths = {
        item.access_location.value.removeprefix(centre.world.policy.addresses.public_url) for item in access
    }
    assert paths == {"/ocsp", "/aia/issuing-1.cer"}
    assert _get(status, "/aia/nobody.cer")[0] == "404 Not Found"
    assert _get(status, "/crl/issuing-1/999.crl")[0] == "404 Not Found"
    assert _call(status, body=b"", REQUEST_METHOD="HEAD", PATH_INFO="/aia/root-1.cer")[2] == b""


def test_a_new_responder_takes_over_before_the_old_one_ends(centre: Centre, url: str, pems: Path) -> None:
    """ocsp-2 is made within the last month, and openssl accepts its answers after ocsp-1 ended."""
    from dojang.ca.actions.ceremony import renew_ocsp_responders

    row = centre.activate()
    assert renew_ocsp_responders(**centre.options) == ()
    centre.advance(340 * 86_400)
    assert renew_ocsp_responders(**centre.options) == ("ocsp-2",)
    assert renew_ocsp_responders(**centre.options) == ()
    centre.advance(40 * 86_400)
    actions.refresh_ocsp_answers(**centre.options)
    moment = str(int(centre.world.clock.now().timestamp()))
    told = _openssl(
        "ocsp", "-issuer", pems / "issuing.pem", "-cert", _leaf(pems, row), "-url", f"{url}/ocsp",
        "-CAfile", pems / "root.pem", "-verify_other", pems / "issuing.pem", "-attime", moment,
        "-validity_period", str(500 * 86_400),
    )  # fmt: skip
    assert "Response verify OK" in told
    assert ".pem: good" in told


def test_a_hold_is_answered_live_too_and_lifted(centre: Centre, url: str, pems: Path) -> None:
    """With a nonce, which no answer signed ahead can have: held, then good again."""
    row = centre.activate()
    actions.suspend_certificate(row.pk, **centre.options)
    for nonce in ("-nonce", "-no_nonce"):
        held = _judge(pems, url, row, nonce)
        assert f"{row.serial}.pem: revoked" in held
        assert "certificateHold" in held
    actions.restore_certificate(row.pk, **centre.options)
    good = f"{row.serial}.pem: good"
    assert good in _judge(pems, url, row, "-nonce")
    # An answer is repeated from memory for a second at most.
    wait_until(lambda: good in _judge(pems, url, row, "-no_nonce"), "the restored status", patience=5)
