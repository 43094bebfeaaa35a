"""The folders of the NPKI, on disk and in an archive."""

from __future__ import annotations

import io
import stat
import zipfile
from typing import TYPE_CHECKING

import pytest
from tests.unit.pki.npki.kit import PASSWORD, certificate, pkcs8

from dojang.pki.npki import folder
from dojang.pki.npki.errors import FileDamagedError
from dojang.pki.npki.keyfile import open_key_file, seal_key_file

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(name="entry", scope="module")
def _entry() -> folder.KeyPair:
    return folder.KeyPair(certificate(), seal_key_file(pkcs8(), PASSWORD, iterations=2048))


def test_a_directory_is_written_and_read(tmp_path: Path, entry: folder.KeyPair) -> None:
    """The customary names, readable by the owner alone; what is read opens."""
    place = folder.write_directory(tmp_path, entry)
    subject = "cn=홍길동()00880120260302000001,ou=DJB,ou=personalF,o=dojang,c=kr"
    assert place.relative_to(tmp_path).as_posix() == f"NPKI/dojang/USER/{subject}"
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in place.iterdir()}
    assert modes == {"signCert.der": 0o600, "signPri.key": 0o600}
    assert folder.read_directory(tmp_path) == folder.FoundPairs((entry,))
    assert folder.read_directory(place) == folder.FoundPairs((entry,))
    assert open_key_file(entry.key_file, PASSWORD).pkcs8 == pkcs8()


def test_an_archive_is_written_and_read(entry: folder.KeyPair) -> None:
    """What is archived comes out, and the archive is one that others open."""
    data = folder.write_zip([entry])
    assert folder.read_zip(data) == folder.FoundPairs((entry,))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert sorted(name.rsplit("/", 1)[1] for name in archive.namelist()) == [
            "signCert.der",
            "signPri.key",
        ]


def _zip(**files: bytes) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return whole.getvalue()


def test_names_in_any_case_and_depth_are_found(entry: folder.KeyPair) -> None:
    """Windows does not care for the case of names; neither do we. Strangers in the archive are left out."""
    data = _zip(**{
        "a/b/SIGNCERT.DER": entry.certificate, "a/b/SignPri.key": entry.key_file, "a/kmCert.der": b"x"
    })  # fmt: skip
    assert folder.read_zip(data) == folder.FoundPairs((entry,))


def test_what_macos_adds_is_no_certificate(entry: folder.KeyPair) -> None:
    """The shadows Finder packs beside the files, and files that only end like ours, are left out."""
    data = _zip(**{
        "a/signCert.der": entry.certificate,
        "a/signPri.key": entry.key_file,
        "__MACOSX/a/._signCert.der": b"\0\5\x16\7",
        "__MACOSX/a/._signPri.key": b"\0\5\x16\7",
        "b/oldsignCert.der": b"x",
        "b/signPri.key": entry.key_file,
    })  # fmt: skip
    assert folder.read_zip(data) == folder.FoundPairs((entry,))


@pytest.mark.parametrize("remains", [b"", b"0\x03\x02\x01\x01", b"not a certificate"])
def test_one_damaged_certificate_does_not_keep_the_others_out(
    tmp_path: Path, entry: folder.KeyPair, remains: bytes
) -> None:
    """The good pair is taken in and the damaged one named, from an archive and from a directory."""
    files = {
        "NPKI/Old/USER/cn=A/signCert.der": remains,
        "NPKI/Old/USER/cn=A/signPri.key": entry.key_file,
        "NPKI/New/USER/cn=B/signCert.der": entry.certificate,
        "NPKI/New/USER/cn=B/signPri.key": entry.key_file,
    }
    wanted = folder.FoundPairs((entry,), ("NPKI/Old/USER/cn=A/signCert.der",))
    assert folder.read_zip(_zip(**files)) == wanted
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    assert folder.read_directory(tmp_path) == wanted


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\n\n"])
def test_line_ends_behind_the_files_do_no_harm(entry: folder.KeyPair, end: bytes) -> None:
    """What an editor appended is not part of certificate or key."""
    data = _zip(**{"signCert.der": entry.certificate + end, "signPri.key": entry.key_file + end})
    assert folder.read_zip(data) == folder.FoundPairs((entry,))


@pytest.mark.parametrize(
    "case", ["lonely", "climbing", "absolute", "bomb", "noise", "many", "cut", "not one"]
)
def test_archives_that_are_none_are_refused(entry: folder.KeyPair, case: str) -> None:
    """A key without certificate, paths that climb out, sizes that explode, noise."""
    pair = {"signCert.der": entry.certificate, "signPri.key": entry.key_file}
    data = {
        "lonely": _zip(**{"signPri.key": entry.key_file}),
        "climbing": _zip(**{f"../{name}": value for name, value in pair.items()}),
        "absolute": _zip(**{f"/{name}": value for name, value in pair.items()}),
        "bomb": _zip(**{**pair, "signPri.key": bytes(3_000_000)}),
        "noise": bytes(range(256)) * 4,
        "many": _zip(**pair, **{f"{number}": b"" for number in range(300)}),
        "cut": folder.write_zip([entry])[:-40],
        "not one": _zip(**{**pair, "signCert.der": b"0\x03\x02\x01\x01"}),
    }[case]
    with pytest.raises(FileDamagedError):
        folder.read_zip(data)


def test_links_are_not_followed(tmp_path: Path, entry: folder.KeyPair) -> None:
    """A link that leads elsewhere gives nothing away."""
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    folder.write_directory(outside, entry)
    inside.mkdir()
    (inside / "link").symlink_to(outside, target_is_directory=True)
    with pytest.raises(FileDamagedError):
        folder.read_directory(inside)
