"""How fast the signing process is.

A real process over its socket, durable journal included, clients in processes of their own on the same
machine (so about half of it).
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tests.unit.signer.processes import CHEAP, Bodies, hold_ceremony, signer_process

from dojang.adapters.signer_client import SocketSigner
from dojang.pki.build import new_serial
from dojang.pki.ocsp import Single, build_response_data, cert_id
from dojang.pki.signing import describe_key
from dojang.ports.signer_wire import socket_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from bench.meter import Report

PIN = "135790"


def certificates(signer: SocketSigner, bodies: Bodies) -> Iterator[Callable[[], object]]:
    """Yield requests for certificates; their bodies are built outside the measured time."""
    while True:
        ready = [bodies.subscriber() for _ in range(200)]
        for tbs in ready:
            yield lambda tbs=tbs: signer.sign_certificate(issuer="issuing", profile="financial", tbs=tbs)  # type: ignore[misc]


def answers(signer: SocketSigner, bodies: Bodies) -> Iterator[Callable[[], object]]:
    """Yield requests for status answers."""
    now = datetime.now(UTC).replace(microsecond=0)
    single = Single(cert_id(bodies.issuing, new_serial()), "good", None, None, now, now + timedelta(hours=1))
    key = describe_key(bodies.responder_key).identifier
    tbs = build_response_data(responder_key_hash=key, produced_at=now, singles=[single], nonce=None)
    while True:
        yield lambda: signer.sign_ocsp(responder="ocsp", tbs=tbs)


def wallet(signer: SocketSigner, _bodies: Bodies) -> Iterator[Callable[[], object]]:
    """Yield requests for signatures with one customer's key."""
    key_id = f"k-{os.urandom(8).hex()}"
    offer = signer.create_wallet_key(
        key_id=key_id, customer_id="c", pin=PIN, idn="9001011234567", previous=None
    )
    number = 0
    while True:
        number += 1
        digest = hashlib.sha256(number.to_bytes(8, "big")).digest()
        yield lambda digest=digest: signer.sign_with_wallet(  # type: ignore[misc]
            key_id=key_id, sealed=offer.sealed, pin=PIN, digest=digest, purpose="login:1"
        )


WORKS = {"certificates": certificates, "status answers": answers, "customer signatures": wallet}


def client(
    home: Path, what: str, bodies: Bodies, seconds: float, told: multiprocessing.Queue[tuple[int, float]]
) -> None:
    """Ask for `seconds` and tell how many were answered in how much time spent asking."""
    requests = WORKS[what](SocketSigner(socket_path(home)), bodies)
    count, spent = 0, 0.0
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        request = next(requests)
        started = time.perf_counter()
        request()
        spent += time.perf_counter() - started
        count += 1
    told.put((count, spent))


def measure(home: Path, what: str, bodies: Bodies, *, clients: int, seconds: float) -> tuple[float, float]:
    """Return (requests a second, mean milliseconds a request)."""
    context = multiprocessing.get_context("fork")
    told: multiprocessing.Queue[tuple[int, float]] = context.Queue()
    processes = [
        context.Process(target=client, args=(home, what, bodies, seconds, told)) for _ in range(clients)
    ]
    for process in processes:
        process.start()
    results = [told.get(timeout=seconds + 60) for _ in processes]
    for process in processes:
        process.join()
    rate = sum(count / spent for count, spent in results)
    return rate, 1000 * sum(spent for _, spent in results) / sum(count for count, _ in results)


def run(report: Report, seconds: float) -> None:
    """Print one line for each kind of work and number of clients."""
    report.part("signing process over its socket, journal durable")
    runs: list[tuple[str, tuple[str, ...], str]] = [("cheap PIN", CHEAP, name) for name in WORKS]
    runs.append(("PIN at its default cost", ("--pin-errors", "5"), "customer signatures"))
    for note, arguments, what in runs:
        with signer_process(*arguments) as process:
            bodies = hold_ceremony(process.client)
            for clients in (1, 8):
                found, mean = measure(process.home, what, bodies, clients=clients, seconds=seconds / 2)
                label = f"{what} ({note})" if what == "customer signatures" else what
                report.line(f"{label}, {clients} client(s)", f"{found:,.0f}/s", f"{mean:.2f} ms each")
