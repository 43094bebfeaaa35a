"""Certificate files as other programs write them, on the device: opened, or their form is named."""

from __future__ import annotations

import io
import subprocess
import zipfile
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID
from tests.device.bridge import octets
from tests.unit.pki.kit import NOW, key_of
from tests.unit.pki.npki.kit import PASSWORD, certificate, core, ours, pkcs8
from tests.unit.pki.npki.test_ber import loosened

from dojang.pki import der, oids
from dojang.pki.npki import keyfile, pfx

if TYPE_CHECKING:
    from pathlib import Path

    from tests.device.bridge import Device


@pytest.mark.parametrize("mac", ["sha1", "sha256", "sha384", "sha512"])
def test_codes_of_openssl_are_checked(handset: Device, tmp_path: Path, mac: str) -> None:
    """The authentication codes of `openssl pkcs12 -macalg` open, and tell a wrong password."""
    key = key_of("rsa-2048", "customer").private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem = x509.load_der_x509_certificate(certificate()).public_bytes(serialization.Encoding.PEM)
    (tmp_path / "one.pem").write_bytes(key + pem)
    made = subprocess.run(
        ["openssl", "pkcs12", "-export", "-in", "one.pem", "-macalg", mac, "-passout", f"pass:{PASSWORD}"],
        cwd=tmp_path, capture_output=True, timeout=30, check=True,
    ).stdout  # fmt: skip
    assert octets(handset.ask("read_pfx", file=made, password=PASSWORD)["pkcs8"]) == core()
    assert handset.ask("read_pfx", file=made, password="x")["error"] == "wrong_password"


@pytest.mark.parametrize("pieces", [16, 4096])
@pytest.mark.parametrize("form", ["compatible", "modern"])
def test_open_lengths_are_read(handset: Device, form: pfx.Form, pieces: int) -> None:
    """BER as NSS and Java write it, chain and R included."""
    made = pfx.write_pfx(pkcs8(), certificate(), PASSWORD, form=form, chain=[ours().issuing])
    found = handset.ask("read_pfx", file=loosened(made, pieces=pieces), password=PASSWORD)
    assert octets(found["pkcs8"]) == pkcs8()
    assert [octets(one) for one in found["chain"]] == [ours().issuing]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\x1a"])
def test_line_ends_are_left_out(handset: Device, end: bytes) -> None:
    """What an editor appends is no damage; anything else behind a key is."""
    made = keyfile.seal_key_file(pkcs8(), PASSWORD, iterations=2048)
    assert octets(handset.ask("open", file=made + end, password=PASSWORD)["pkcs8"]) == pkcs8()
    assert handset.ask("open", file=made + end + b"x", password=PASSWORD)["error"] == "file_damaged"


def test_scrypt_is_named_and_not_called_damaged(handset: Device) -> None:
    """A form that is not read here says so, with its name."""
    numbers = der.sequence(der.octet_string(bytes(16)), der.integer(16384), der.integer(8), der.integer(1))
    scheme = der.sequence(der.oid(oids.AES256_CBC), der.octet_string(bytes(16)))
    parameters = der.sequence(der.sequence(der.oid(oids.SCRYPT), numbers), scheme)
    made = der.sequence(der.sequence(der.oid(oids.PBES2), parameters), der.octet_string(bytes(64)))
    answer = handset.ask("open", file=made, password=PASSWORD)
    assert (answer["error"], answer["detail"]) == ("form_unsupported", "scrypt")


def _zip(files: dict[str, bytes]) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return whole.getvalue()


def test_an_archive_of_finder_with_remains_gives_its_good_pair(handset: Device) -> None:
    """What macOS adds is passed over, a damaged certificate is named, and the good one is taken in."""
    key_file = keyfile.seal_key_file(pkcs8(), PASSWORD, iterations=2048)
    archive = _zip(
        {
            "NPKI/A/USER/cn=1/signCert.der": certificate() + b"\n",
            "NPKI/A/USER/cn=1/signPri.key": key_file + b"\n",
            "NPKI/B/USER/cn=2/signCert.der": b"",
            "NPKI/B/USER/cn=2/signPri.key": key_file,
            "__MACOSX/NPKI/A/USER/cn=1/._signCert.der": b"\0\5\x16\7",
            "__MACOSX/NPKI/A/USER/cn=1/._signPri.key": b"\0\5\x16\7",
        }
    )
    found = handset.ask("read_folders", file=archive)
    assert [[octets(one) for one in pair] for pair in found["entries"]] == [[certificate(), key_file]]
    assert found["damaged"] == ["NPKI/B/USER/cn=2/signCert.der"]
    taken = handset.ask("import_folder", file=archive, password=PASSWORD)
    assert (len(taken["ids"]), taken["damaged"]) == (1, ["NPKI/B/USER/cn=2/signCert.der"])


@pytest.mark.parametrize(
    ("tag", "content", "text"),
    [
        (0x14, "홍길동".encode("euc_kr"), "홍길동"),
        (0x14, b"Jos\xe9", "José"),
        (0x1C, "𠮷".encode("utf-32-be"), "𠮷"),
    ],
)
def test_names_of_older_authorities_are_shown(handset: Device, tag: int, content: bytes, text: str) -> None:
    """A common name in a TeletexString, as EUC-KR or Latin, and in a UniversalString is read."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x" * len(content))])
    key = key_of("rsa-2048", "customer")
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 7, NOW, NOW)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.DER)
    )
    plain = der.tlv(0x0C, b"x" * len(content))
    assert made.count(plain) == 2
    assert (
        handset.ask("read_certificate", file=made.replace(plain, der.tlv(tag, content)))["subject"]
        == f"cn={text}"
    )
