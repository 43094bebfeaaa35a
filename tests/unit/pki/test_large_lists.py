"""A revocation list of a whole bank: its size and what it takes to make, measured in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys

MILLION = """
import json, re, sys
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
tbs = build_tbs_crl(
    issuer_certificate=ours.issuing, algorithm="ec-p256", number=1, this_update=NOW,
    next_update=NOW + timedelta(days=1), entries=entries, idp_url=URLS.crl,
)
data = assemble_crl(tbs, sign(ours.keys["issuing"], "ec-p256", tbs), "ec-p256")
# Not ru_maxrss: that outlives exec, and so begins with the size of the process that started this one.
peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024
json.dump({"peak": peak, "size": len(data), "findings": len(lint_crl(data))}, sys.stdout)
"""


def test_a_list_of_a_million_is_clean_and_takes_two_hundred_mebibytes() -> None:
    """Mass revocation does not need memory for the whole list; how long it takes is measured in `bench/`."""
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
    assert found["peak"] <= 200
