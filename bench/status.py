"""Status answers over HTTP, beside a bare answer of the same size from the same server."""

from __future__ import annotations

import base64
import contextlib
import http.client
import os
import statistics
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric import ec

from bench import cfssl
from bench.centre import free_port, serving
from bench.issuing import issuer
from bench.load import Question, generator, load
from bench.meter import Report, rate
from dojang.pki import der
from dojang.pki.ocsp import cert_id
from dojang.pki.signing import sign

if TYPE_CHECKING:
    from bench.centre import Centre

ROUNDS = 5
MANY = 300  #: certificates really issued and asked about in turn
_NONCE = "1.3.6.1.5.5.7.48.1.2"


def request(issuing: bytes, serial: int, *, nonce: bytes | None = None, asker: str = "") -> bytes:
    """OCSPRequest (DER) for one certificate (RFC 6960 §4.1.1), with a nonce if one is given (RFC 9654).

    `asker` is the requestorName: it makes requests about the same certificate different.
    """
    asked = der.sequence(der.sequence(cert_id(issuing, serial, "sha1").der))
    if asker:
        asked = der.explicit(1, der.context(6, asker.encode())) + asked
    if nonce is None:
        return der.sequence(der.sequence(asked))
    extension = der.sequence(der.oid(_NONCE), der.octet_string(der.octet_string(nonce)))
    return der.sequence(der.sequence(asked, der.explicit(2, der.sequence(extension))))


def get(body: bytes) -> Question:
    """Put a request into a path (RFC 6960 appendix A.1)."""
    return Question("GET", "/ocsp/" + quote(base64.b64encode(body).decode(), safe=""))


def run(report: Report, centre: Centre, seconds: float) -> None:
    """Print rates of bare, ready and live answers, taking turns."""
    report.part(f"status answers over HTTP (one worker, 16 connections, {generator()})")
    issue = issuer(centre.world)
    for _ in range(MANY):
        issue()
    issuing, serials = _known(centre)
    bodies = [request(issuing, serial) for serial in serials]
    live = [request(issuing, serials[0], nonce=os.urandom(16)) for _ in range(2000)]
    asked = {
        "POST, one certificate": [Question("POST", "/ocsp", bodies[0])],
        f"POST, {MANY} certificates in turn": [Question("POST", "/ocsp", body) for body in bodies],
        "GET, one certificate": [get(bodies[0])],
        f"GET, {MANY} certificates in turn": [get(body) for body in bodies],
        "POST with nonce, signed live": [Question("POST", "/ocsp", body) for body in live],
    }
    found: dict[str, list[float]] = defaultdict(list)
    turn = max(1.0, seconds / 2)
    with centre.http(what="va") as port:
        size = _size(port, bodies[0])
        with bare(size, centre.options.folder.log / "bench-bare.log") as plain:
            for questions in asked.values():
                load(port, questions, 1)  # warm
            for _ in range(ROUNDS):
                for method in ("POST", "GET"):
                    question = asked[f"{method}, one certificate"]
                    found[f"bare {method}"].append(load(plain, question, turn))
                for name, questions in asked.items():
                    found[name].append(load(port, questions, turn))
    for name, rates in found.items():
        against = found["bare GET" if name.startswith("GET") else "bare POST"]
        share = 100 * statistics.median(a / b for a, b in zip(rates, against, strict=True))
        report.line(name, f"{statistics.median(rates):,.0f}/s", f"{share:.0f} % of bare ({size} octets)")
    key = ec.generate_private_key(ec.SECP256R1())
    raw = rate(lambda: sign(key, "ec-p256", b"x" * 200), 1)
    live_rate = statistics.median(found["POST with nonce, signed live"])
    report.line(
        "raw signatures, one core, now", f"{raw:,.0f}/s", f"live answers reach {100 * live_rate / raw:.0f} %"
    )


def run_quick(report: Report, centre: Centre) -> None:
    """Measure one certificate's answer by POST beside a bare answer, and beside cfssl's responder."""
    report.part(f"status answers by POST (one worker, 16 connections, {generator()})")
    issuer(centre.world)()
    issuing, serials = _known(centre)
    body = request(issuing, serials[0])
    mine = [Question("POST", "/ocsp", body)]
    found: dict[str, list[float]] = defaultdict(list)
    with contextlib.ExitStack() as stack:
        port = stack.enter_context(centre.http(what="va"))
        size = _size(port, body)
        asked = {"ours": (port, mine)}
        asked["bare"] = (stack.enter_context(bare(size, centre.options.folder.log / "bench-bare.log")), mine)
        if cfssl.is_there():
            folder = centre.options.folder.path / "cfssl-ocsp"
            asked["cfssl"] = stack.enter_context(cfssl.responding(folder))
        for place, questions in asked.values():
            load(place, questions, 1)  # warm
        for _ in range(3):
            for name, (place, questions) in asked.items():
                found[name].append(load(place, questions, 1))
    for name, rates in found.items():
        share = statistics.median(a / b for a, b in zip(found["ours"], rates, strict=True))
        note = "" if name == "ours" else f"ours {share:.2f} times as many"
        report.line(name, f"{statistics.median(rates):,.0f}/s", note)
        if name != "ours":
            report.figure(f"ocsp_vs_{name}", share)


def bare(size: int, log: Path) -> _Bare:
    """Serve the constant answer; a context manager giving the port."""
    return _Bare(size, log)


class _Bare:
    def __init__(self, size: int, log: Path) -> None:
        self.port = free_port()
        env = os.environ | {
            "BENCH_SIZE": str(size),
            "PYTHONPATH": os.pathsep.join((str(Path(__file__).parent.parent), os.environ["PYTHONPATH"])),
        }
        command = [sys.executable, "-m", "bench.bare", str(self.port)]
        self._serving = serving(command, env, self.port, "/", log)

    def __enter__(self) -> int:
        self._serving.__enter__()
        return self.port

    def __exit__(self, *problem: object) -> None:
        self._serving.__exit__(None, None, None)


def _known(centre: Centre) -> tuple[bytes, list[int]]:
    from dojang.ca.models import Authority, Certificate  # after Django's set-up

    del centre
    issuing = Authority.objects.get(role="issuing")
    rows = Certificate.objects.filter(issuer=issuing, state="active").order_by("-id")
    assert issuing.certificate is not None
    return bytes(issuing.certificate), [
        int(serial, 16) for serial in rows.values_list("serial", flat=True)[:MANY]
    ]


def _size(port: int, body: bytes) -> int:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    link.request("POST", "/ocsp", body, {"Content-Type": "application/ocsp-request"})
    size = len(link.getresponse().read())
    link.close()
    return size
