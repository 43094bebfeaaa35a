"""Who besieges the centre, and whether honest people are served meanwhile. On loopback only, and bounded.

``python -m bench.siege PORT [--slow 2000] [--crowd 300] [--nonces 0] [--wrong 0]`` against a running centre:
opens connections that send half a body or half a head, lets a crowd press one page, others ask for status
with nonces or log in wrongly, and asks for status and a page all the while. Prints what honest ones met.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import re
import resource
import sys
import time
from collections import Counter
from pathlib import Path

SOURCES = Path(__file__).resolve().parent.parent / "src"
sys.path[:0] = [str(SOURCES.parent), str(SOURCES)]

from bench.status import request  # noqa: E402 - the path comes first

HALF_BODY = b"POST /api/v1/runs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 200\r\n\r\n{"
HALF_STATUS = b"POST /ocsp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 84\r\n\r\n0"
HALF_HEAD = b"GET / HTTP/1.1\r\nHost: 127.0"
HONEST_PAUSE = 0.02  #: seconds between two honest questions


def get(path: str) -> bytes:
    """Return a request for a page."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()


async def ask(port: int, raw: bytes, patience: float) -> tuple[int, float]:
    """Ask once; return status (0: nothing came) and seconds."""
    began = time.perf_counter()
    status = 0
    with contextlib.suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
        async with asyncio.timeout(patience):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(raw)
                status = int((await reader.readuntil(b"\r\n")).split()[1])
                await reader.read()
            finally:
                writer.close()
    return status, time.perf_counter() - began


async def slow(port: int, raw: bytes, until: float, ends: Counter[str]) -> None:
    """Hold a connection that never finishes its request; when it is ended, hold another."""
    while time.perf_counter() < until:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            ends["refused"] += 1
            await asyncio.sleep(0.2)
            continue
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(until - time.perf_counter() if until > time.perf_counter() else 0.01):
                writer.write(raw)
                said = await reader.read(64)
                ends[said.split(b" ", 2)[1].decode() if said else "closed"] += 1
        writer.close()


async def honest(port: int, raw: bytes, until: float, met: list[tuple[int, float]]) -> None:
    """Ask again and again, one question at a time."""
    while time.perf_counter() < until:
        met.append(await ask(port, raw, 10))
        await asyncio.sleep(HONEST_PAUSE)


async def nonces(port: int, until: float, met: list[tuple[int, float]]) -> None:
    """Ask for a status that has to be signed anew each time."""
    issuing = await fetch(port, "/aia/issuing-1.cer")
    while time.perf_counter() < until:
        body = request(issuing, (1 << 126) + 5, nonce=os.urandom(16))
        head = f"POST /ocsp HTTP/1.1\r\nHost: h\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        met.append(await ask(port, head.encode() + body, 10))


async def fetch(port: int, path: str) -> bytes:
    """Return the body at a path."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(get(path))
    said = await reader.read()
    writer.close()
    return said.partition(b"\r\n\r\n")[2]


async def wrong_log_ins(port: int, rate: int, until: float, met: list[tuple[int, float]]) -> None:
    """Log in wrongly so many times a second, each time as somebody else, waiting for no answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(get("/login/"))
    head, _, page = (await reader.read()).decode("utf-8", "replace").partition("\r\n\r\n")
    writer.close()
    cookie = re.search(r"(?im)^set-cookie: ([^;]*csrf[^;]*)", head)
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    if cookie is None or token is None:
        raise SystemExit("the log-in page has no form token")

    async def one(number: int) -> None:
        body = f"csrfmiddlewaretoken={token[1]}&user_id=nobody{number}&pin=390462&action=submit"
        raw = (
            f"POST /login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie[1]}\r\nConnection: close\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        )
        met.append(await ask(port, raw.encode(), 10))

    tasks = set()
    began, number = time.perf_counter(), 0
    while time.perf_counter() < until:
        tasks.add(asyncio.create_task(one(number)))
        number += 1
        await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
    await asyncio.gather(*tasks)


async def crowd(port: int, raw: bytes, until: float, met: list[tuple[int, float]]) -> None:
    """Press one page without pause; who is sent away waits a little, as the answer says."""
    while time.perf_counter() < until:
        met.append(await ask(port, raw, 10))
        if met[-1][0] != 200:
            await asyncio.sleep(0.5)


def told(name: str, met: list[tuple[int, float]]) -> None:
    """Print statuses and times."""
    if not met:
        return
    times = sorted(seconds for status, seconds in met)
    good = sorted(seconds for status, seconds in met if status in {200, 304})
    statuses = dict(sorted(Counter(status for status, _ in met).items()))

    def at(values: list[float], share: float) -> str:
        return f"{1000 * values[min(len(values) - 1, int(share * len(values)))]:.0f} ms" if values else "-"

    print(
        f"{name:20} {len(met):6}  {statuses}  p50 {at(times, 0.5)}, p99 {at(times, 0.99)},"
        f" p99 of those served {at(good, 0.99)}"
    )


async def main() -> None:
    """Besiege."""
    parser = argparse.ArgumentParser(prog="bench.siege")
    parser.add_argument("port", type=int)
    parser.add_argument("--slow", type=int, default=2000)
    parser.add_argument("--crowd", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--nonces", type=int, default=0)
    parser.add_argument("--wrong", type=int, default=0, help="wrong log-ins a second")
    parser.add_argument("--page", default="/")
    chosen = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    until = time.perf_counter() + chosen.seconds
    ends: Counter[str] = Counter()
    status: list[tuple[int, float]] = []
    page: list[tuple[int, float]] = []
    pressed: list[tuple[int, float]] = []
    flood: list[tuple[int, float]] = []
    guesses: list[tuple[int, float]] = []
    raws = (HALF_BODY, HALF_BODY, HALF_STATUS, HALF_HEAD)
    tasks = [slow(chosen.port, raws[number % 4], until, ends) for number in range(chosen.slow)]
    tasks += [crowd(chosen.port, get(chosen.page), until, pressed) for _ in range(chosen.crowd)]
    tasks += [nonces(chosen.port, until, flood) for _ in range(chosen.nonces)]
    if chosen.wrong:
        tasks.append(wrong_log_ins(chosen.port, chosen.wrong, until, guesses))
    tasks += [honest(chosen.port, get("/crl/issuing-1/0.crl"), until, status) for _ in range(4)]
    tasks += [honest(chosen.port, get(chosen.page), until, page) for _ in range(2)]
    await asyncio.gather(*tasks)
    print(f"slow connections {chosen.slow}, ended by the centre: {dict(ends)}")
    told("status (a CRL)", status)
    told("a page, honest", page)
    told("a page, the crowd", pressed)
    told("nonces", flood)
    told("wrong log-ins", guesses)


if __name__ == "__main__":
    asyncio.run(main())
