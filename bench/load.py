"""Load over HTTP on loopback: `wrk` where it is installed, else a client of our own.

Both sides of a comparison always get the same generator. It stops by itself.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

CONNECTIONS = 16


@dataclass(frozen=True, slots=True)
class Question:
    """One request: method, path and body."""

    method: str
    path: str
    body: bytes = b""
    kind: str = "application/ocsp-request"

    def raw(self) -> bytes:
        """Return the request as it goes over the wire."""
        head = f"{self.method} {self.path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        if self.body:
            head += f"Content-Type: {self.kind}\r\nContent-Length: {len(self.body)}\r\n"
        return head.encode() + b"\r\n" + self.body


def generator() -> str:
    """Name the generator that will be used."""
    return "wrk" if shutil.which("wrk") else "own client"


def load(port: int, questions: list[Question], seconds: float, *, connections: int = CONNECTIONS) -> float:
    """Ask the questions in turn over so many connections; answers a second. Anything but 200 raises."""
    if shutil.which("wrk"):
        return _wrk(port, questions, seconds, connections)
    return asyncio.run(_own(port, questions, seconds, connections))


# --- wrk ----------------------------------------------------------------------------------------------


_SCRIPT = """
local made, place = {{}}, 0
function init(arguments)
  for line in io.lines("{file}") do
    local method, path, body = line:match("^(%u+) (%S+) (%x*)$")
    body = body:gsub("..", function(digits) return string.char(tonumber(digits, 16)) end)
    local headers = {{}}
    if body ~= "" then headers["Content-Type"] = "{kind}" end
    made[#made + 1] = wrk.format(method, path, headers, body)
  end
end
function request()
  place = place % #made + 1
  return made[place]
end
"""


def _wrk(port: int, questions: list[Question], seconds: float, connections: int) -> float:
    with tempfile.TemporaryDirectory(prefix="dj-wrk-") as folder:
        asked, script = Path(folder) / "questions", Path(folder) / "script.lua"
        asked.write_text("".join(f"{q.method} {q.path} {q.body.hex()}\n" for q in questions))
        script.write_text(_SCRIPT.format(file=asked, kind=questions[0].kind))
        command = [
            "wrk",
            "-t1",
            "--timeout",
            "30s",
            f"-c{connections}",
            f"-d{max(1, round(seconds))}s",
            "-s",
            str(script),
        ]
        done = subprocess.run(
            [*command, f"http://127.0.0.1:{port}/"],
            capture_output=True, text=True, timeout=seconds + 60, check=True,
        )  # fmt: skip
    wrong = re.search(r"Non-2xx or 3xx responses: \d+|Socket errors: .*", done.stdout)
    if wrong:
        raise RuntimeError(wrong[0])
    found = re.search(r"Requests/sec:\s*([\d.]+)", done.stdout)
    if found is None:
        raise RuntimeError(done.stdout + done.stderr)
    return float(found[1])


# --- own ----------------------------------------------------------------------------------------------


async def _own(port: int, questions: list[Question], seconds: float, connections: int) -> float:
    raw = [question.raw() for question in questions]
    until = time.perf_counter() + seconds
    began = time.perf_counter()
    step = max(1, len(raw) // connections)
    counts = await asyncio.gather(
        *(_connection(port, raw, index * step, until) for index in range(connections))
    )
    return sum(counts) / (time.perf_counter() - began)


async def _connection(port: int, raw: list[bytes], place: int, until: float) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    count = 0
    try:
        while time.perf_counter() < until:
            writer.write(raw[place % len(raw)])
            place += 1
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(head.split(b"\r\n", 1)[0].decode("latin-1"))
            length = re.search(rb"(?i)content-length: *(\d+)", head)
            assert length is not None
            await reader.readexactly(int(length[1]))
            count += 1
    finally:
        writer.close()
    return count
