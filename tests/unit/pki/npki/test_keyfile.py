"""Key files: every form opens, what we write is opened by others, and what is wrong is said in one word."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import serialization
from tests.judges.pinksign import pinksign_opens, pinksign_seals
from tests.unit.pki.kit import key_of
from tests.unit.pki.npki.kit import IDN, PASSWORD, VECTORS, R, certificate, core, decoded, pkcs8

from dojang.pki import der, oids
from dojang.pki.cms import verify_signed_data
from dojang.pki.npki import keyfile
from dojang.pki.npki.errors import (
    FileDamagedError,
    FormUnsupportedError,
    RandomMissingError,
    WrongPasswordError,
)
from dojang.pki.npki.folder import KeyPair, write_directory
from dojang.pki.npki.vid import parse_identify_data
from dojang.products.messages import render

if TYPE_CHECKING:
    from pathlib import Path

FILES = VECTORS["files"]


@pytest.mark.parametrize("case", FILES, ids=[f"{case['form']}-{case['kind']}" for case in FILES])
def test_every_form_is_opened(case: dict[str, Any]) -> None:
    """Six forms, ASCII and Korean passwords: key and R come out as they went in."""
    found = keyfile.open_key_file(decoded(case["file"]), case["password"])
    assert (found.pkcs8, found.core) == (decoded(VECTORS["pkcs8"]), decoded(VECTORS["core"]))
    assert found.require_random().hex() == VECTORS["r"]
    assert found.family == "rsa"


@pytest.mark.parametrize("case", FILES, ids=[f"{case['form']}-{case['kind']}" for case in FILES])
@pytest.mark.parametrize("wrong", ["", "Dojang!2947X", "도장찍는날!28", "\u1f300", "x" * 300])
def test_a_wrong_password_is_called_so(case: dict[str, Any], wrong: str) -> None:
    """No form takes a wrong password for damage."""
    with pytest.raises(WrongPasswordError) as caught:
        keyfile.open_key_file(decoded(case["file"]), wrong)
    assert "암호" in render(caught.value.message_id, "ko")
    assert not wrong or wrong not in repr(caught.value)


@pytest.mark.parametrize("algorithm", ["rsa-2048", "ec-p256"])
@pytest.mark.parametrize("form", ["seed", "aes"])
def test_what_is_written_is_read(form: keyfile.Form, algorithm: str) -> None:
    """Both forms, both kinds of key, R kept; two files of one key differ."""
    made = [keyfile.seal_key_file(pkcs8(algorithm), PASSWORD, form=form, iterations=2048) for _ in range(2)]
    assert made[0] != made[1]
    for data in made:
        found = keyfile.open_key_file(data, PASSWORD)
        assert (found.pkcs8, found.core, found.r) == (pkcs8(algorithm), core(algorithm), R)
        assert found.load().private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ) == core(algorithm)


def test_the_usual_rounds_slow_guessing() -> None:
    """Without being asked, far more rounds than the customary 2,048 are written, and no fewer are taken."""
    assert keyfile.ITERATIONS == {"seed": 100_000, "aes": 600_000}
    for rounds in (0, 2047, 2_000_001):
        with pytest.raises(ValueError, match="rounds"):
            keyfile.seal_key_file(pkcs8(), PASSWORD, iterations=rounds)


@pytest.mark.parametrize("form", ["seed", "aes"])
def test_openssl_opens_what_is_written(tmp_path: Path, form: keyfile.Form) -> None:
    """`openssl pkcs8` with the legacy provider finds the very key."""
    (tmp_path / "signPri.key").write_bytes(keyfile.seal_key_file(pkcs8(), PASSWORD, form=form))
    found = _openssl_key(tmp_path / "signPri.key", PASSWORD)
    assert found == key_of("rsa-2048", "customer").private_numbers()


def _openssl_key(file: Path, password: str) -> Any:
    done = subprocess.run(
        [
            *("openssl", "pkcs8", "-inform", "DER", "-in", str(file), "-passin", f"pass:{password}"),
            *("-provider", "legacy", "-provider", "default"),
        ],
        capture_output=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return serialization.load_pem_private_key(done.stdout, None).private_numbers()  # type: ignore[union-attr]


@pytest.mark.parametrize("prf", ["hmacWithSHA1", "hmacWithSHA256", "hmacWithSHA512"])
@pytest.mark.parametrize("cipher", ["seed-cbc", "aes-128-cbc", "aes-192-cbc", "aes-256-cbc", "des-ede3-cbc"])
def test_what_openssl_writes_is_opened(tmp_path: Path, cipher: str, prf: str) -> None:
    """PBES2 with each cipher and derivation that openssl has."""
    (tmp_path / "plain").write_bytes(core())
    done = subprocess.run(
        [
            *("openssl", "pkcs8", "-topk8", "-inform", "DER", "-in", "plain", "-outform", "DER"),
            *("-v2", cipher, "-v2prf", prf, "-iter", "3000", "-passout", f"pass:{PASSWORD}"),
            *("-provider", "legacy", "-provider", "default"),
        ],
        cwd=tmp_path, capture_output=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = keyfile.open_key_file(done.stdout, PASSWORD)
    assert found.core == core()
    with pytest.raises(RandomMissingError):
        found.require_random()


def test_pypinksign_opens_the_folder_signs_and_computes_the_vid(tmp_path: Path) -> None:
    """A reader made for NPKI certificates: the folder, the signature, R, and the VID of the certificate."""
    made = KeyPair(certificate(), keyfile.seal_key_file(pkcs8(), PASSWORD))
    found = pinksign_opens(folder=write_directory(tmp_path, made), password=PASSWORD, idn=IDN)
    verified = verify_signed_data(decoded(found["signed"]))
    assert (verified.content.decode(), verified.signers[0].certificate) == (found["text"], certificate())
    assert found["r"] == R.hex()
    assert found["vid_computed"] == parse_identify_data(certificate()).vid.hex()


def test_what_pypinksign_writes_is_opened() -> None:
    """Its older form opens here, R included."""
    made = pinksign_seals(core(), r=R, password=PASSWORD)
    assert der.whole(made).enter().oid() == oids.SEED_CBC_WITH_SHA1
    found = keyfile.open_key_file(made, PASSWORD)
    assert (found.core, found.r) == (core(), R)


def test_a_key_without_r_says_what_to_do() -> None:
    """Old files without R open, but prove no identity number."""
    found = keyfile.open_key_file(keyfile.seal_key_file(core(), PASSWORD, iterations=2048), PASSWORD)
    with pytest.raises(RandomMissingError) as caught:
        found.require_random()
    assert "재발급" in render(caught.value.message_id, "ko")
    assert "re-issued" in render(caught.value.message_id, "en")


@pytest.mark.parametrize("size", [0, 19, 65])
def test_r_has_160_to_512_bits(size: int) -> None:
    """Shorter ones protect nothing, longer ones are nobody's; also when read."""
    with pytest.raises(ValueError, match="octets"):
        keyfile.with_random(core(), bytes(size))
    attribute = der.sequence(der.oid(oids.NPKI_RANDOM), der.set_of(der.bit_string(bytes(size))))
    body = der.whole(core())
    made = der.sequence(body.raw(), body.raw(), body.raw(), der.explicit(0, attribute))
    with pytest.raises(FileDamagedError):
        keyfile.open_key_file(keyfile.seal_key_file(made, PASSWORD, iterations=2048), PASSWORD)


def _pbes2(*, rounds: int = 2048, salt: bytes = bytes(8), cipher: bytes = bytes(16), **names: str) -> bytes:
    kdf = der.sequence(der.octet_string(salt), der.integer(rounds))
    scheme = der.sequence(der.oid(names.get("scheme", oids.SEED_CBC)), der.octet_string(bytes(16)))
    derived = der.sequence(der.oid(names.get("kdf", oids.PBKDF2)), kdf)
    algorithm = der.sequence(der.oid(names.get("form", oids.PBES2)), der.sequence(derived, scheme))
    return der.sequence(algorithm, der.octet_string(cipher))


def _older(rounds: int) -> bytes:
    parameters = der.sequence(der.octet_string(bytes(8)), der.integer(rounds))
    return der.sequence(der.sequence(der.oid(oids.SEED_CBC), parameters), der.octet_string(bytes(16)))


@pytest.mark.parametrize(
    "data",
    [
        _pbes2(rounds=2_000_001),
        _pbes2(rounds=0),
        _pbes2(rounds=1 << 62),
        _pbes2(salt=b""),
        _pbes2(salt=bytes(65)),
        _pbes2(cipher=bytes(17)),
        _pbes2(cipher=b""),
        _older(100_001),
        _older(-1),
        b"",
        bytes(70_000),
        der.sequence(bytes(66_000)),
    ],
)
def test_what_is_no_key_file_is_called_damaged(data: bytes) -> None:
    """What is none, and more work than an honest file asks for, is refused before any of it is done."""
    with pytest.raises(FileDamagedError) as caught:
        keyfile.open_key_file(data, PASSWORD)
    assert render(caught.value.message_id, "ko")
    assert render(caught.value.message_id, "en")


@pytest.mark.parametrize("place", ["scheme", "kdf", "form"])
def test_a_form_that_is_not_read_is_named(place: str) -> None:
    """An algorithm unknown to us does not make a sound file a damaged one."""
    with pytest.raises(FormUnsupportedError) as caught:
        keyfile.open_key_file(_pbes2(**{place: oids.SHA1}), PASSWORD)
    assert caught.value.data == {"form": oids.SHA1}
    assert oids.SHA1 in render(caught.value.message_id, "ko", **caught.value.data)
    assert oids.SHA1 in render(caught.value.message_id, "en", **caught.value.data)


def test_nothing_secret_is_shown() -> None:
    """A key in the clear does not print itself."""
    shown = repr(keyfile.read_plain_key(pkcs8()))
    assert shown == "PlainKey(family='rsa')"
