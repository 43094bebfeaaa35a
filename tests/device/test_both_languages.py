"""The same files in Python, in the browser's modules, in openssl and in pypinksign."""

from __future__ import annotations

import hashlib
import hmac
import io
import random
import subprocess
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from tests.device.bridge import Device, octets
from tests.judges.pinksign import pinksign_opens, pinksign_seals
from tests.unit.pki.kit import key_of
from tests.unit.pki.npki.kit import IDN, NOW, PASSWORD, R, certificate, core, ours, pkcs8

from dojang.journeys.delivery import is_stored
from dojang.pki.build import end_of_day
from dojang.pki.certificate import read_certificate
from dojang.pki.cms import verify_signed_data
from dojang.pki.names import build_name
from dojang.pki.npki import folder, keyfile, pfx
from dojang.pki.npki.vid import IdentifyData, compute_vid, parse_identify_data
from dojang.pki.profiles import PROFILES
from dojang.pki.requests import read_request
from dojang.pki.signing import verify_signature

if TYPE_CHECKING:
    from pathlib import Path

KOREAN = "도장찍는날!29"
TEXT = "이체 100,000원".encode()


@pytest.mark.parametrize("password", [PASSWORD, KOREAN])
@pytest.mark.parametrize("form", ["seed", "aes"])
def test_key_files_go_both_ways(handset: Device, form: keyfile.Form, password: str) -> None:
    """What one writes the other opens, R included; a wrong password is called the same."""
    theirs = octets(handset.ask("seal", pkcs8=pkcs8(), password=password, form=form)["file"])
    found = keyfile.open_key_file(theirs, password)
    assert (found.pkcs8, found.r) == (pkcs8(), R)
    own = keyfile.seal_key_file(pkcs8(), password, form=form)
    assert octets(handset.ask("open", file=own, password=password)["pkcs8"]) == pkcs8()
    assert handset.ask("open", file=own, password="Dojang!2947X")["error"] == "wrong_password"


def test_an_older_file_of_another_program_opens_on_the_device(handset: Device) -> None:
    """The form pypinksign writes."""
    made = pinksign_seals(core(), r=R, password=PASSWORD)
    assert octets(handset.ask("open", file=made, password=PASSWORD)["r"]) == R


@pytest.mark.parametrize("password", [PASSWORD, KOREAN])
@pytest.mark.parametrize("form", ["compatible", "modern"])
def test_pfx_go_both_ways(handset: Device, form: pfx.Form, password: str) -> None:
    """What one writes the other opens, with R and chain."""
    chain = [ours().issuing]
    sent: dict[str, Any] = {"pkcs8": pkcs8(), "certificate": certificate(), "chain": chain}
    theirs = octets(handset.ask("write_pfx", **sent, password=password, form=form)["file"])
    found = pfx.read_pfx(theirs, password)
    assert (found.key.pkcs8, found.certificate, found.chain) == (pkcs8(), certificate(), tuple(chain))
    own = pfx.write_pfx(pkcs8(), certificate(), password, form=form, chain=chain)
    answer = handset.ask("read_pfx", file=own, password=password)
    assert octets(answer["pkcs8"]) == pkcs8()
    assert octets(answer["r"]) == R
    assert handset.ask("read_pfx", file=own, password="x")["error"] == "wrong_password"


@pytest.mark.parametrize("options", [["-legacy"], [], ["-nomac"]])
def test_pfx_of_openssl_open_on_the_device(handset: Device, tmp_path: Path, options: list[str]) -> None:
    """RC2, 3DES and AES, as openssl writes them."""
    plain = serialization.NoEncryption()
    pem, traditional = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    key = key_of("rsa-2048", "customer").private_bytes(pem, traditional, plain)
    (tmp_path / "key.pem").write_bytes(key)
    (tmp_path / "one.der").write_bytes(certificate())
    commands = [
        ["openssl", "x509", "-inform", "DER", "-in", "one.der", "-out", "one.pem"],
        [
            *("openssl", "pkcs12", "-export", "-inkey", "key.pem", "-in", "one.pem", "-out", "one.pfx"),
            *("-passout", f"pass:{PASSWORD}", *options),
        ],
    ]
    for command in commands:
        subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=30, check=True)
    answer = handset.ask("read_pfx", file=(tmp_path / "one.pfx").read_bytes(), password=PASSWORD)
    assert (octets(answer["pkcs8"]), answer["r"]) == (core(), None)
    assert octets(answer["certificate"]) == certificate()


@pytest.fixture(name="transport", scope="module")
def _transport() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def _issue(handset: Device, transport: rsa.RSAPrivateKey) -> tuple[str, bytes]:
    """Walk a joint certificate from the device's key to its delivery; returns its id and DER."""
    public = transport.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    made = handset.ask("make_joint", password=PASSWORD, transport=public)
    spki = read_request(octets(made["csr"]), PROFILES["joint"].keys).public_key
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    vid = compute_vid(IDN, transport.decrypt(octets(made["sealed_r"]), oaep))
    identify = IdentifyData("홍길동", vid)
    issued = ours().certificate(
        profile="joint", public_key=spki, identify=identify, not_after=end_of_day(NOW, 365)
    )
    chain = [ours().issuing]
    assert handset.ask("store", handle=made["handle"], certificate=certificate(), chain=[])["error"] == (
        "key_mismatch"
    )
    assert handset.ask("list") == {"held": []}
    stored = handset.ask("store", handle=made["handle"], certificate=issued, chain=chain)["id"]
    assert stored == hashlib.sha256(issued).hexdigest()
    challenge = bytes(range(32))
    signature = octets(handset.ask("confirm", handle=made["handle"], challenge=challenge)["signature"])
    assert is_stored(public_key=spki, challenge=challenge, signature=signature)
    handset.ask("finish", handle=made["handle"])
    assert handset.ask("confirm", handle=made["handle"], challenge=challenge)["error"] == "key_absent"
    return stored, issued


def test_a_joint_certificate_from_key_to_files(
    handset: Device, tmp_path: Path, transport: rsa.RSAPrivateKey
) -> None:
    """Made on the device, issued, delivered; its files are opened by Python and pypinksign, VID and all."""
    stored, issued = _issue(handset, transport)
    # The folder, by our reader and by pypinksign.
    archive = octets(handset.ask("export_folder", id=stored, password=PASSWORD)["file"])
    (entry,) = folder.read_zip(archive).entries
    assert entry.certificate == issued
    key = keyfile.open_key_file(entry.key_file, PASSWORD)
    assert compute_vid(IDN, key.require_random()) == parse_identify_data(issued).vid
    found = pinksign_opens(folder=folder.write_directory(tmp_path, entry), password=PASSWORD, idn=IDN)
    assert found["vid_computed"] == parse_identify_data(issued).vid.hex()
    assert verify_signed_data(octets(found["signed"])).signers[0].certificate == issued
    # The PFX, in both forms, by our reader, pypinksign and openssl.
    for form in ("compatible", "modern"):
        made = octets(handset.ask("export_pfx", id=stored, password=PASSWORD, form=form)["file"])
        assert pfx.read_pfx(made, PASSWORD).key.pkcs8 == key.pkcs8
        assert pinksign_opens(pfx=made, password=PASSWORD)["cn"] == found["cn"]
        (tmp_path / "one.pfx").write_bytes(made)
        done = subprocess.run(
            ["openssl", "pkcs12", "-in", "one.pfx", "-passin", f"pass:{PASSWORD}", "-nodes", "-legacy"],
            cwd=tmp_path, capture_output=True, timeout=30, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert key.require_random().hex(" ").upper().encode() in done.stdout
    # And back in, on another day, after it was removed.
    handset.ask("remove", id=stored)
    assert handset.ask("export_folder", id=stored, password=PASSWORD)["error"] == "key_absent"
    assert handset.ask("import_folder", file=archive, password="Dojang!2947X")["error"] == "wrong_password"
    assert handset.ask("list") == {"held": []}
    assert handset.ask("import_folder", file=archive, password=PASSWORD) == {
        "ids": [stored],
        "damaged": [],
    }
    handset.ask("remove", id=stored)
    assert handset.ask("import_pfx", file=made, password=PASSWORD) == {"id": stored}
    (held,) = handset.ask("list")["held"]
    assert held["subject"] == str(folder.folder_of(issued).name)


def test_a_changed_password_is_the_only_one(handset: Device, transport: rsa.RSAPrivateKey) -> None:
    """The old one opens nothing more; a weak or unchanged one is refused and changes nothing."""
    stored, issued = _issue(handset, transport)
    for weak, rules in (("Dojang!", ["length", "classes"]), (PASSWORD, ["same"])):
        answer = handset.ask("change", id=stored, old=PASSWORD, password=weak)
        assert answer == {"error": "password_weak", "rules": rules}
    wrong = handset.ask("change", id=stored, old="Dojang!2947X", password="Another!5810y")
    assert wrong["error"] == "wrong_password"
    target = {"password": PASSWORD, "id": stored}
    signature = octets(handset.ask("sign", target=target, data=TEXT)["signature"])
    spki = read_certificate(issued).facts.spki
    verify_signature(spki, "rsa-sha256", TEXT, signature)
    assert handset.ask("change", id=stored, old=PASSWORD, password="Another!5810y") == {}
    assert handset.ask("sign", target=target, data=TEXT)["error"] == "wrong_password"
    changed = {"password": "Another!5810y", "id": stored}
    verify_signature(
        spki, "rsa-sha256", TEXT, octets(handset.ask("sign", target=changed, data=TEXT)["signature"])
    )


@pytest.mark.parametrize("at", [None, "2026-03-02T03:04:05Z"])
@pytest.mark.parametrize("detached", [False, True])
def test_signed_data_of_the_device_verifies(
    handset: Device, tmp_path: Path, transport: rsa.RSAPrivateKey, *, detached: bool, at: str | None
) -> None:
    """With and without attributes, attached and detached; openssl agrees."""
    _, issued = _issue(handset, transport)
    made = octets(handset.ask("sign_cms", password=PASSWORD, content=TEXT, at=at, detached=detached)["cms"])
    verified = verify_signed_data(made, content=TEXT if detached else None)
    assert (verified.content, verified.signers[0].certificate) == (TEXT, issued)
    assert (verified.signers[0].signed_at is None) == (at is None)
    (tmp_path / "made").write_bytes(made)
    (tmp_path / "text").write_bytes(TEXT)
    done = subprocess.run(
        [
            *("openssl", "cms", "-verify", "-inform", "DER", "-in", "made", "-binary", "-noverify"),
            *(("-content", "text") if detached else ()),
        ],
        cwd=tmp_path, capture_output=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == TEXT


def test_a_bank_certificate_and_its_pattern(handset: Device) -> None:
    """The device proves itself and the pattern; another pattern or challenge gives another proof."""
    made = handset.ask("make_bank")
    spki = read_request(octets(made["csr"]), PROFILES["bank"].keys).public_key
    proof_key = octets(handset.ask("enrol", handle=made["handle"], pattern="0124678")["proof_key"])
    assert len(proof_key) == 32
    issued = ours().certificate(profile="bank", public_key=spki, identify=None)
    handset.ask("store", handle=made["handle"], certificate=issued, chain=[ours().issuing])
    handset.ask("finish", handle=made["handle"])
    challenge = bytes(range(32))
    proof = handset.ask("prove", pattern="0124678", challenge=challenge)
    assert hmac.compare_digest(octets(proof["mac"]), hmac.digest(proof_key, challenge, "sha256"))
    verify_signature(spki, "ecdsa-sha256", challenge, octets(proof["signature"]))
    wrong = handset.ask("prove", pattern="0124670", challenge=challenge)
    assert octets(wrong["mac"]) != octets(proof["mac"])
    verified = verify_signed_data(octets(handset.ask("sign_cms_bank", content=TEXT)["cms"]))
    assert (verified.content, verified.signers[0].algorithm) == (TEXT, "ecdsa-sha256")
    assert isinstance(serialization.load_der_public_key(spki), ec.EllipticCurvePublicKey)


def test_what_is_thrown_away_is_gone(handset: Device, transport: rsa.RSAPrivateKey) -> None:
    """A certificate the centre took back leaves neither key nor certificate behind."""
    stored, _ = _issue(handset, transport)
    made = handset.ask("make_bank")
    spki = read_request(octets(made["csr"])).public_key
    issued = ours().certificate(profile="bank", public_key=spki, identify=None)
    handset.ask("store", handle=made["handle"], certificate=issued, chain=[])
    assert len(handset.ask("list")["held"]) == 2
    handset.ask("discard", handle=made["handle"])
    assert [one["id"] for one in handset.ask("list")["held"]] == [stored]
    assert handset.ask("prove", pattern="0124678", challenge=bytes(32))["error"] == "key_absent"


def test_folders_of_another_hand_are_taken_in(handset: Device) -> None:
    """An archive made by Python's zipfile, compressed; files that do not belong together are not."""
    key_file = keyfile.seal_key_file(pkcs8(), PASSWORD)
    entries = [folder.KeyPair(certificate(), key_file)]
    archive = folder.write_zip(entries)
    assert handset.ask("read_folders", file=archive)["entries"] != []
    assert handset.ask("import_folder", file=archive, password=PASSWORD)["ids"] == [
        hashlib.sha256(certificate()).hexdigest()
    ]
    mixed = folder.write_zip([folder.KeyPair(certificate("ec-p256"), key_file)])
    assert handset.ask("import_folder", file=mixed, password=PASSWORD)["error"] == "key_mismatch"


def test_damaged_files_are_refused_on_the_device(handset: Device) -> None:
    """PFX, archives and certificates with octets changed or cut out: a sentence for people, never a fall."""
    chance = random.Random(20260302)  # noqa: S311 - repeatable damage, not a secret
    entry = folder.KeyPair(certificate(), keyfile.seal_key_file(pkcs8(), PASSWORD, iterations=2048))
    right = {
        "read_pfx": pfx.write_pfx(pkcs8(), certificate(), PASSWORD, chain=[ours().issuing]),
        "import_folder": folder.write_zip([entry]),
    }
    codes = {"wrong_password", "file_damaged", "key_mismatch"}
    for act, whole in right.items():
        for _ in range(200):
            damaged = bytearray(whole)
            at = chance.randrange(len(damaged)) if chance.randrange(2) else chance.randrange(80)
            if chance.randrange(3):
                damaged[at] = chance.randrange(256)
            else:
                del damaged[at : at + chance.randrange(1, 9)]
            answer = handset.ask(act, file=bytes(damaged), password=PASSWORD)
            assert answer.get("error", "file_damaged") in codes


def test_both_name_the_folder_alike(handset: Device) -> None:
    """A long name in Korean is cut at the same place, between characters."""
    units = [("OU", "은행지점" * 5)] * 5
    long = ours().certificate(
        profile="joint",
        public_key=read_certificate(certificate()).facts.spki,
        not_after=end_of_day(NOW, 300),
        subject=build_name(("C", "kr"), ("O", "도장" * 10), *units, ("CN", "홍길동()1")),
    )
    key_file = keyfile.seal_key_file(pkcs8(), PASSWORD, iterations=2048)
    taken = handset.ask(
        "import_folder", file=folder.write_zip([folder.KeyPair(long, key_file)]), password=PASSWORD
    )
    archive = octets(handset.ask("export_folder", id=taken["ids"][0], password=PASSWORD)["file"])
    with zipfile.ZipFile(io.BytesIO(archive)) as made:
        names = made.namelist()
    assert names == [f"{folder.folder_of(long)}/{name}" for name in ("signCert.der", "signPri.key")]
    assert 236 < len(folder.folder_of(long).name.encode()) <= 240
