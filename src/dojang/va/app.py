"""OCSP, CRLs and issuer certificates over HTTP: one plain WSGI callable, no framework on this path.

``POST /ocsp`` and ``GET /ocsp/<base64>`` (RFC 6960 appendix A.1, RFC 5019),
``GET /crl/<authority>/<shard>.crl``, ``GET /aia/<authority>.cer``.
Answers signed ahead may be cached for seconds only: a revocation has to show in five, so `max-age` is
short, and an entity tag makes asking again cheap.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import logging
import re
import time
from email.utils import format_datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from dojang.pki.ocsp import MAX_REQUEST
from dojang.va.responder import MALFORMED, Reply, Responder
from dojang.va.store import CrlRow, StatusStore, StoreLostError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dojang.ports.clock import Clock
    from dojang.ports.signer import Signer

    Headers = list[tuple[str, str]]
    Response = tuple[str, Headers, bytes]

log = logging.getLogger("dojang.va")

OCSP_MAX_AGE = 4  #: seconds an OCSP answer may be kept by a cache on the way
CRL_MAX_AGE = 60
AIA_MAX_AGE = 3600
MAX_PATH = 4096  #: characters of a GET question; longer ones belong into a POST
_CRL_PATH = re.compile(r"/crl/([A-Za-z0-9-]{1,64})/([0-9]{1,4})\.crl")
_AIA_PATH = re.compile(r"/aia/([A-Za-z0-9-]{1,64})\.cer")
_OCSP_TYPE = "application/ocsp-response"
_REQUEST_TYPE = "application/ocsp-request"
_NO_STORE = ("Cache-Control", "no-store")
_SHORT_PATH = 512  #: characters
_CRLS_KEPT = 32  #: CRLs in memory


class StatusApp:
    """The WSGI callable. `close` lets go of its connections."""

    def __init__(self, store: StatusStore, responder: Responder, clock: Clock) -> None:
        self._store = store
        self._responder = responder
        self._clock = clock
        self._crls: dict[tuple[str, int], tuple[float, CrlRow]] = {}
        self._issuers: dict[str, bytes] = {}

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        status, headers, body = self._respond(environ)
        headers.append(("Content-Length", str(len(body))))
        start_response(status, headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    def remembered(
        self, method: str, path: str, body: bytes, *, kind: str, known: str
    ) -> tuple[int, Headers, bytes] | None:
        """Answer an OCSP question from memory alone, without waiting for anything; None when that cannot be.

        `kind` is the Content-Type, `known` the If-None-Match of the request.
        """
        if method == "POST" and path == "/ocsp" and kind == _REQUEST_TYPE:
            reply = self._responder.remembered(body)
            return None if reply is None else (200, [("Content-Type", _OCSP_TYPE), _NO_STORE], reply.body)
        if method == "GET" and path.startswith("/ocsp/") and len(path) <= _SHORT_PATH:
            try:
                reply = self._responder.remembered(_decode_short(path[6:]))
            except ValueError:
                return None
            if reply is None or reply.this_update is None or reply.next_update is None:
                return None
            status, headers, sent = self._cached_ocsp(reply, {"HTTP_IF_NONE_MATCH": known})
            return int(status[:3]), headers, sent
        return None

    def close(self) -> None:
        """Tell what is still to be told, and let go of database connections."""
        self._responder.close()
        self._store.close()

    def _respond(self, environ: dict[str, Any]) -> Response:
        path = environ.get("PATH_INFO", "")
        method = environ["REQUEST_METHOD"]
        if path in {"/ocsp", "/ocsp/"} and method == "POST":
            return self._ocsp_post(environ)
        if method not in {"GET", "HEAD"}:
            return _plain("405 Method Not Allowed", ("Allow", "GET, HEAD, POST"))
        if path.startswith("/ocsp/"):
            return self._ocsp_get(path[6:], environ)
        return self._file(path, environ)

    def _file(self, path: str, environ: dict[str, Any]) -> Response:
        try:
            if found := _CRL_PATH.fullmatch(path):
                return self._crl(found[1], int(found[2]), environ)
            if found := _AIA_PATH.fullmatch(path):
                return self._aia(found[1], environ)
        except StoreLostError as error:
            log.error("status cannot be read: %s", error.detail)  # noqa: TRY400 - a sentence, not a traceback
            return _plain("503 Service Unavailable", ("Retry-After", "5"))
        return _plain("404 Not Found")

    # --- OCSP ----------------------------------------------------------------------------------------

    def _ocsp_post(self, environ: dict[str, Any]) -> Response:
        kind = environ.get("CONTENT_TYPE", "")
        if kind and kind.partition(";")[0].strip().lower() != _REQUEST_TYPE:
            return _plain("415 Unsupported Media Type")
        try:
            size = int(environ.get("CONTENT_LENGTH") or 0)
        except ValueError:
            return _plain("400 Bad Request")
        if size > MAX_REQUEST:
            return _plain("413 Content Too Large")
        data = environ["wsgi.input"].read(size) if size > 0 else b""
        reply = self._responder.answer(data)
        return "200 OK", [("Content-Type", _OCSP_TYPE), _NO_STORE], reply.body

    def _ocsp_get(self, encoded: str, environ: dict[str, Any]) -> Response:
        reply = MALFORMED
        if len(encoded) <= MAX_PATH:
            decode = _decode_short if len(encoded) <= _SHORT_PATH else _decode
            try:
                reply = self._responder.answer(decode(encoded))
            except (binascii.Error, ValueError):
                reply = MALFORMED
        if reply.this_update is None or reply.next_update is None:
            return "200 OK", [("Content-Type", _OCSP_TYPE), _NO_STORE], reply.body
        return self._cached_ocsp(reply, environ)

    def _cached_ocsp(self, reply: Reply, environ: dict[str, Any]) -> Response:
        """Add the headers of RFC 5019 §6.2."""
        assert reply.this_update is not None
        assert reply.next_update is not None
        now = self._clock.now()
        age = max(0, min(OCSP_MAX_AGE, int((reply.next_update - now).total_seconds())))
        headers = [
            ("Content-Type", _OCSP_TYPE),
            ("Cache-Control", f"max-age={age}, public, no-transform, must-revalidate"),
            ("ETag", reply.tag),
            ("Last-Modified", reply.modified),
        ]
        return _unless_known(environ, reply.tag, headers, reply.body)

    # --- files ---------------------------------------------------------------------------------------

    def _crl(self, label: str, shard: int, environ: dict[str, Any]) -> Response:
        row = self._newest_crl(label, shard)
        if row is None:
            return _plain("404 Not Found")
        left = int((row.next_update - self._clock.now()).total_seconds())
        tag = f'"{row.number:x}"'
        headers = [
            ("Content-Type", "application/pkix-crl"),
            ("Cache-Control", f"max-age={max(0, min(CRL_MAX_AGE, left))}, public, must-revalidate"),
            ("ETag", tag),
            ("Last-Modified", format_datetime(row.this_update, usegmt=True)),
        ]
        return _unless_known(environ, tag, headers, row.body)

    def _newest_crl(self, label: str, shard: int) -> CrlRow | None:
        """Read the newest CRL, at most once a second; a lost database leaves the last one in its time."""
        held = self._crls.get((label, shard))
        if held is not None and held[0] > time.monotonic():
            return held[1]
        try:
            row = self._store.crl(label, shard)
        except StoreLostError:
            if held is not None and held[1].next_update > self._clock.now():
                return held[1]
            raise
        if row is not None:
            if len(self._crls) >= _CRLS_KEPT:
                self._crls.clear()
            self._crls[label, shard] = (time.monotonic() + 1.0, row)
        return row

    def _aia(self, label: str, environ: dict[str, Any]) -> Response:
        body = self._issuers.get(label)
        if body is None:
            # An authority's certificate never changes, so it is read once.
            self._issuers = {row.label: row.certificate for row in self._store.authorities()}
            body = self._issuers.get(label)
        if body is None:
            return _plain("404 Not Found")
        tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        headers = [
            ("Content-Type", "application/pkix-cert"),
            ("Cache-Control", f"max-age={AIA_MAX_AGE}, public"),
            ("ETag", tag),
        ]
        return _unless_known(environ, tag, headers, body)


def _decode(encoded: str) -> bytes:
    """Decode the question of a GET. Raises `ValueError` (`binascii.Error`) when it is none."""
    # Some clients send the alphabet of base64url, or lose the padding, or a "+" on the way.
    text = encoded.replace(" ", "+").replace("-", "+").replace("_", "/").rstrip("=")
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


#: The usual questions come again and again; long ones are not worth the memory.
_decode_short = lru_cache(maxsize=8192)(_decode)


def _unless_known(environ: dict[str, Any], tag: str, headers: Headers, body: bytes) -> Response:
    """Answer 304 to a client that holds this very entity (RFC 9110 §13.1.2)."""
    known = environ.get("HTTP_IF_NONE_MATCH", "")
    if known and (
        known.strip() == "*" or tag in [part.strip().removeprefix("W/") for part in known.split(",")]
    ):
        return "304 Not Modified", headers, b""
    return "200 OK", headers, body


def _plain(status: str, *headers: tuple[str, str]) -> Response:
    return status, [("Content-Type", "text/plain; charset=utf-8"), *headers], status[4:].encode() + b"\n"


def make_app(
    dsn: str, signer: Signer, clock: Clock, *, ocsp_life: int = 3600, connections: int = 8
) -> StatusApp:
    """Build the status responder. `dsn` is a PostgreSQL address, `ocsp_life` seconds of a live answer."""
    store = StatusStore(dsn, size=connections)
    return StatusApp(store, Responder(store, signer, clock, life=ocsp_life), clock)
