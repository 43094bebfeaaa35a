"""Measuring: rates in rounds that take turns, so that a neighbour's noise falls on all sides alike."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import platform
import statistics
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Self

_CALIBRATE = 0.02  #: seconds between two looks at the clock


@dataclass
class Report:
    """Prints figures as they come: a heading for each part, one line for each figure."""

    lines: list[str] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)  #: what is written with ``--json``

    def part(self, title: str) -> None:
        """Begin a part."""
        self._print(f"\n## {title}")

    def line(self, what: str, value: str, note: str = "") -> None:
        """Print one figure."""
        self._print(f"  {what:<58} {value:>14}{'  ' + note if note else ''}")

    def figure(self, name: str, value: float) -> None:
        """Keep one figure under its name, for whoever compares runs."""
        self.figures[name] = float(f"{value:.4g}")

    def _print(self, text: str) -> None:
        print(text, flush=True)
        self.lines.append(text)


def machine() -> str:
    """Describe what this ran on, without naming the machine."""
    cores = len(os.sched_getaffinity(0))
    build = "PGO" if "--enable-optimizations" in str(_build_flags()) else "plain build"
    version = platform.python_version()
    return f"{cores} cores, {platform.machine()}, Python {version} ({build}), load {os.getloadavg()[0]:.1f}"


def _build_flags() -> Any:
    import sysconfig  # only asked once

    return sysconfig.get_config_var("CONFIG_ARGS")


def rate(work: Callable[[], object], seconds: float) -> float:
    """How often `work` is done a second, one after the other in this thread."""
    chunk, count = 1, 0
    started = time.perf_counter()
    while True:
        before = time.perf_counter()
        for _ in range(chunk):
            work()
        now = time.perf_counter()
        count += chunk
        if now - started >= seconds:
            return count / (now - started)
        chunk = max(1, int(chunk * _CALIBRATE / max(now - before, 1e-9)))


def compare(
    works: Mapping[str, Callable[[], object]], *, rounds: int, seconds: float
) -> dict[str, list[float]]:
    """Rates of several works, taking turns; one list of `rounds` rates for each."""
    found: dict[str, list[float]] = {name: [] for name in works}
    for name, work in works.items():
        work()  # what is made at the first call is not measured
        del name
    for _ in range(rounds):
        for name, work in works.items():
            found[name].append(rate(work, seconds))
    return found


def ratio(rates: Mapping[str, list[float]], one: str, other: str) -> float:
    """Median of the rounds' ratios, in percent."""
    return 100 * statistics.median(a / b for a, b in zip(rates[one], rates[other], strict=True))


@dataclass
class Spans:
    """Durations of single pieces of work, in seconds, and the time over which they were done."""

    spans: list[float]
    seconds: float
    cpu: float = 0.0  #: seconds of CPU of the processes that did it, while they did it

    @property
    def rate(self) -> float:
        """Pieces a second."""
        return len(self.spans) / self.seconds

    def ms(self, part: float) -> float:
        """Return the quantile `part` (0.5, 0.99) in milliseconds."""
        ordered = sorted(self.spans)
        return 1000 * ordered[min(len(ordered) - 1, int(part * len(ordered)))]

    @classmethod
    def join(cls, parts: list[Self]) -> Self:
        """Put together what several workers did side by side."""
        spans = [span for part in parts for span in part.spans]
        return cls(spans, max(part.seconds for part in parts), sum(part.cpu for part in parts))


def in_threads(count: int, seconds: float, make: Callable[[int], Callable[[], object]]) -> Spans:
    """Let `count` threads work for `seconds`; `make(index)` prepares a thread's work inside that thread.

    Each does its work once before anything is measured.
    """
    return _in_threads(count, make, lambda work: _timed(work, seconds), patience=seconds)


def in_threads_for(count: int, times: int, make: Callable[[int], Callable[[], object]]) -> Spans:
    """Let `count` threads do their work so many times each, the first time unmeasured."""
    return _in_threads(count, make, lambda work: _counted(work, times - 1), patience=60)


def _in_threads(
    count: int,
    make: Callable[[int], Callable[[], object]],
    timed: Callable[[Callable[[], object]], Spans],
    *,
    patience: float,
) -> Spans:
    began: list[float] = []
    gate = threading.Barrier(count, action=lambda: began.append(time.process_time()))
    parts, failures = list[Spans](), list[BaseException]()

    def run(index: int) -> None:
        try:
            work = make(index)
            work()
            gate.wait(60)
            parts.append(timed(work))
        except BaseException as failure:  # noqa: BLE001 - raised in the caller's thread
            gate.abort()
            failures.append(failure)
        finally:
            _let_go()

    threads = [threading.Thread(target=run, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(patience + 120)
    if failures:
        raise next((f for f in failures if not isinstance(f, threading.BrokenBarrierError)), failures[0])
    found = Spans.join(parts)
    found.cpu = time.process_time() - began[0]
    return found


def _timed(work: Callable[[], object], seconds: float) -> Spans:
    spans = []
    started = before = time.perf_counter()
    while before - started < seconds:
        work()
        now = time.perf_counter()
        spans.append(now - before)
        before = now
    return Spans(spans, before - started)


def _counted(work: Callable[[], object], times: int) -> Spans:
    spans = []
    started = before = time.perf_counter()
    for _ in range(times):
        work()
        now = time.perf_counter()
        spans.append(now - before)
        before = now
    return Spans(spans, before - started)


def in_processes(count: int, job: Callable[[int], Spans]) -> Spans:
    """Let `count` forked processes do `job(index)` side by side. Every one needs connections of its own."""
    _let_go()
    context = multiprocessing.get_context("fork")
    told: Any = context.Queue()

    def run(index: int) -> None:
        try:
            told.put(job(index))
        except BaseException as failure:  # noqa: BLE001 - told to the parent
            told.put(repr(failure))
        finally:
            _let_go()

    processes = [context.Process(target=run, args=(index,)) for index in range(count)]
    for process in processes:
        process.start()
    results = [told.get(timeout=180) for _ in processes]
    for process in processes:
        process.join(30)
    for result in results:
        if isinstance(result, str):
            raise RuntimeError(result)  # noqa: TRY004 - the text is another process's failure
    return Spans.join(results)


def cpu_of(pid: int) -> float:
    """Seconds of CPU a process and everything it started have used, those that ended included."""
    total = 0.0
    for one in _family(pid):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{one}/stat").read_text("ascii").rpartition(")")[2].split()
            total += sum(int(value) for value in fields[11:15]) / os.sysconf("SC_CLK_TCK")
    return total


def _family(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                text = (entry / "stat").read_text("ascii", "replace")
                parent = int(text.rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        found.append(one)
        waiting += children.get(one, [])
    return found


def _let_go() -> None:
    from django.db import connections  # the part without a database does not load it

    if connections.settings:
        connections.close_all()
