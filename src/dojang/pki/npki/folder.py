"""Folders of the NPKI (KCAC.TS.UI): ``NPKI/<authority>/USER/<subject>/{signCert.der, signPri.key}``.

Read and written as a real directory and as a ZIP archive. Keys stay encrypted throughout.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from dojang.pki.certificate import read_certificate
from dojang.pki.errors import MalformedError
from dojang.pki.npki.ber import plain_file
from dojang.pki.npki.errors import FileDamagedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CERTIFICATE_FILE: Final = "signCert.der"
KEY_FILE: Final = "signPri.key"
MAX_ARCHIVE: Final = 4 * 1024 * 1024  #: octets
MAX_FILES: Final = 256
MAX_ONE: Final = 65_536  #: octets of one file; longer ones are none of ours
_MAX_PART: Final = 240  #: octets of a folder's name; file systems allow 255
_REFUSED: Final = re.compile(r'[\x00-\x1f<>:"/\\|?*]')
_DEEPEST: Final = 8  #: folders below the one given


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate (DER) and its key file, still encrypted."""

    certificate: bytes
    key_file: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class FoundPairs:
    """What a folder or an archive holds: the pairs, and the paths of certificates that cannot be read."""

    entries: tuple[KeyPair, ...]
    damaged: tuple[str, ...] = ()


def folder_of(certificate: bytes) -> PurePosixPath:
    """Folder of a certificate, below the root. Characters that file systems refuse become ``_``."""
    facts = read_certificate(certificate).facts
    organizations = facts.issuer_name.get("O")
    names = (organizations[-1] if organizations else "", str(facts.subject_name))
    issuer, subject = map(_safe, names)
    return PurePosixPath("NPKI", issuer, "USER", subject)


def _safe(name: str) -> str:
    return _REFUSED.sub("_", name).encode()[:_MAX_PART].decode(errors="ignore").strip(". ") or "_"


def write_directory(root: Path, entry: KeyPair) -> Path:
    """Write both files below `root`, for their owner's eyes only; returns the folder."""
    folder = root / folder_of(entry.certificate)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, data in ((CERTIFICATE_FILE, entry.certificate), (KEY_FILE, entry.key_file)):
        file = folder / name
        file.touch(mode=0o600)
        file.write_bytes(data)
    return folder


def write_zip(entries: Iterable[KeyPair]) -> bytes:
    """Make an archive of certificates that can be unpacked where other programs look for them."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry in entries:
            folder = folder_of(entry.certificate)
            for name, data in ((CERTIFICATE_FILE, entry.certificate), (KEY_FILE, entry.key_file)):
                # A moment that does not tell when the archive was made.
                archive.writestr(zipfile.ZipInfo(str(folder / name)), data)
    return whole.getvalue()


def read_directory(root: Path) -> FoundPairs:
    """Every pair of the two files below `root`, links not followed. Raises `FileDamagedError` for none."""
    files: dict[str, bytes] = {}
    waiting = [(root, 0)]
    while waiting:
        folder, depth = waiting.pop()
        for place in sorted(folder.iterdir()):
            if place.is_symlink():
                continue
            if place.is_dir() and depth < _DEEPEST:
                waiting.append((place, depth + 1))
            elif place.name.lower() in (CERTIFICATE_FILE.lower(), KEY_FILE.lower()):
                if len(files) >= MAX_FILES or place.stat().st_size > MAX_ONE:
                    raise FileDamagedError("too many files, or too large ones")
                files[str(place.relative_to(root).as_posix())] = place.read_bytes()
    return _pairs(files)


def read_zip(data: bytes) -> FoundPairs:
    """Every pair of the two files in an archive. Raises `FileDamagedError`, also for none."""
    if len(data) > MAX_ARCHIVE:
        raise FileDamagedError("too large")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
            if len(infos) > MAX_FILES:
                raise FileDamagedError("too many files")
            files = {info.filename: _unpack(archive, info) for info in infos if _is_ours(info)}
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError):
        raise FileDamagedError("not an archive, or a broken one") from None
    return _pairs(files)


def _is_ours(info: zipfile.ZipInfo) -> bool:
    """Tell our two files by their whole names; what macOS keeps about them is called ``._signCert.der``."""
    return PurePosixPath(info.filename.lower()).name in (CERTIFICATE_FILE.lower(), KEY_FILE.lower())


def _unpack(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    path = PurePosixPath(info.filename)
    if path.is_absolute() or ".." in path.parts:
        raise FileDamagedError("a path that climbs out")
    if info.flag_bits & 1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise FileDamagedError("a file that cannot be read")
    with archive.open(info) as file:
        data = file.read(MAX_ONE + 1)  # what the archive says of the size is not believed
    if len(data) > MAX_ONE:
        raise FileDamagedError("too large")
    return data


def _pairs(files: Mapping[str, bytes]) -> FoundPairs:
    """Put certificates and keys of one folder together; one that is damaged does not keep the others out."""
    low = {path.lower(): (path, data) for path, data in files.items()}
    ending = CERTIFICATE_FILE.lower()
    entries, damaged = [], []
    for below, (path, data) in low.items():
        _, key_file = low.get(below.removesuffix(ending) + KEY_FILE.lower(), ("", None))
        if not below.endswith(ending) or key_file is None:
            continue
        certificate = plain_file(data)
        try:
            read_certificate(certificate)
        except MalformedError:
            damaged.append(path)
        else:
            entries.append(KeyPair(certificate, plain_file(key_file)))
    if not entries:
        raise FileDamagedError("no certificate that can be read with its key")
    return FoundPairs(tuple(entries), tuple(sorted(damaged)))
