"""pypinksign as an independent reader of certificates, in a virtual environment of its own.

The environment is made once, under the user's cache folder, from ``requirements-pypinksign.txt`` (pinned,
with hashes); another pin makes another environment. No test is skipped for want of it: making it either works
or fails with what to do.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PINS = HERE / "requirements-pypinksign.txt"
INSIDE = HERE / "pinksign_inside.py"


@cache
def pinksign_python() -> Path:
    """Interpreter of the environment, made if it is not there yet (some ten seconds, once)."""
    pin = hashlib.sha256(PINS.read_bytes() + sys.version.encode()).hexdigest()[:16]
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dojang-tests"
    place = base / f"pypinksign-{pin}"
    python, done = place / "bin" / "python", place / "complete"
    base.mkdir(parents=True, exist_ok=True)
    with (base / f"pypinksign-{pin}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            _run([sys.executable, "-m", "venv", "--clear", str(place)], place)
            _run([str(python), "-m", "pip", "install", "-q", "--require-hashes", "-r", str(PINS)], place)
            done.touch()
    return python


def _run(command: list[str], place: Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        message = (
            f"The independent reader pypinksign could not be installed in {place}.\n{done.stderr}\n"
            "Remedy: connect to a package index (PIP_INDEX_URL), or install "
            f"{PINS.name} into that folder by hand, and run the tests again."
        )
        raise RuntimeError(message)


def pinksign(
    certificate: bytes, *, key: bytes | None = None, r: bytes = b"", idn: str = ""
) -> dict[str, Any]:
    """Ask pypinksign about a certificate (DER): cn, issuer, policy, serial, vid.

    With an RSA `key` (PKCS #8, DER) it also makes an NPKI key file holding `r`, opens it again, computes the
    VID of `idn` from the R found in it (``vid_computed``), and signs a text (``signed``, PKCS #7).
    """
    return _ask(
        {
            "certificate": base64.b64encode(certificate).decode(),
            "key": None if key is None else base64.b64encode(key).decode(),
            "r": r.hex(),
            "idn": idn,
        }
    )


def pinksign_opens(
    *, folder: Path | None = None, pfx: bytes | None = None, password: str, idn: str = ""
) -> dict[str, Any]:
    """Let pypinksign open a folder with ``signCert.der`` and ``signPri.key``, or a PFX, and sign with it.

    Answers ``cn``, ``signed`` (PKCS #7 over ``text``); for a folder also ``r`` and ``vid_computed`` of `idn`.
    """
    return _ask(
        {
            "folder": None if folder is None else str(folder),
            "pfx": None if pfx is None else base64.b64encode(pfx).decode(),
            "password": password,
            "idn": idn,
        }
    )


def pinksign_seals(pkcs8: bytes, *, r: bytes, password: str) -> bytes:
    """Key file in the older form (seedCBCWithSHA1) that pypinksign writes of a PKCS #8 key and R."""
    question = {"seal": base64.b64encode(pkcs8).decode(), "r": r.hex(), "password": password}
    return base64.b64decode(_ask(question)["key_file"])


def _ask(question: dict[str, Any]) -> dict[str, Any]:
    done = subprocess.run(
        [str(pinksign_python()), str(INSIDE)],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode:
        raise AssertionError(done.stderr)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
