"""Verify and explain: each kind of file, right, wrong and undecided, each with its code."""

from __future__ import annotations

import base64
import json
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from tests.unit.pki.kit import NOW, house, key_of
from tests.unit.pki.paths.makers import Made, leaf, root, usage
from tests.unit.pki.test_cms import KOREAN, TEXT, openssl_signed
from tests.unit.pki.test_paths import house_list

from dojang.pki import der
from dojang.pki.certificate import read_certificate
from dojang.pki.crl import CrlEntry
from dojang.pki.explaining import Explanation, Inquiry, explain
from dojang.pki.explaining.model import CODES
from dojang.pki.paths import Trust
from dojang.products.messages import LOCALES, catalog

LATER = timedelta(days=1200)  # the customers' certificates have ended by then


def _asked(**changes: Any) -> Inquiry:
    """Ask as somebody who knows the house: its root, its authority, fresh lists."""
    ours = house()
    trust = Trust(
        roots=(ours.root,),
        intermediates=(ours.issuing,),
        crls=(house_list(ours), ours.revocations(changes.pop("revoked", ()))),
    )
    return replace(Inquiry(trust, NOW), **changes)


def _codes(found: Explanation) -> list[str]:
    return [reason.code for reason in found.reasons]


def _said(found: Explanation) -> tuple[str, str, list[str]]:
    return found.kind, found.verdict, _codes(found)


OK = ("signature", "valid", ["ok"])


def test_every_code_has_its_sentence() -> None:
    """Each reason and moment has a sentence in both languages, and no sentence is left over."""
    times = {"begins", "ends", "claimed", "stamped", "revoked", "checked"}
    for locale in LOCALES:
        known = {key for key in catalog(locale) if key.startswith("verify.")}
        assert {key for key in known if key.startswith("verify.reason.")} == {
            f"verify.reason.{code}" for code in CODES
        }
        assert {key for key in known if key.startswith("verify.time.")} == {f"verify.time.{t}" for t in times}


@pytest.mark.parametrize("options", [("-nodetach",), ("-nodetach", "-noattr"), ("-nodetach", "-keyid")])
def test_an_attached_signature_is_valid(options: tuple[str, ...]) -> None:
    """With signed attributes and without, the text is told, in the encoding it was signed in."""
    found = explain(openssl_signed("ec-p256", TEXT, *options), _asked())
    assert _said(found) == OK
    assert (found.encoding, found.text) == ("UTF-8", TEXT.decode())
    assert "홍길동" in found.subjects[0].name


def test_text_in_euc_kr_is_read() -> None:
    """Older Korean clients sign EUC-KR; the text is the same, the encoding is told."""
    found = explain(openssl_signed("rsa-2048", KOREAN, "-nodetach"), _asked())
    assert _said(found) == OK
    assert (found.encoding, found.text) == ("EUC-KR", TEXT.decode())


def _bare(data: bytes) -> bytes:
    """Take the ContentInfo off."""
    outer = der.whole(data)
    outer.oid()
    return outer.enter(0xA0).raw()


FORMS = {
    "der": lambda data: data,
    "bare": _bare,
    "base64": base64.encodebytes,
    "bare, base64": lambda data: base64.b64encode(_bare(data)),
    "pem": lambda data: b"-----BEGIN CMS-----\n" + base64.encodebytes(data) + b"-----END CMS-----\n",
    "line end": lambda data: data + b"\r\n",
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_do_not_matter(form: str) -> None:
    """Base64, PEM, a line end, and SignedData without its ContentInfo all say the same."""
    assert _said(explain(FORMS[form](openssl_signed("ec-p256", TEXT, "-nodetach")), _asked())) == OK


def test_open_lengths_are_read() -> None:
    """BER with lengths left open, as streams write it, is brought into form first."""
    assert _said(explain(openssl_signed("ec-p256", TEXT, "-nodetach", "-stream"), _asked())) == OK


def test_a_detached_signature_needs_its_content() -> None:
    """With it valid, with another invalid, without it undecided: it is not wrong."""
    data = openssl_signed("ec-p256", TEXT)
    assert _said(explain(data, _asked(content=TEXT))) == OK
    assert _said(explain(data, _asked(content=TEXT + b"0"))) == ("signature", "invalid", ["content_changed"])
    assert _said(explain(data, _asked())) == ("signature", "indeterminate", ["content_missing"])


def test_content_given_beside_an_attached_one_must_be_the_same() -> None:
    """Nobody is told that another file was signed."""
    data = openssl_signed("ec-p256", TEXT, "-nodetach")
    assert _said(explain(data, _asked(content=TEXT))) == OK
    assert _said(explain(data, _asked(content=b"other")))[1:] == ("invalid", ["content_changed"])


def test_a_changed_signature_is_wrong() -> None:
    """One octet of the text, of the signature."""
    data = openssl_signed("ec-p256", TEXT, "-nodetach", "-noattr")
    at = data.index(TEXT)
    changed = data[:at] + b"x" + data[at + 1 :]
    assert _said(explain(changed, _asked())) == ("signature", "invalid", ["signature"])
    assert explain(data[:-1] + bytes([data[-1] ^ 1]), _asked()).verdict == "invalid"


def test_without_a_root_nothing_is_decided() -> None:
    """The signature is looked at, but whom to believe was not said."""
    found = explain(openssl_signed("ec-p256", TEXT, "-nodetach"), _asked(trust=Trust(roots=())))
    assert _said(found) == ("signature", "indeterminate", ["no_trust"])


def test_status_unknown_and_status_not_asked() -> None:
    """No list leaves it open; not asking is told."""
    data = openssl_signed("ec-p256", TEXT, "-nodetach")
    trust = replace(_asked().trust, crls=())
    assert _said(explain(data, _asked(trust=trust)))[1:] == ("indeterminate", ["status_unknown"])
    found = explain(data, _asked(trust=replace(trust, status="none")))
    assert _said(found)[1:] == ("valid", ["ok", "status_not_checked"])


def _serial_of(data: bytes) -> int:
    return int(explain(data, _asked()).subjects[0].serial, 16)


def test_what_ended_since_is_not_wrong() -> None:
    """Expired or revoked after the time the signer claims: nothing proves it, so it is undecided."""
    data = _signed_today()
    expired = explain(data, _asked(at=datetime.now(UTC) + LATER))
    assert _said(expired)[1:] == ("indeterminate", ["expired_unproven"])
    assert [line.code for line in expired.times] == ["begins", "claimed", "ends", "checked"]


@cache
def _signed_today() -> bytes:
    """Sign with a certificate that lives today, since openssl claims today's time."""
    now = datetime.now(UTC).replace(microsecond=0)
    ours = house()
    certificate = ours.certificate(not_before=now - timedelta(hours=1), not_after=now + timedelta(days=30))
    with TemporaryDirectory() as folder:
        place = Path(folder)
        key = key_of("ec-p256", "customer").private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (place / "key").write_bytes(key)
        pem = x509.load_der_x509_certificate(certificate).public_bytes(serialization.Encoding.PEM)
        (place / "certificate").write_bytes(pem)
        (place / "text").write_bytes(TEXT)
        command = "openssl cms -sign -binary -nodetach -in text -outform DER -out signed -inkey key"
        subprocess.run([*command.split(), "-signer", "certificate"], cwd=place, check=True, timeout=30)
        return (place / "signed").read_bytes()


def test_a_certificate_that_ended_is_wrong() -> None:
    """Of a certificate itself there is nothing to prove: expired is expired, revoked is revoked."""
    ours = house()
    data = ours.certificate()
    serial = read_certificate(data).facts.serial
    assert _said(explain(data, _asked())) == ("certificate", "valid", ["ok"])
    late = _asked(at=NOW + LATER)
    assert _said(explain(data, late)) == ("certificate", "invalid", ["expired"])
    revoked = explain(data, _asked(revoked=[CrlEntry(serial, NOW, "keyCompromise")]))
    assert _said(revoked) == ("certificate", "invalid", ["revoked"])
    assert [(line.code, line.args) for line in revoked.times if line.code == "revoked"] == [
        ("revoked", {"reason": "keyCompromise"})
    ]


@pytest.mark.parametrize("data", [b"", b"hello", b"\x30\x03\x02\x01\x01", b"PK\x03\x04", bytes(1000)])
def test_what_it_is_not_is_said(data: bytes) -> None:
    """A file of another kind is not called invalid."""
    assert _said(explain(data, _asked())) == ("unknown", "indeterminate", ["unknown_kind"])


# --- time-stamps ---


@cache
def _stamping() -> tuple[Made, Made]:
    """Make a root and a time-stamp authority below it."""
    began = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
    above = root("Stamp Root", begins=began, ends=began + timedelta(days=9000))
    purpose = (x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.TIME_STAMPING]), True)
    own = leaf(
        above,
        "Stamps",
        eku=purpose,
        san=None,
        bits=usage("digital_signature"),
        begins=began,
        ends=began + timedelta(days=9000),
    )
    return above, own


def stamp(content: bytes, folder: Path) -> bytes:
    """Have `openssl ts` stamp some octets; returns the token."""
    _, own = _stamping()
    (folder / "content").write_bytes(content)
    (folder / "certificate").write_text(own.pem)
    (folder / "key").write_bytes(
        own.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    (folder / "serial").write_text("01")
    (folder / "settings").write_text(
        "[tsa]\ndefault_tsa=t\n[t]\nserial=serial\ncrypto_device=builtin\nsigner_digest=sha256\n"
        "default_policy=1.3.6.1.4.1.32473.7\ndigests=sha256\ness_cert_id_alg=sha256\n"
    )
    query = "openssl ts -query -data content -sha256 -cert -out query"
    reply = "openssl ts -reply -config settings -queryfile query -inkey key -signer certificate"
    for command in (query, f"{reply} -token_out -out token"):
        subprocess.run(command.split(), cwd=folder, check=True, capture_output=True, timeout=30)
    return (folder / "token").read_bytes()


def test_a_time_stamp(tmp_path: Path) -> None:
    """Of openssl's own making: right for its file, wrong for another, the moment is told."""
    token = stamp(TEXT, tmp_path)
    above, _ = _stamping()
    now = datetime.now(UTC)
    asked = Inquiry(Trust(roots=(above.der,), status="none"), now, TEXT)
    found = explain(token, asked)
    assert _said(found) == ("timestamp", "valid", ["ok", "status_not_checked"])
    assert [line.code for line in found.times] == ["begins", "stamped", "checked", "ends"]
    other = explain(token, replace(asked, content=b"other"))
    assert _said(other) == ("timestamp", "invalid", ["stamp_wrong"])


def test_a_time_stamp_proves_what_ended_since(tmp_path: Path) -> None:
    """With a stamp over the signature, the certificate may end: the signature was there before."""
    data = _signed_today()
    token = stamp(_signature_of(data), tmp_path)
    above, _ = _stamping()
    ours, later = house(), datetime.now(UTC) + LATER
    trust = Trust(roots=(ours.root, above.der), intermediates=(ours.issuing,), status="none")
    with_stamp = _with_unsigned(data, token)
    assert explain(with_stamp, Inquiry(trust, later)).verdict == "valid"
    assert _codes(explain(data, Inquiry(trust, later))) == ["expired_unproven"]
    # A stamp over something else proves nothing.
    (tmp_path / "other").mkdir()
    wrong = _with_unsigned(data, stamp(b"other", tmp_path / "other"))
    assert _codes(explain(wrong, Inquiry(trust, later))) == ["expired_unproven"]


def _signature_of(data: bytes) -> bytes:
    from dojang.pki.cms import verify_signed_data

    return verify_signed_data(data).signers[0].signature


def _with_unsigned(data: bytes, token: bytes) -> bytes:
    """Put a token into the unsigned attributes of the one signer."""
    attribute = der.sequence(der.oid("1.2.840.113549.1.9.16.2.14"), der.tlv(der.SET, token))
    outer = der.whole(data)
    kind = outer.raw()
    body = outer.enter(0xA0).enter()
    parts = []
    while body.more:
        parts.append(body.raw())
    signer = der.whole(parts[-1], der.SET).value(der.SEQUENCE)
    parts[-1] = der.tlv(der.SET, der.tlv(der.SEQUENCE, signer + der.tlv(0xA1, attribute)))
    return der.sequence(kind, der.explicit(0, der.sequence(*parts)))


# --- JWS ---


def _jws(header: dict[str, Any], payload: bytes = b'{"sum":100000}') -> bytes:
    def pack(data: bytes) -> bytes:
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    from cryptography.hazmat.primitives.asymmetric import ec

    signed = pack(json.dumps(header).encode()) + b"." + pack(payload)
    key: Any = key_of("ec-p256", "customer")
    r, s = decode_dss_signature(key.sign(signed, ec.ECDSA(hashes.SHA256())))
    return signed + b"." + pack(r.to_bytes(32, "big") + s.to_bytes(32, "big"))


def _header(**changes: Any) -> dict[str, Any]:
    return {"alg": "ES256", "x5c": [base64.b64encode(house().certificate()).decode()]} | changes


def test_a_jws() -> None:
    """By the certificates in its header; `none`, a shared key and a critical header are no signatures."""
    found = explain(_jws(_header()), _asked())
    assert _said(found) == ("jws", "valid", ["ok"])
    assert found.text == '{"sum":100000}'
    head, payload, mark = _jws(_header()).split(b".")
    changed = b".".join((head, payload[:-2] + b"AA", mark))
    assert _said(explain(changed, _asked())) == ("jws", "invalid", ["signature"])
    for header in (_header(alg="none"), _header(alg="HS256"), _header(crit=["exp"]), {"alg": "ES256"}):
        assert _said(explain(_jws(header), _asked())) == ("jws", "invalid", ["header"])


# --- PDF ---


def _pdf(
    content: bytes = b"%PDF-1.7\n1 0 obj\n<</Type/Sig/Contents ", tail: bytes = b">>\nendobj\n%%EOF\n"
) -> bytes:
    """Make the least a signed PDF is: two ranges and a signature between them."""
    room = 8192
    for _ in range(2):
        ranges = b"/ByteRange [0 %010d %010d %010d]" % (
            len(content),
            len(content) + room + 2,
            len(tail) + 47,
        )
        after = ranges + tail
    signed = content + after
    mark = openssl_signed("ec-p256", signed).hex().encode()
    return content + b"<" + mark.ljust(room, b"0") + b">" + after


def test_a_pdf() -> None:
    """Signed over its ranges: right as it is, wrong when changed, undecided when something was added."""
    data = _pdf()
    assert _said(explain(data, _asked())) == ("pdf", "valid", ["ok"])
    assert _said(explain(data.replace(b"1.7", b"1.6"), _asked())) == ("pdf", "invalid", ["content_changed"])
    added = explain(data + b"2 0 obj\n(more)\nendobj\n", _asked())
    assert _said(added) == ("pdf", "indeterminate", ["added_after"])
    assert _said(explain(b"%PDF-1.7\n%%EOF\n", _asked())) == ("pdf", "indeterminate", ["unsigned"])


def test_names_of_strangers_are_only_text() -> None:
    """What would move a terminal's cursor is not printed."""
    from dojang.cli.verify import printable

    assert printable("a\x1b[2Jb\r\nc") == "a [2Jb \nc"


def test_a_name_that_cannot_be_read_is_not_shown() -> None:
    """A signer's certificate with a broken name is told as malformed by its path, and nothing falls over."""
    right = house().certificate()
    broken = right.replace(der.oid("2.5.4.3"), b"\x06\x03\x55\x04\x96")
    assert broken != right
    found = explain(broken, _asked())
    assert (found.verdict, found.subjects[0].name) == ("invalid", "?")
