"""A real signing process over a real socket, and the bodies it is asked to sign."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import ec

from dojang.adapters.signer_client import SocketSigner
from dojang.pki.build import assemble_certificate, build_tbs, new_serial
from dojang.pki.names import Name
from dojang.pki.npki.vid import IdentifyData
from dojang.pki.profiles import PROFILES, Urls
from dojang.pki.signing import public_key_bytes
from dojang.ports.signer_wire import socket_path

if TYPE_CHECKING:
    from collections.abc import Iterator

ALGORITHM = "ec-p256"
ARC = "1.3.6.1.4.1.99999.1"
URLS = Urls(
    ocsp="http://ca.example/ocsp", crl="http://ca.example/1.crl", aia="http://ca.example/a.cer", cps=None
)
#: PINs are tried cheaply here; the cost of a real one is a setting, measured in the benches.
CHEAP = ("--pin-memory-kib", "64", "--pin-passes", "1")
CUSTOMER_KEY = public_key_bytes(ec.generate_private_key(ec.SECP256R1()))


class SignerProcess:
    """One `python -m dojang.signer` with a data folder; `start` and `kill` as often as wanted."""

    def __init__(self, home: Path, *arguments: str) -> None:
        self.home = home
        self.arguments = arguments
        self.log = home / "signer.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.client = SocketSigner(socket_path(home), patience=9.0)

    def start(self, *more: str) -> SignerProcess:
        """Start the process; the client waits for it by itself."""
        command = [
            sys.executable,
            "-m",
            "dojang.signer",
            "--home",
            os.fspath(self.home),
            *self.arguments,
            *more,
        ]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        return self

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(timeout=20)

    def run(self, *more: str) -> int:
        """Start the process and wait until it ends by itself; return the exit code."""
        self.start(*more)
        assert self.process is not None
        return self.process.wait(timeout=20)

    def close(self) -> None:
        """End whatever still runs."""
        self.client.close()
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(timeout=20)

    @property
    def logged(self) -> str:
        """Everything the process printed."""
        return self.log.read_text()


@contextlib.contextmanager
def signer_process(*arguments: str) -> Iterator[SignerProcess]:
    """Run a signer with an empty data folder of a short name (sockets have short paths)."""
    with tempfile.TemporaryDirectory(prefix="dj-sig-") as folder:
        running = SignerProcess(Path(folder), *(arguments or CHEAP)).start()
        try:
            yield running
        finally:
            running.close()


@dataclass(frozen=True, slots=True)
class Bodies:
    """What a ceremony made: the authorities' certificates, and bodies for them to sign."""

    root: bytes
    issuing: bytes
    responder_key: bytes

    def subscriber(self, serial: int | None = None, *, at: datetime | None = None, **changes: Any) -> bytes:
        """Return a TBSCertificate under the financial profile."""
        moment = (at or datetime.now(UTC)).replace(microsecond=0)
        facts: dict[str, Any] = {
            "issuer_certificate": self.issuing,
            "issuer_algorithm": ALGORITHM,
            "subject": name("홍길동()0004", "personalF", "DJB"),
            "public_key": CUSTOMER_KEY,
            "serial": new_serial() if serial is None else serial,
            "not_before": moment,
            "not_after": moment + timedelta(days=365),
            "urls": URLS,
            "identify": IdentifyData("홍길동", bytes(32)),
            "policy_arc": ARC,
        }
        return build_tbs(PROFILES["financial"], **(facts | changes))


def name(common: str, *units: str) -> Name:
    """Return a distinguished name of the shape the profiles want."""
    inner = tuple(("OU", unit) for unit in units or ("AccreditedCA",))
    return Name((("C", "kr"), ("O", "Dojang"), *inner, ("CN", common)))


def authority_body(profile: str, issuer: bytes | None, key: bytes, *, days: int, common: str) -> bytes:
    """Return a TBSCertificate for an authority's key."""
    now = datetime.now(UTC).replace(microsecond=0)
    return build_tbs(
        PROFILES[profile],
        issuer_certificate=issuer,
        issuer_algorithm=ALGORITHM,
        subject=name(common),
        public_key=key,
        serial=new_serial(),
        not_before=now,
        not_after=now + timedelta(days=days),
        urls=URLS,
        identify=None,
        policy_arc=ARC,
    )


def hold_ceremony(signer: SocketSigner) -> Bodies:
    """Make a root, an issuing authority and a responder in a signer."""
    keys = {
        role: signer.create_authority_key(label=role, role=role, algorithm=ALGORITHM).public_key
        for role in ("root", "issuing", "ocsp")
    }
    certificates: dict[str, bytes] = {}
    for role, issuer, days in (("root", "root", 3650), ("issuing", "root", 3000), ("ocsp", "issuing", 300)):
        body = authority_body(role, certificates.get(issuer), keys[role], days=days, common=f"Dojang {role}")
        signature = signer.sign_certificate(issuer=issuer, profile=role, tbs=body)
        certificates[role] = assemble_certificate(body, signature, ALGORITHM)
        signer.install_certificate(label=role, certificate=certificates[role])
    return Bodies(certificates["root"], certificates["issuing"], keys["ocsp"])
