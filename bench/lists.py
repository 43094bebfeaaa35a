"""Revocation lists of 10^5 and 10^6 entries: time and peak memory, each in a process of its own."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.meter import Report

SIZES = ((100_000, 3), (1_000_000, 2))  #: entries, repetitions

_PROGRAM = """
import json, resource, sys, time
from datetime import UTC, datetime, timedelta
from bench.crypto import make_authority
from dojang.pki.build import new_serial
from dojang.pki.crl import CrlEntry, assemble_crl, build_tbs_crl
from dojang.pki.lint import lint_crl, require_clean
from dojang.pki.signing import sign

authority, now, count = make_authority("ec-p256"), datetime.now(UTC).replace(microsecond=0), int(sys.argv[1])
entries = (CrlEntry(new_serial(), now - timedelta(seconds=i % 86400), "superseded") for i in range(count))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
began = time.perf_counter()
tbs = build_tbs_crl(
    issuer_certificate=authority.certificate, algorithm="ec-p256", number=1, this_update=now,
    next_update=now + timedelta(days=1), entries=entries, idp_url="http://ca.example/crl/1.crl",
)
crl = assemble_crl(tbs, sign(authority.key, "ec-p256", tbs), "ec-p256")
built = time.perf_counter() - began
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
require_clean(lint_crl(crl))
linted = time.perf_counter() - began - built
print(json.dumps([built, linted, before / 1024, peak / 1024, len(crl)]))
"""


def run(report: Report, *, quick: bool = False) -> None:
    """Print how long a list takes from entries to signature, and the memory of the whole process."""
    root = Path(__file__).resolve().parent.parent
    env = os.environ | {"PYTHONPATH": os.pathsep.join((str(root), str(root / "src")))}
    report.part("revocation lists (entries made as they are read, then encoded and signed)")
    for count, times in ((SIZES[-1][0], 1),) if quick else SIZES:
        found = []
        for _ in range(times):
            done = subprocess.run(
                [sys.executable, "-c", _PROGRAM, str(count)],
                env=env, capture_output=True, text=True, timeout=120, check=True,
            )  # fmt: skip
            found.append(json.loads(done.stdout))
        built, linted, before, peak, size = (statistics.median(column) for column in zip(*found, strict=True))
        note = f"peak {peak:.0f} MiB ({before:.0f} at start), {size / 1e6:.1f} MB; own lint {linted:.2f} s"
        report.line(f"{count:,} entries", f"{built:.2f} s", note)
        if count == SIZES[-1][0]:
            # Nothing of the list before is kept: the next one, with an entry more, is made like the first.
            report.figure("crl_next_s", built)
