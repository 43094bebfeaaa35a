"""Files of others: lengths left open, strings in pieces, line ends, armour, forms we do not read."""

from __future__ import annotations

import base64
import subprocess
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization
from tests.unit.pki.kit import key_of
from tests.unit.pki.npki.kit import PASSWORD, certificate, core, ours, pkcs8

from dojang.pki import der, oids
from dojang.pki.errors import MalformedError
from dojang.pki.npki import ber, keyfile, pfx
from dojang.pki.npki.errors import FileDamagedError, FormUnsupportedError, WrongPasswordError

if TYPE_CHECKING:
    from pathlib import Path


def loosened(data: bytes, *, pieces: int = 100) -> bytes:
    """Write DER as NSS and Java do: lengths of constructed values left open, octet strings in pieces."""
    reader, out = der.Reader(data), b""
    while reader.more:
        tag, content = reader.tag, reader.value()
        if tag & 0x20:
            out += bytes((tag, 0x80)) + loosened(content, pieces=pieces) + b"\0\0"
        elif tag == der.OCTET_STRING and len(content) > pieces:
            parts = (content[at : at + pieces] for at in range(0, len(content), pieces))
            out += b"\x24\x80" + b"".join(map(der.octet_string, parts)) + b"\0\0"
        elif tag == 0x80 and len(content) > pieces:  # encryptedContent, in pieces
            parts = (content[at : at + pieces] for at in range(0, len(content), pieces))
            out += b"\xa0\x80" + b"".join(map(der.octet_string, parts)) + b"\0\0"
        else:
            out += bytes((tag, 0x84)) + len(content).to_bytes(4, "big") + content
    return out


@pytest.mark.parametrize("pieces", [16, 100, 4096])
@pytest.mark.parametrize("form", ["compatible", "modern"])
def test_a_pfx_with_open_lengths_is_opened(form: pfx.Form, pieces: int) -> None:
    """What NSS and Java write, R and chain included; a wrong password is still called so."""
    made = pfx.write_pfx(pkcs8(), certificate(), PASSWORD, form=form, chain=[ours().issuing])
    data = loosened(made, pieces=pieces)
    assert len(data) > len(made)
    assert pfx.read_pfx(data, PASSWORD) == pfx.read_pfx(made, PASSWORD)
    with pytest.raises(WrongPasswordError):
        pfx.read_pfx(data, PASSWORD + "x")


@pytest.mark.parametrize("mac", ["sha1", "sha224", "sha256", "sha384", "sha512"])
def test_a_pfx_with_any_authentication_code_is_opened(tmp_path: Path, mac: str) -> None:
    """`openssl pkcs12 -macalg` with every SHA."""
    key = key_of("rsa-2048", "customer").private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    armoured = base64.encodebytes(certificate()).decode()
    pem = f"-----BEGIN CERTIFICATE-----\n{armoured}-----END CERTIFICATE-----\n"
    (tmp_path / "one.pem").write_bytes(key + pem.encode())
    done = subprocess.run(
        ["openssl", "pkcs12", "-export", "-in", "one.pem", "-macalg", mac, "-passout", f"pass:{PASSWORD}"],
        cwd=tmp_path, capture_output=True, timeout=30, check=True,
    )  # fmt: skip
    found = pfx.read_pfx(done.stdout, PASSWORD)
    assert (found.key.core, found.certificate) == (core(), certificate())
    with pytest.raises(WrongPasswordError):
        pfx.read_pfx(done.stdout, PASSWORD + "x")


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\n\n", b"\x1a"])
def test_a_line_end_behind_a_key_is_no_damage(end: bytes) -> None:
    """An editor's line end is left out; a letter behind the key is damage."""
    made = keyfile.seal_key_file(pkcs8(), PASSWORD, iterations=2048)
    assert keyfile.open_key_file(made + end, PASSWORD).pkcs8 == pkcs8()
    with pytest.raises(FileDamagedError):
        keyfile.open_key_file(made + end + b"x", PASSWORD)


def test_an_armoured_key_is_opened() -> None:
    """PEM is the same file in letters."""
    made = keyfile.seal_key_file(pkcs8(), PASSWORD, iterations=2048)
    text = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n" + base64.encodebytes(made)
    assert keyfile.open_key_file(text + b"-----END ENCRYPTED PRIVATE KEY-----\n", PASSWORD).pkcs8 == pkcs8()


def test_scrypt_is_called_a_form_we_do_not_read() -> None:
    """A sound file of another form is not called damaged, and its form is named."""
    scrypt = der.sequence(der.octet_string(bytes(16)), der.integer(16384), der.integer(8), der.integer(1))
    kdf = der.sequence(der.oid(oids.SCRYPT), scrypt)
    scheme = der.sequence(der.oid(oids.AES256_CBC), der.octet_string(bytes(16)))
    algorithm = der.sequence(der.oid(oids.PBES2), der.sequence(kdf, scheme))
    with pytest.raises(FormUnsupportedError) as told:
        keyfile.open_key_file(der.sequence(algorithm, der.octet_string(bytes(64))), PASSWORD)
    assert told.value.data["form"] == "scrypt"


def test_a_code_of_the_newest_form_is_named() -> None:
    """PBMAC1 (RFC 9579) is a form, not damage."""
    content = der.sequence(der.oid(oids.CMS_DATA), der.explicit(0, der.octet_string(der.sequence())))
    info = der.sequence(der.sequence(der.oid(oids.PBMAC1), der.sequence()), der.octet_string(bytes(32)))
    mac = der.sequence(info, der.octet_string(bytes(8)), der.integer(1))
    with pytest.raises(FormUnsupportedError) as told:
        pfx.read_pfx(der.sequence(der.integer(3), content, mac), PASSWORD)
    assert told.value.data["form"] == "PBMAC1"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x30",
        b"\x30\x80",
        b"\x30\x80\x00",
        b"\x04\x80\x00\x00",
        b"\x30\x80" * 40 + b"\0\0" * 40,
        b"\x24\x80\x02\x01\x01\x00\x00",
        b"\x30\x85\xff\xff\xff\xff\xff",
        b"\x1f\x81\x01\x00",
        b"\x30\x00\x00",
    ],
)
def test_what_is_no_ber_is_refused(data: bytes) -> None:
    """Lengths without an end, depth without bound, pieces of another type."""
    with pytest.raises(MalformedError):
        ber.to_der(data, limit=1000)
    assert ber.plain_file(data) in (data, data.rstrip(b"\n"))


def test_der_stays_as_it_is() -> None:
    """Of DER nothing is changed."""
    made = pfx.write_pfx(pkcs8(), certificate(), PASSWORD)
    assert ber.to_der(made, limit=100_000) == made
    assert ber.plain_file(made) == made
