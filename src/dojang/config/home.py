"""The data folder (`DOJANG_HOME`): where everything that must outlive a process is kept.

Layout: ``pg/`` the private database server, ``secrets/`` keys and passwords (0700), ``signer/`` the signing
process's own store and socket, ``clock`` the movable clock of the sandbox, ``log/`` and ``run/``.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from dojang.pki.errors import DojangError
from dojang.ports.signer_wire import socket_path

#: The kernel allows 107 bytes for a Unix socket's path; leave room for a file name.
SOCKET_PATH_LIMIT = 100
#: Octets that should be free where it lies; below, everything that writes may stop any moment.
ROOM_NEEDED = 500_000_000


class HomeError(DojangError):
    """The data folder cannot be used as it is."""

    code: ClassVar[str] = "home_unusable"


def default_home() -> Path:
    """Return the data folder of this user: ``/var/lib/dojang`` for root, else the XDG data folder."""
    if os.geteuid() == 0:
        return Path("/var/lib/dojang")
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "dojang"


@dataclass(frozen=True, slots=True)
class Home:
    """One data folder. Properties name its places; nothing is made until `prepare` or `secret` is called."""

    path: Path

    @property
    def pg(self) -> Path:
        """Folder of the private database server; traversable by the user it runs as."""
        return self.path / "pg"

    @property
    def secrets(self) -> Path:
        """Folder of keys and passwords, readable by the owner only."""
        return self.path / "secrets"

    @property
    def signer(self) -> Path:
        """Folder of the signing process."""
        return self.path / "signer"

    @property
    def signer_socket(self) -> Path:
        """Where the signing process listens."""
        return socket_path(self.path)

    @property
    def clock(self) -> Path:
        """File holding the sandbox clock's offset."""
        return self.path / "clock"

    @property
    def log(self) -> Path:
        """Folder of the logs written by supervised processes."""
        return self.path / "log"

    @property
    def run(self) -> Path:
        """Folder of lock files and the like; worth nothing after a restart."""
        return self.path / "run"

    def prepare(self) -> None:
        """Make the folders that are missing. Raises `HomeError` when that is not possible."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            for folder, mode in (
                (self.secrets, 0o700),
                (self.signer, 0o700),
                (self.log, 0o750),
                (self.run, 0o750),
            ):
                folder.mkdir(exist_ok=True)
                if stat.S_IMODE(folder.stat().st_mode) != mode:
                    folder.chmod(mode)
        except OSError as failure:
            raise HomeError(str(failure), path=str(self.path), why=failure.strerror or "") from failure

    def secret(self, name: str) -> str:
        """Return the secret kept in ``secrets/<name>``, making 32 random bytes (hex) at first use.

        Two processes asking at once get the same value: the file is linked into place only if absent.
        """
        place = self.secrets / name
        try:
            return place.read_text("ascii").strip()
        except FileNotFoundError:
            pass
        except OSError as failure:
            raise HomeError(str(failure), path=str(place), why=failure.strerror or "") from failure
        self.prepare()
        handle, draft = tempfile.mkstemp(dir=self.secrets, prefix=".new-")
        try:
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(secrets.token_hex(32) + "\n")
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):  # whoever was first counts
                os.link(draft, place)
        finally:
            Path(draft).unlink()
        return place.read_text("ascii").strip()

    def short(self, folder: Path, label: str) -> Path:
        """Return `folder`, or a short private folder when a socket in it would have too long a path.

        The name of the short one follows from the data folder, so that every process finds the same.
        """
        if len(os.fsencode(folder / "signer.sock.xx")) <= SOCKET_PATH_LIMIT:
            return folder
        name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
        return Path("/tmp") / f"dojang-{os.geteuid()}-{label}-{name}"  # noqa: S108 - checked by `own_folder`


def own_folder(folder: Path, *, uid: int, gid: int, mode: int = 0o700) -> None:
    """Make `folder` for one user, refusing one that somebody else prepared (``/tmp`` is open to all).

    Raises `HomeError` when the folder exists and is a link or belongs to another user.
    """
    try:
        folder.mkdir(mode=mode)
        if os.geteuid() == 0:
            os.chown(folder, uid, gid)
    except FileExistsError:
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {uid, os.geteuid()}:
            raise HomeError(
                f"{folder} belongs to somebody else", path=str(folder), why="belongs to somebody else"
            ) from None
        if os.geteuid() == 0 and found.st_uid != uid:
            os.chown(folder, uid, gid)
    folder.chmod(mode)
