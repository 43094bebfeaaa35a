"""Who listens on our port: a start ends what its own predecessor left there, and refuses anybody else's.

The server shares its port among processes (SO_REUSEPORT), so a process that was left behind would go on
getting its share of new connections and answer none of them.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from dojang.config.processes import SUPERVISED
from dojang.pki.errors import DojangError

if TYPE_CHECKING:
    from dojang.config.options import Options

PATIENCE = 5.0  #: seconds the kernel may take to clear away what was ended
_LISTENING = "0A"  #: state in /proc/net/tcp


class PortTakenError(DojangError):
    """Another program listens where the centre should."""

    code: ClassVar[str] = "port_taken"


def claim_port(options: Options) -> list[int]:
    """Make sure that nobody listens where we are going to; return the processes that were ended for it.

    Raises `PortTakenError` when somebody else does.
    """
    ended: list[int] = []
    deadline = time.monotonic() + PATIENCE
    while (why := _taken(options.host, options.port)) is not None:
        left = leftovers(options)
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        ended += [pid for pid in left if pid not in ended]
        if (not left and not ended) or time.monotonic() > deadline:
            raise PortTakenError(why, port=options.port, host=options.host, why=why)
        time.sleep(0.02)
    return ended


def leftovers(options: Options) -> list[int]:
    """List processes of this very data folder that listen on our port though their supervisor is gone."""
    return [pid for pid in listening(options.port) if _is_orphan(pid, options)]


def listening(port: int) -> list[int]:
    """List the processes, of those we may look into, that listen on a port of any address."""
    inodes = {f"socket:[{inode}]" for inode in _sockets(port)}
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if any(str(file.readlink()) in inodes for file in (place / "fd").iterdir()):
                found.append(int(place.name))
    return sorted(found)


def _sockets(port: int) -> set[str]:
    inodes = set()
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in Path("/proc/net", table).read_text("ascii").splitlines()[1:]:
                words = line.split()
                if words[3] == _LISTENING and int(words[1].rpartition(":")[2], 16) == port:
                    inodes.add(words[9])
    return inodes


def _is_orphan(pid: int, options: Options) -> bool:
    place = Path("/proc", str(pid))
    try:
        told = (place / "environ").read_bytes().split(b"\0")
        parent = (place / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()[1]
    except OSError:
        return False
    given = dict(item.split(b"=", 1) for item in told if b"=" in item)
    above = given.get(os.fsencode(SUPERVISED), b"").decode("ascii", "replace")
    home = os.fsdecode(given.get(b"DOJANG_HOME", b""))
    return bool(above) and above != parent and Path(home).absolute() == options.folder.path


def _taken(host: str, port: int) -> str | None:
    """Tell why a port cannot be had alone; None when it can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as failure:
            return failure.strerror or str(failure)
    return None
