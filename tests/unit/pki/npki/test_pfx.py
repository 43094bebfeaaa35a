"""PKCS #12: R stays, openssl and pypinksign open ours, we open theirs."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import PrivateFormat, pkcs12
from tests.judges.pinksign import pinksign_opens
from tests.unit.pki.kit import key_of
from tests.unit.pki.npki.kit import PASSWORD, R, certificate, core, decoded, ours, pkcs8

from dojang.pki import der, oids
from dojang.pki.cms import verify_signed_data
from dojang.pki.npki import pfx
from dojang.pki.npki.errors import FileDamagedError, KeyMismatchError, WrongPasswordError

if TYPE_CHECKING:
    from pathlib import Path

FORMS = ("compatible", "modern")


def _made(form: pfx.Form, password: str = PASSWORD, algorithm: str = "rsa-2048") -> bytes:
    chain = [ours().issuing, ours().root]
    return pfx.write_pfx(
        pkcs8(algorithm), certificate(algorithm), password, form=form, friendly_name="홍길동", chain=chain
    )


@pytest.mark.parametrize("algorithm", ["rsa-2048", "ec-p256"])
@pytest.mark.parametrize("password", [PASSWORD, "도장찍는날!29", "", "x" * 64])
@pytest.mark.parametrize("form", FORMS)
def test_what_is_written_is_read(form: pfx.Form, password: str, algorithm: str) -> None:
    """Key, R, certificate and chain come out as they went in."""
    found = pfx.read_pfx(_made(form, password, algorithm), password)
    assert (found.key.pkcs8, found.key.r) == (pkcs8(algorithm), R)
    assert (found.certificate, found.chain) == (certificate(algorithm), (ours().issuing, ours().root))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("wrong", ["", "Dojang!2947X", "도장"])
def test_a_wrong_password_is_called_so(form: pfx.Form, wrong: str) -> None:
    """The authentication code tells at once."""
    with pytest.raises(WrongPasswordError):
        pfx.read_pfx(_made(form), wrong)


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ("compatible", ["MAC: sha1", "pbeWithSHA1And3-KeyTripleDES-CBC", "PKCS7 Data\nCertificate bag"]),
        ("modern", ["MAC: sha256", "PBES2, PBKDF2, AES-256-CBC", "PKCS7 Encrypted data"]),
    ],
)
def test_openssl_opens_what_is_written(tmp_path: Path, form: pfx.Form, words: list[str]) -> None:
    """`openssl pkcs12` opens both forms without the legacy provider's help for the second."""
    (tmp_path / "one.pfx").write_bytes(_made(form))
    done = subprocess.run(
        [
            *("openssl", "pkcs12", "-in", "one.pfx", "-passin", f"pass:{PASSWORD}", "-nodes", "-info"),
            *(("-legacy",) if form == "compatible" else ()),
        ],
        cwd=tmp_path, capture_output=True, timeout=30, check=False,
    )  # fmt: skip
    said = done.stderr.decode()
    assert done.returncode == 0, said
    assert [word for word in words if word not in said] == []
    assert done.stdout.count(b"BEGIN CERTIFICATE") == 3
    begin = done.stdout.index(b"-----BEGIN PRIVATE KEY")
    key = serialization.load_pem_private_key(done.stdout[begin:], None)
    assert key.private_numbers() == key_of("rsa-2048", "customer").private_numbers()  # type: ignore[union-attr]
    attribute = f"Key Attributes\n    {oids.NPKI_RANDOM}: {R.hex(' ').upper()}"
    assert attribute.encode() in done.stdout  # R, as openssl finds it in the key's bag


@pytest.mark.parametrize("options", [["-legacy"], [], ["-nomac"], ["-certpbe", "NONE"], ["-keypbe", "NONE"]])
def test_what_openssl_writes_is_opened(tmp_path: Path, options: list[str]) -> None:
    """RC2 and 3DES with SHA-1 (legacy), AES with SHA-256 (today), and parts in the clear."""
    plain = serialization.NoEncryption()
    key = key_of("rsa-2048", "customer").private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain
    )
    (tmp_path / "key.pem").write_bytes(key)
    pem = x509.load_der_x509_certificate(certificate()).public_bytes(serialization.Encoding.PEM)
    (tmp_path / "one.pem").write_bytes(pem)
    done = subprocess.run(
        [
            *("openssl", "pkcs12", "-export", "-inkey", "key.pem", "-in", "one.pem", "-out", "one.pfx"),
            *("-passout", f"pass:{PASSWORD}", *options),
        ],
        cwd=tmp_path, capture_output=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    data = (tmp_path / "one.pfx").read_bytes()
    found = pfx.read_pfx(data, PASSWORD)
    assert (found.key.core, found.key.r, found.certificate) == (core(), None, certificate())
    with pytest.raises(WrongPasswordError):
        pfx.read_pfx(data, PASSWORD + "x")


@pytest.mark.parametrize("korean", [False, True])
def test_what_pyca_writes_is_opened(*, korean: bool) -> None:
    """Another writer of today's form, with a password that is not ASCII too."""
    password = "도장찍는날!29" if korean else PASSWORD
    scheme = (
        PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(3000)
        .key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC)
        .hmac_hash(hashes.SHA256())
        .build(password.encode())
    )
    one = x509.load_der_x509_certificate(certificate())
    data = pkcs12.serialize_key_and_certificates(b"", key_of("rsa-2048", "customer"), one, None, scheme)
    assert pfx.read_pfx(data, password).key.core == core()


@pytest.mark.parametrize("form", FORMS)
def test_pypinksign_opens_and_signs(form: pfx.Form) -> None:
    """A reader made for NPKI certificates takes both forms in; its signature verifies here."""
    found = pinksign_opens(pfx=_made(form), password=PASSWORD)
    verified = verify_signed_data(decoded(found["signed"]))
    assert (verified.content.decode(), verified.signers[0].certificate) == (found["text"], certificate())


def test_a_key_with_another_certificate_is_refused() -> None:
    """Files put together wrongly are not taken in."""
    with pytest.raises(KeyMismatchError):
        pfx.read_pfx(pfx.write_pfx(pkcs8(), certificate("ec-p256"), PASSWORD), PASSWORD)


def _mac(rounds: int) -> bytes:
    content = der.sequence(der.oid(oids.CMS_DATA), der.explicit(0, der.octet_string(der.sequence())))
    info = der.sequence(der.sequence(der.oid(oids.SHA1), der.NULL_VALUE), der.octet_string(bytes(20)))
    mac = der.sequence(info, der.octet_string(bytes(8)), der.integer(rounds))
    return der.sequence(der.integer(3), content, mac)


@pytest.mark.parametrize("rounds", [0, -1, 1_000_001, 1 << 60])
def test_a_file_that_wants_too_much_work_is_refused(rounds: int) -> None:
    """Rounds are counted over the whole file and bounded before any of them is done."""
    with pytest.raises(FileDamagedError):
        pfx.read_pfx(_mac(rounds), PASSWORD)


@pytest.mark.parametrize(("purpose", "size"), [(1, 24), (2, 8), (3, 20), (1, 100)])
def test_the_derivation_is_that_of_rfc_7292(purpose: int, size: int) -> None:
    """Longer outputs begin with the shorter ones; each purpose gives something else."""
    made = pfx.derive("sha1", PASSWORD, b"saltsalt", 3, purpose=purpose, size=size)
    long = pfx.derive("sha1", PASSWORD, b"saltsalt", 3, purpose=purpose, size=200)
    other = pfx.derive("sha1", PASSWORD, b"saltsalt", 3, purpose=purpose % 3 + 1, size=size)
    assert (len(made), long[:size]) == (size, made)
    assert other != made
