"""Built assets over WSGI: styles, scripts, fonts, icons, straight from the rooms' ``static`` folders.

The set of files is read once at start, so no request can name anything else. Files whose name carries a
content hash may be kept by browsers for a year; others are asked about again with an ETag.
"""

from __future__ import annotations

import hashlib
import mimetypes
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_HASHED = re.compile(r"[-.][0-9A-Za-z]{8,}\.\w+$")
_TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".woff2": "font/woff2",
    ".svg": "image/svg+xml",
}
_HIDDEN = ("dist/.stamp",)


@dataclass(frozen=True, slots=True)
class _Asset:
    path: Path
    kind: str
    etag: str
    keep: str
    packed: Path | None


class Assets:
    """A WSGI callable for everything below one prefix, such as ``/static/``."""

    def __init__(self, prefix: str, files: Iterable[tuple[str, Path]]) -> None:
        self._prefix = prefix
        self._assets = {name: _describe(path) for name, path in files if not name.endswith((".gz", *_HIDDEN))}

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer GET and HEAD with 200, 304, 404 or 405."""
        method = environ["REQUEST_METHOD"]
        asset = self._assets.get(environ.get("PATH_INFO", "").removeprefix(self._prefix))
        if method not in {"GET", "HEAD"}:
            return _plain(start_response, "405 Method Not Allowed", [("Allow", "GET, HEAD")])
        if asset is None:
            return _plain(start_response, "404 Not Found", [])
        headers = [
            ("Content-Type", asset.kind),
            ("Cache-Control", asset.keep),
            ("ETag", asset.etag),
            ("Vary", "Accept-Encoding"),
            ("X-Content-Type-Options", "nosniff"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
        ]
        if environ.get("HTTP_IF_NONE_MATCH") == asset.etag:
            start_response("304 Not Modified", headers)
            return []
        place = asset.path
        if asset.packed is not None and "gzip" in environ.get("HTTP_ACCEPT_ENCODING", ""):
            place = asset.packed
            headers.append(("Content-Encoding", "gzip"))
        body = place.read_bytes()
        headers.append(("Content-Length", str(len(body))))
        start_response("200 OK", headers)
        return [] if method == "HEAD" else [body]


def _describe(path: Path) -> _Asset:
    kind = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    if kind.startswith("text/"):
        kind += "; charset=utf-8"
    keep = "public, max-age=31536000, immutable" if _HASHED.search(path.name) else "no-cache"
    status = path.stat()
    seed = f"{path}:{status.st_size}:{status.st_mtime_ns}".encode()
    packed = path.with_name(path.name + ".gz")
    return _Asset(
        path=path,
        kind=kind,
        etag=f'"{hashlib.sha256(seed).hexdigest()[:20]}"',
        keep=keep,
        packed=packed if packed.is_file() else None,
    )


def _plain(start_response: Callable[..., Any], status: str, extra: list[tuple[str, str]]) -> Iterable[bytes]:
    body = status.encode()
    start_response(
        status, [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body))), *extra]
    )
    return [body]


def collect() -> Iterable[tuple[str, Path]]:
    """Yield (name, file) of every asset of every installed room; the first one of a name counts."""
    from django.contrib.staticfiles.finders import get_finders  # needs settings

    seen: set[str] = set()
    for finder in get_finders():
        for name, storage in finder.list([]):
            if name not in seen:
                seen.add(name)
                yield name, Path(storage.path(name))
