"""What stands before everything else over HTTP: reads requests whole, sends them where they belong, or away.

One event loop holds every connection. No thread is taken before a request's body is here, and a body is here
within `BODY_SECONDS` or not at all, so ten thousand clients that send slowly cost ten thousand waiting
tasks and no thread. Behind it are pools that cannot starve each other: *status* (OCSP, CRL, issuer
certificates), *pages* (everything of Django's) and *care* (health, for those who look after the centre).
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
import sys
import time
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from granian.rsgi import ProtocolClosed, ProtocolError  # type: ignore[attr-defined]

from dojang.config.pools import BusyError, Pool
from dojang.edge import statuses
from dojang.edge.errors import RequestTooLargeError
from dojang.edge.holding import NOT_BEFORE
from dojang.pki.errors import DojangError
from dojang.products.messages import LOCALES, render

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
    from pathlib import Path

    from dojang.va.app import StatusApp

    Headers = list[tuple[str, str]]
    Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

log = logging.getLogger("dojang.front")

BODY_LIMIT = 262_144  #: octets of a body, as Django's own limit
BODY_SECONDS = 8.0  #: from the end of the head to the end of the body
SMALL_BODY = 16_384  #: octets that are read in one go; larger bodies are counted while they come
LARGE_BODIES = 64 * 1024 * 1024  #: octets of large bodies in memory at once, for all clients together
RETRY_AFTER = "2"  #: seconds, for those who are sent away

STATUS = ("/ocsp", "/crl/", "/aia/")
STATIC = "/static/"
CARE = ("/healthz", "/readyz", "/metrics")


class TooSlowError(DojangError):
    """The body did not arrive in time."""

    code: ClassVar[str] = "request_too_slow"


class RequestHead(Protocol):
    """A request without its body, as the server hands it over (RSGI)."""

    method: str
    path: str  #: decoded, as text
    query_string: str
    client: str
    server: str
    scheme: str
    http_version: str
    headers: Any


class ClientLine(Protocol):
    """The way back to the client, and its body (RSGI)."""

    def __call__(self) -> Awaitable[bytes]:
        """Return the whole body."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Return the body as it comes."""

    def response_bytes(self, status: int, headers: Headers, body: bytes) -> None:
        """Answer."""

    def response_file(self, status: int, headers: Headers, file: str) -> None:
        """Answer with a file."""


@dataclass(frozen=True, slots=True)
class WholeAnswer:
    """One answer, whole."""

    status: int
    headers: Headers
    body: bytes


class AssetsPlace(Protocol):
    """Where built assets are found."""

    def find(self, method: str, name: str, headers: Any) -> tuple[int, Headers, Path | bytes]:
        """Return status, headers and the file, or the body itself."""


class Front:
    """The server's application. What a process does not serve is None."""

    def __init__(
        self,
        *,
        status: StatusApp | None,
        pages: Application | None,
        assets: AssetsPlace | None,
        threads: int,
        status_threads: int,
    ) -> None:
        self._status = status
        self._pages = pages
        self._assets = assets
        self._large = 0
        self.pools = {
            # A queue eight deep for each thread is about a second of work; who waited two is sent away.
            "pages": Pool("pages", threads=threads, waiting=8 * threads, patience=2.0),
            "status": Pool("status", threads=status_threads, waiting=256, patience=1.0),
            "care": Pool("care", threads=2, waiting=16, patience=5.0),
        }

    async def __rsgi__(self, scope: RequestHead, line: ClientLine) -> None:
        """Answer one request."""
        try:
            if self._assets is not None and scope.path.startswith(STATIC):
                self._send_asset(self._assets, scope, line)
                return
            body = await self._read(scope, line)
            answer = await self._answer(scope, body)
        except DojangError as error:
            answer = refusal(error.code, scope.path)
            extra = {"code": error.code, "status": answer.status, "error": type(error).__name__}
            log.log(statuses.level_of(HTTPStatus(answer.status)), "refused", extra=extra)
        except (ProtocolClosed, ProtocolError):
            return  # the client hung up within its body: as common as strangers like, and nobody to be told
        except Exception as error:  # the text of a foreign exception may hold anything
            log.error("unforeseen failure", extra={"error": type(error).__name__}, exc_info=error)  # noqa: TRY400
            answer = refusal("internal", scope.path)
        line.response_bytes(answer.status, answer.headers, answer.body)

    async def _answer(self, scope: RequestHead, body: bytes) -> WholeAnswer:
        path = scope.path
        if self._status is not None and (self._pages is None or path.startswith(STATUS)):
            known = scope.headers.get("if-none-match") or ""
            kind = scope.headers.get("content-type") or ""
            ready = self._status.remembered(scope.method, path, body, kind=kind, known=known)
            if ready is not None:
                return WholeAnswer(*ready)
            application: Application = self._status
            pool = self.pools["status"]
        else:
            assert self._pages is not None
            application = self._pages
            pool = self.pools["care" if path in CARE else "pages"]
        environ = environ_of(scope, body)
        if pool is self.pools["care"]:
            environ["dojang.pools"] = {name: (each.inside, each.shed) for name, each in self.pools.items()}
        answer = await pool.run(partial(call, application, environ))
        early = environ.get(NOT_BEFORE, 0.0) - time.monotonic()
        if early > 0:
            await asyncio.sleep(early)  # its thread is somebody else's by now
        return answer

    def _send_asset(self, assets: AssetsPlace, scope: RequestHead, line: ClientLine) -> None:
        status, headers, found = assets.find(scope.method, scope.path.removeprefix(STATIC), scope.headers)
        if isinstance(found, bytes):
            line.response_bytes(status, headers, found)
        else:
            line.response_file(status, headers, str(found))

    # --- bodies --------------------------------------------------------------------------------------

    async def _read(self, scope: RequestHead, line: ClientLine) -> bytes:
        told = scope.headers.get("content-length")
        if told is None and scope.headers.get("transfer-encoding") is None:
            return b""
        size = -1
        if told is not None:
            size = int(told) if told.isascii() and told.isdigit() else BODY_LIMIT + 1
            if size == 0:
                return b""
            if size > BODY_LIMIT:
                raise RequestTooLargeError
        try:
            async with asyncio.timeout(BODY_SECONDS):
                if 0 < size <= SMALL_BODY:
                    return await line()
                return await self._read_large(line)
        except TimeoutError:
            raise TooSlowError from None

    async def _read_large(self, line: ClientLine) -> bytes:
        """Read piece by piece: what has come counts against the memory of all."""
        parts: list[bytes] = []
        held = 0
        try:
            async for part in line:
                held += len(part)
                self._large += len(part)
                if held > BODY_LIMIT:
                    raise RequestTooLargeError
                if self._large > LARGE_BODIES:
                    raise BusyError
                parts.append(part)
            return b"".join(parts)
        finally:
            self._large -= held


# --- the gateway to the applications behind -----------------------------------------------------------


def environ_of(scope: RequestHead, body: bytes) -> dict[str, Any]:
    """Describe a request as PEP 3333 does.

    Headers with an underscore in their name are dropped: they would pass for others.
    """
    host, _, port = scope.server.rpartition(":")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope.path.encode("utf-8", "replace").decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "SERVER_NAME": host.strip("[]"),
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": scope.client.rpartition(":")[0].strip("[]"),
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope.headers.items():
        if name == "content-type":
            environ["CONTENT_TYPE"] = value
        elif name not in {"content-length", "transfer-encoding"} and "_" not in name:
            key = "HTTP_" + name.upper().replace("-", "_")
            between = "; " if name == "cookie" else ","
            environ[key] = f"{environ[key]}{between}{value}" if key in environ else value
    return environ


def call(application: Application, environ: dict[str, Any]) -> WholeAnswer:
    """Call a WSGI application and collect its answer."""
    begun: list[Any] = []

    def start(status: str, headers: Headers, exc_info: Any = None) -> None:
        del exc_info
        begun[:] = (status, headers)

    parts = application(environ, start)
    try:
        body = b"".join(parts)
    finally:
        close = getattr(parts, "close", None)
        if close is not None:
            close()
    status, headers = begun
    # The server counts the octets itself, and knows that HEAD has none.
    kept = [(name, value) for name, value in headers if name.lower() != "content-length"]
    return WholeAnswer(int(status[:3]), kept, body)


def refusal(code: str, path: str) -> WholeAnswer:
    """Tell a client that it was sent away, in the form of the place it asked at."""
    status = statuses.STATUS[code]
    headers = [("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"), ("Connection", "close")]
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers.append(("Retry-After", RETRY_AFTER))
    if path.startswith(STATUS):
        return WholeAnswer(status, [*headers, ("Content-Type", "text/plain; charset=utf-8")], b"")
    if path.startswith("/api/"):
        problem = {
            "type": f"/api/v1/errors#{code}",
            "title": status.phrase,
            "status": int(status),
            "detail": " ".join(render(f"error.{code}", locale) for locale in LOCALES),
            "code": code,
        }
        body = json.dumps(problem, ensure_ascii=False).encode()
        return WholeAnswer(status, [*headers, ("Content-Type", "application/problem+json")], body)
    said = "".join(f'<p lang="{locale}">{render(f"error.{code}", locale)}</p>' for locale in LOCALES)
    page = (
        '<!doctype html><html lang="ko"><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{int(status)}</title>{said}</html>'
    )
    headers.append(("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"))
    return WholeAnswer(status, [*headers, ("Content-Type", "text/html; charset=utf-8")], page.encode())
