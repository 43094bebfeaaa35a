"""The independent judge: Debian's openssl command looks at what the centre made."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dojang.cli.output import say

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

_TIMEOUT = 30


@dataclass(frozen=True, slots=False)
class OpensslVerdict:
    """What one openssl command said. `ok` is our reading of it."""

    name: str
    command: str
    said: str
    ok: bool


def judge(
    certificate: bytes, chain: Sequence[bytes], ocsp_url: str, *, at: datetime | None = None
) -> tuple[OpensslVerdict, ...]:
    """Ask ``openssl verify`` about the chain and ``openssl ocsp`` about the status.

    `chain` is nearest first, the root last (DER). `at` is the moment to judge at (the movable clock's);
    None is the machine's own. Without the openssl command there is one answer saying so.
    """
    if shutil.which("openssl") is None:
        return (OpensslVerdict("openssl", "", say("openssl.missing"), ok=False),)
    with tempfile.TemporaryDirectory(prefix="dojang-judge-") as folder:
        places = {}
        for name, body in (
            ("certificate", to_pem(certificate)),
            ("issuer", to_pem(chain[0])),
            ("between", "".join(to_pem(der) for der in chain[:-1])),
            ("root", to_pem(chain[-1])),
        ):
            places[name] = str(Path(folder) / f"{name}.pem")
            Path(places[name]).write_text(body, "ascii")
        moment = ["-attime", str(int(at.timestamp()))] if at is not None else []
        return (_verify(places, moment), _ocsp(places, ocsp_url, moment))


def _verify(places: dict[str, str], moment: list[str]) -> OpensslVerdict:
    command = [
        "openssl", "verify", "-x509_strict", *moment,
        "-CAfile", places["root"], "-untrusted", places["between"], places["certificate"],
    ]  # fmt: skip
    said, code = _run(command)
    shown = "openssl verify -x509_strict -CAfile root.pem -untrusted issuing.pem certificate.pem"
    lines = [line.replace(places["certificate"], "certificate.pem") for line in said.splitlines()]
    return OpensslVerdict(
        "openssl verify", shown, lines[-1] if lines else "", ok=code == 0 and ": OK" in said
    )


def _ocsp(places: dict[str, str], url: str, moment: list[str]) -> OpensslVerdict:
    command = [
        "openssl", "ocsp", *moment, "-issuer", places["issuer"], "-cert", places["certificate"], "-url", url,
        "-CAfile", places["root"], "-verify_other", places["between"], "-timeout", "10",
    ]  # fmt: skip
    said, code = _run(command)
    status = re.search(r"certificate\.pem: (\w+)", said)
    ok = code == 0 and "Response verify OK" in said and status is not None and status[1] == "good"
    shown = f"openssl ocsp -issuer issuing.pem -cert certificate.pem -url {url} -CAfile root.pem"
    verified = "Response verify OK" if "Response verify OK" in said else said.strip().splitlines()[:1]
    return OpensslVerdict("openssl ocsp", shown, f"{verified}; {status[1] if status else '?'}", ok=ok)


def _run(command: list[str]) -> tuple[str, int]:
    try:
        done = subprocess.run(  # noqa: S603 - fixed program, our own files
            command, capture_output=True, text=True, timeout=_TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        return say("openssl.slow"), 1
    return done.stdout + done.stderr, done.returncode


def to_pem(der: bytes) -> str:
    """Return a certificate as PEM."""
    text = base64.encodebytes(der).decode("ascii").replace("\n", "")
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return "-----BEGIN CERTIFICATE-----\n" + "\n".join(lines) + "\n-----END CERTIFICATE-----\n"
