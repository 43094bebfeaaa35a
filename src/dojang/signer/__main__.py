"""Start the signing process: ``python -m dojang.signer --home DIR [--clock-file FILE]``; see ``--help``.

Exit codes: 0 ended in order, 2 wrong arguments, 3 the store must not be used as it is (a sentence on standard
error says why), 4 another signer holds this store.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import fcntl
import logging
import os
import resource
import secrets
import signal
import sqlite3
import stat
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from dojang.adapters.clocks import FileClock, SystemClock
from dojang.pki.errors import DojangError
from dojang.ports.signer_keys import MOST_WRONG_PINS
from dojang.ports.signer_wire import socket_path
from dojang.signer.customers import CustomerLimits
from dojang.signer.server import Server
from dojang.signer.vault import PinCost
from dojang.signer.verbs import SignerConfig, Signing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PR_SET_DUMPABLE = 4


class StartError(Exception):
    """The process must not start; the text says why and what to do."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the signer until it is told to end; return the exit code."""
    options = _arguments().parse_args(argv)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    log = logging.getLogger("dojang.signer")
    harden()
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    home: Path = options.home
    path: Path = options.socket or socket_path(home)
    try:
        _private_folder(home / "signer")
        _private_folder(home / "secrets")
        _private_folder(path.parent)
        with _only_one(home / "signer" / "lock"):
            clock = SystemClock() if options.clock_file is None else FileClock(options.clock_file)
            signing = Signing(home / "signer" / "keys.db", _passphrase(home), clock, _config(options))
            if options.check:
                log.info("the journal holds: %d entries", signing.store.verify())
                signing.close()
                return 0
            server = Server(path, signing)
            server.open()
            log.info("ready: %d entries, halted: %s", signing.store.entries, signing.switch.halted)
            ended.wait()
            server.close()
            signing.close()
            log.info("ended in order")
    except BlockingIOError:
        log.error("another signer holds %s", home / "signer")  # noqa: TRY400 - a sentence, not a traceback
        return 4
    except (StartError, DojangError, sqlite3.DatabaseError) as refusal:
        log.error("not started: %s", refusal)  # noqa: TRY400 - the same
        return 3
    return 0


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dojang.signer", description="The signing process of Dojang."
    )
    parser.add_argument("--home", type=Path, required=True, help="the data folder")
    parser.add_argument("--check", action="store_true", help="verify the whole journal and end")
    parser.add_argument("--clock-file", type=Path, help="a movable clock's file (sandbox)")
    parser.add_argument("--socket", type=Path, help="where to listen; normally follows from --home")
    parser.add_argument("--policy-arc", help="refuse certificate policies outside this arc")
    parser.add_argument(
        "--pin-errors", type=int, default=5, help="wrong PINs in a row that lock a key for ever"
    )
    parser.add_argument("--pin-memory-kib", type=int, default=19 * 1024, help="argon2id memory of new keys")
    parser.add_argument("--pin-passes", type=int, default=2, help="argon2id passes of new keys")
    parser.add_argument(
        "--max-leap", type=float, default=60.0, help="seconds the clock may leap while running"
    )
    parser.add_argument(
        "--max-absence", type=float, default=31 * 86_400.0, help="seconds between two runs without a question"
    )
    return parser


def _at_once() -> int:
    """Return how many PINs may be tried at once: a core stays free for what does not wait for a PIN."""
    return max(1, len(os.sched_getaffinity(0)) - 1)


def _config(options: argparse.Namespace) -> SignerConfig:
    """Return the settings. Raises `StartError` for impossible ones."""
    cost = PinCost(options.pin_memory_kib, options.pin_passes)
    if not 1 <= options.pin_errors <= MOST_WRONG_PINS:
        raise StartError(f"--pin-errors must be 1 to {MOST_WRONG_PINS}")
    if not 8 <= cost.memory_kib <= 1 << 20 or not 1 <= cost.passes <= 100:  # noqa: PLR2004 - argon2's own floor
        raise StartError("--pin-memory-kib must be 8 to 1048576 and --pin-passes 1 to 100")
    if options.max_leap < 1 or options.max_absence < 1:
        raise StartError("--max-leap and --max-absence must be at least 1")
    return SignerConfig(
        limits=CustomerLimits(pin_errors=options.pin_errors, cost=cost, at_once=_at_once()),
        max_leap=options.max_leap,
        max_absence=options.max_absence,
        policy_arc=options.policy_arc,
    )


def harden() -> None:
    """Leave no core file, and let no process of the same user read this one's memory."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.umask(0o077)
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _private_folder(folder: Path) -> None:
    """Make a folder of ours alone. Raises `StartError` when it is somebody else's."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise StartError(f"{folder} is not a folder of this user; choose another --home")
    if stat.S_IMODE(found.st_mode) & 0o077:
        folder.chmod(0o700)


@contextlib.contextmanager
def _only_one(path: Path) -> Iterator[None]:
    """Hold the store's lock. Raises `BlockingIOError` when another process has it."""
    with path.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def _passphrase(home: Path) -> bytes:
    """Return the passphrase in ``secrets/signer.pass``, making one for a new store. Raises `StartError`."""
    place, database = home / "secrets" / "signer.pass", home / "signer" / "keys.db"
    if not place.exists():
        if database.exists():
            raise StartError(
                f"{place} is missing, but {database} was made with it; put it back from your copy"
            )
        draft = place.with_name(f".signer.pass.{os.getpid()}")
        draft.unlink(missing_ok=True)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_hex(32).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, place)  # whoever was first counts
        draft.unlink()
    if stat.S_IMODE(place.stat().st_mode) & 0o077:
        raise StartError(f"{place} can be read by others; run: chmod 600 {place}")
    passphrase = place.read_bytes().strip()
    if not passphrase:
        raise StartError(f"{place} is empty; put it back from your copy")
    return passphrase


if __name__ == "__main__":
    sys.exit(main())
