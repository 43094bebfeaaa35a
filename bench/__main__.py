"""``python -m bench [--only part …] [--seconds n]``: measure, print, stop by itself."""

from __future__ import annotations

import argparse
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

SOURCES = Path(__file__).resolve().parent.parent / "src"
sys.path[:0] = [str(SOURCES.parent), str(SOURCES)]

from bench.meter import Report, machine  # noqa: E402 - the path comes first

PARTS = ("crypto", "verifying", "lists", "signer", "issuing", "journeys", "status", "growth")


def main() -> None:
    """Run the parts asked for, all in one centre."""
    parser = argparse.ArgumentParser(prog="bench")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="parts to measure")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of one measurement")
    chosen = parser.parse_args()
    report = Report()
    began = time.monotonic()
    report.part(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {machine()}")
    run(report, chosen.only, chosen.seconds)
    report.line("the whole run", f"{time.monotonic() - began:.0f} s")


def run(report: Report, parts: tuple[str, ...], seconds: float) -> None:
    """Run parts in order: those that need no centre first."""
    if "crypto" in parts:
        from bench import crypto  # every part imports only what it measures

        crypto.run(report, seconds)
    if "verifying" in parts:
        from bench import verifying

        verifying.run(report, seconds)
    if "lists" in parts:
        from bench import lists

        lists.run(report)
    if "signer" in parts:
        from bench import signer

        signer.run(report, seconds)
    if not {"issuing", "journeys", "status", "growth"}.isdisjoint(parts):
        from bench.centre import running

        with running(SOURCES) as centre:
            if "issuing" in parts:
                from bench import issuing

                issuing.run(report, centre, seconds)
            if "journeys" in parts:
                from bench import walking

                walking.run(report, centre, seconds)
            if "status" in parts:
                from bench import status

                status.run(report, centre, seconds)
            if "growth" in parts:
                from bench import growth

                growth.run(report, centre, seconds)


if __name__ == "__main__":
    main()
