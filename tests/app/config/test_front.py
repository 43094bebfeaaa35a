"""The front over real HTTP: slow clients cost no thread, full pools send away, nobody starves anybody."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from tests.centres import free_port, wait_until

from dojang.config import front as fronts
from dojang.config.assets import Assets
from dojang.config.front import Front
from dojang.config.server import make_server
from dojang.edge.holding import NOT_BEFORE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from dojang.va.app import StatusApp


@dataclass
class Pages:
    """An application that answers what it was asked, and under ``/wait`` not before it may."""

    entered: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    may: threading.Event = field(default_factory=threading.Event)
    seen: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """Answer with the path, the size of the body, and two cookies."""
        if environ["PATH_INFO"] == "/wait":
            self.entered.release()
            assert self.may.wait(60)
        if environ["PATH_INFO"] == "/held":
            environ[NOT_BEFORE] = time.monotonic() + 3600
        if environ["PATH_INFO"] == "/fall":
            raise RuntimeError("900101-1234567")
        self.seen.append(environ)
        body = environ["wsgi.input"].read()
        start("200 OK", [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("Content-Length", "1")])
        return [environ["PATH_INFO"].encode("latin-1"), b" ", str(len(body)).encode()]


class Status:
    """A status responder that always knows."""

    def remembered(self, *_: Any, **__: Any) -> None:
        """Remember nothing, so that a thread has to be taken."""

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """Answer."""
        environ["wsgi.input"].read()
        start("200 OK", [("Content-Type", "application/ocsp-response")])
        return [b"good"]


@dataclass
class Served:
    """A front that listens."""

    port: int
    pages: Pages
    front: Front

    def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, Any, bytes]:
        """Ask once; return status, headers and body."""
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            link.request(method, path, body, headers)
            answer = link.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            link.close()

    def half(self, raw: bytes) -> socket.socket:
        """Open a connection that sends half a request."""
        link = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        link.sendall(raw)
        return link

    def hold(self, number: int) -> list[threading.Thread]:
        """Have so many clients wait inside the application; returns when the threads are all taken."""
        clients = [threading.Thread(target=self.ask, args=("GET", "/wait")) for _ in range(number)]
        for client in clients:
            client.start()
        for _ in range(min(number, 2)):
            assert self.pages.entered.acquire(timeout=60)
        wait_until(lambda: self.front.pools["pages"].inside == number, "everybody to be inside")
        return clients


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Serve two threads' worth of pages, one of status, and an asset, until the test ends."""
    (tmp_path / "seal.svg").write_text("<svg/>")
    pages, port = Pages(), free_port()
    responder: StatusApp = Status()  # type: ignore[assignment] - what the front asks of it is what counts
    assets = Assets([("seal.svg", tmp_path / "seal.svg")])
    front = Front(status=responder, pages=pages, assets=assets, threads=2, status_threads=1)
    loop, server = asyncio.new_event_loop(), None

    def run() -> None:
        nonlocal server
        asyncio.set_event_loop(loop)

        async def main() -> None:
            nonlocal server
            server = make_server(front, host="127.0.0.1", port=port, connections=1000)
            await server.serve()

        loop.run_until_complete(main())
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    made = Served(port, pages, front)

    def answers() -> bool:
        try:
            return made.ask("GET", "/ocsp/x")[0] == 200
        except OSError:
            return False

    wait_until(answers, "the front")
    yield made
    pages.may.set()
    assert server is not None
    loop.call_soon_threadsafe(server.stop)
    thread.join(60)


HALVES = [
    b"POST /pages HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhalf",
    b"POST /pages HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\nhalf",
    b"POST /pages HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf",
    b"POST /ocsp HTTP/1.1\r\nHost: h\r\nContent-Length: 84\r\n\r\nhalf",
]


def test_half_a_body_takes_no_thread_and_ends(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty clients that send half a body keep nobody waiting, and each is told that it was too slow."""
    links = [served.half(HALVES[number % 4]) for number in range(40)]
    assert served.ask("GET", "/pages")[0] == 200
    assert served.ask("POST", "/ocsp", b"whole")[2] == b"good"
    monkeypatch.setattr(fronts, "BODY_SECONDS", 0.05)
    late = [served.half(raw) for raw in HALVES]
    said = [link.recv(1000).split(b"\r\n")[0] for link in late]
    assert said == [b"HTTP/1.1 408 Request Timeout"] * 4
    for link in (*links, *late):
        link.close()


def test_a_client_that_hangs_up_is_no_news(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    """Clients that go away within their body, or before their answer, leave no line in the log."""
    for number in range(12):
        served.half(HALVES[number % 4]).close()
    waiting = served.half(b"GET /wait HTTP/1.1\r\nHost: h\r\n\r\n")
    assert served.pages.entered.acquire(timeout=60)
    waiting.close()
    served.pages.may.set()
    wait_until(lambda: served.front.pools["pages"].inside == 0, "the work of the one that left to end")
    assert served.ask("GET", "/pages")[0] == 200
    assert caplog.records == []


def test_pages_cannot_starve_status(served: Served) -> None:
    """While every thread of the pages is taken and their queue is full, status is answered."""
    clients = served.hold(2 + 16)
    assert [served.ask("GET", place)[2] for place in ("/ocsp/x", "/crl/a/0.crl", "/aia/a.cer")] == [
        b"good"
    ] * 3
    assert served.ask("GET", "/healthz")[0] == 200
    served.pages.may.set()
    for client in clients:
        client.join(60)
    assert served.ask("GET", "/pages")[0] == 200


def test_an_answer_held_back_keeps_no_thread(served: Served) -> None:
    """Twelve answers that may not be sent for an hour hold up no thread, nor the server's end."""
    links = [served.half(b"GET /held HTTP/1.1\r\nHost: h\r\n\r\n") for _ in range(12)]
    wait_until(lambda: len(served.pages.seen) == 12, "everybody to have been worked at")
    wait_until(lambda: served.front.pools["pages"].inside == 0, "the threads to be free")
    assert served.ask("GET", "/pages")[0] == 200
    for link in links:
        link.setblocking(False)
        with pytest.raises(BlockingIOError):
            link.recv(1)
        link.close()


def test_who_finds_the_queue_full_is_sent_away_at_once(served: Served) -> None:
    """Beyond the queue a client gets 503 with Retry-After, in the form of the place it asked at."""
    clients = served.hold(2 + 16)
    for path, kind in (("/pages", "text/html; charset=utf-8"), ("/api/v1/runs", "application/problem+json")):
        status, headers, body = served.ask("GET", path)
        assert (status, headers["Retry-After"], headers["Content-Type"]) == (503, "2", kind)
        assert "몇 초 뒤에 다시 시도해 주세요" in body.decode()
    assert json.loads(body)["code"] == "busy"
    assert served.front.pools["pages"].shed == 2
    assert served.pages.seen == []
    served.pages.may.set()
    for client in clients:
        client.join(60)


def test_too_large_bodies_are_refused_however_they_come(served: Served) -> None:
    """A body above the limit is refused by its announced size, and by what really came."""
    size = fronts.BODY_LIMIT
    assert served.ask("POST", "/pages", b"x" * size)[2] == f"/pages {size}".encode()
    assert served.ask("POST", "/pages", b"x" * 10)[2] == b"/pages 10"
    with served.half(b"POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % (size + 1)) as told:
        assert told.recv(100)[9:12] == b"413"
    link = served.half(b"POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
    with pytest.raises(OSError):  # noqa: PT012, PT011 - told, then cut off: which comes first is the network's
        for _ in range(40):
            link.sendall(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")
        if link.recv(100)[9:12] == b"413":
            raise OSError
    link.close()
    assert len(served.pages.seen) == 2


def test_large_bodies_share_a_bounded_memory(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Large bodies beyond what may lie in memory are sent away; small ones go on."""
    monkeypatch.setattr(fronts, "LARGE_BODIES", 30_000)
    assert served.ask("POST", "/pages", b"x" * 20_000)[0] == 200
    assert served.ask("POST", "/pages", b"x" * 40_000)[0] == 503
    assert served.ask("POST", "/pages", b"x" * 10_000)[0] == 200
    assert served.ask("POST", "/pages", b"x" * 20_000)[0] == 200


def test_a_request_is_handed_over_as_it_came(served: Served) -> None:
    """Path, headers, cookies and the way back are what the client sent and the application said."""
    raw = (
        b"POST /%ed%95%9c%2fx%00?a=%41 HTTP/1.1\r\nHost: bank.example\r\nX-Forwarded-For: 1.1.1.1\r\n"
        b"X-Forwarded-For: 2.2.2.2\r\nX_Forwarded_For: 9.9.9.9\r\nCookie: a=1\r\nContent-Type: text/x\r\n"
        b"Content-Length: 2\r\nConnection: close\r\n\r\nhi"
    )
    link = served.half(raw)
    said = b"".join(iter(lambda: link.recv(1000), b""))
    link.close()
    head, _, body = said.partition(b"\r\n\r\n")
    assert (head[:15], head.lower().count(b"set-cookie"), body) == (
        b"HTTP/1.1 200 OK",
        2,
        "/한/x\0 2".encode(),
    )
    seen = served.pages.seen[-1]
    assert seen["HTTP_X_FORWARDED_FOR"] == "1.1.1.1,2.2.2.2"
    assert (seen["QUERY_STRING"], seen["REMOTE_ADDR"]) == ("a=%41", "127.0.0.1")
    assert (seen["CONTENT_TYPE"], seen["HTTP_HOST"], seen["HTTP_COOKIE"]) == ("text/x", "bank.example", "a=1")
    status, headers, body = served.ask("HEAD", "/pages")
    assert (status, headers["Content-Length"], body) == (200, "8", b"")


def test_a_fall_is_told_without_its_words(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    """An exception of the application becomes a 500 that says nothing of it."""
    status, _, body = served.ask("GET", "/fall")
    assert status == 500
    assert b"900101" not in body
    assert [record.message for record in caplog.records if record.name == "dojang.front"] == [
        "unforeseen failure"
    ]


def test_assets_are_sent_by_the_front(served: Served) -> None:
    """Assets need no thread: whole, by their tag, and none but the known ones."""
    clients = served.hold(2 + 16)
    status, headers, body = served.ask("GET", "/static/seal.svg")
    assert (status, body, headers["Content-Type"]) == (200, b"<svg/>", "image/svg+xml")
    assert served.ask("GET", "/static/seal.svg", **{"If-None-Match": headers["ETag"]})[0] == 304
    assert served.ask("HEAD", "/static/seal.svg")[2] == b""
    assert served.ask("GET", "/static/../front.py")[0] == 404
    served.pages.may.set()
    for client in clients:
        client.join(60)
