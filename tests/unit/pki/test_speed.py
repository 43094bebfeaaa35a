"""Speed that is part of the promise: processor time, best of several rounds, on a shared machine."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from tests.unit.pki.kit import ARC, IDENTIFY, NOW, URLS, customer, house, key_of

from dojang.pki import build
from dojang.pki.profiles import PROFILES
from dojang.pki.signing import public_key_bytes, sign

if TYPE_CHECKING:
    from collections.abc import Callable


def _best(work: Callable[[int], object], best: float, count: int = 300) -> float:
    """Measure seconds of processor time for one piece of work, at best."""
    start = time.process_time()
    for number in range(count):
        work(number)
    return min(best, (time.process_time() - start) / count)


def test_building_and_signing_is_most_of_the_raw_rate() -> None:
    """A P-256 certificate, name and serial and all, at 60 % or more of the rate of bare signatures."""
    ours = house()
    key = key_of("ec-p256", "issuing")
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    algorithm = ec.ECDSA(hashes.SHA256())
    tbs = ours.tbs()
    spki = public_key_bytes(key_of("ec-p256", "customer"))
    last = build.end_of_day(NOW, 1095)

    def certificate(number: int) -> bytes:
        body = build.build_tbs(
            PROFILES["financial"],
            issuer_certificate=ours.issuing,
            issuer_algorithm="ec-p256",
            subject=customer(number=f"0088{number:016d}"),
            public_key=spki,
            serial=build.new_serial(),
            not_before=NOW,
            not_after=last,
            urls=URLS,
            identify=IDENTIFY,
            policy_arc=ARC,
        )
        return build.assemble_certificate(body, sign(key, "ec-p256", body), "ec-p256")

    def raw(_number: int) -> bytes:
        return key.sign(tbs, algorithm)

    whole = bare = 1.0
    for _ in range(60):
        whole, bare = _best(certificate, whole), _best(raw, bare)
        if bare / whole >= 0.6:
            return
    message = f"{bare / whole:.0%} of the raw rate: {whole * 1e6:.1f} µs against {bare * 1e6:.1f} µs"
    raise AssertionError(message)


MILLION = """
import json, re, sys, time
from datetime import timedelta
from pathlib import Path
from dojang.pki.crl import CrlEntry, assemble_crl, build_tbs_crl
from dojang.pki.lint import lint_crl
from dojang.pki.signing import sign
from tests.unit.pki.kit import NOW, URLS, house

ours = house()
moments = [NOW - timedelta(seconds=second) for second in range(86400)]
entries = (
    CrlEntry((1 << 126) + number * 7919, moments[number % 86400], "superseded") for number in range(1_000_000)
)
start = time.process_time()
tbs = build_tbs_crl(
    issuer_certificate=ours.issuing, algorithm="ec-p256", number=1, this_update=NOW,
    next_update=NOW + timedelta(days=1), entries=entries, idp_url=URLS.crl,
)
data = assemble_crl(tbs, sign(ours.keys["issuing"], "ec-p256", tbs), "ec-p256")
seconds = time.process_time() - start
# Not ru_maxrss: that outlives exec, and so begins with the size of the process that started this one.
peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024
json.dump({"seconds": seconds, "peak": peak, "size": len(data), "findings": len(lint_crl(data))}, sys.stdout)
"""


def test_a_list_of_a_million_takes_two_seconds_and_two_hundred_mebibytes() -> None:
    """Mass revocation is a matter of seconds, in a process of its own that is measured whole."""
    best, peak = 100.0, 0.0
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", MILLION],
            env={"PYTHONPATH": "src:."},
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        found = json.loads(done.stdout)
        assert (found["size"] > 45_000_000, found["findings"]) == (True, 0)
        best, peak = min(best, found["seconds"]), max(peak, found["peak"])
        if best <= 2:
            break
    assert best <= 2
    assert peak <= 200
