"""Independent programs that judge ours, each in a virtual environment of its own.

An environment is made once, under the user's cache folder, from a file of pins with hashes; another pin makes
another environment. No test is skipped for want of one: making it either works or fails with what to do.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any


@cache
def judge_python(pins: Path) -> Path:
    """Interpreter of the environment of ``requirements-<name>.txt``, made once (some ten seconds)."""
    name = pins.stem.removeprefix("requirements-")
    pin = hashlib.sha256(pins.read_bytes() + sys.version.encode()).hexdigest()[:16]
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dojang-tests"
    place = base / f"{name}-{pin}"
    python, done = place / "bin" / "python", place / "complete"
    base.mkdir(parents=True, exist_ok=True)
    with (base / f"{name}-{pin}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            _run([sys.executable, "-m", "venv", "--clear", str(place)], name, place, pins)
            install = [str(python), "-m", "pip", "install", "-q", "--require-hashes", "-r", str(pins)]
            _run(install, name, place, pins)
            done.touch()
    return python


def _run(command: list[str], name: str, place: Path, pins: Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        message = (
            f"The independent judge {name} could not be installed in {place}.\n{done.stderr}\n"
            "Remedy: connect to a package index (PIP_INDEX_URL), or install "
            f"{pins.name} into that folder by hand, and run the tests again."
        )
        raise RuntimeError(message)


def ask_judge(pins: Path, program: Path, question: dict[str, Any]) -> dict[str, Any]:
    """Run a program inside its environment: a question as JSON in, the answer as JSON out."""
    done = subprocess.run(
        [str(judge_python(pins)), str(program)],
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
