"""Built assets: styles, scripts, fonts, icons, straight from the rooms' ``static`` folders.

The set of files is read once at start, so no request can name anything else. Files whose name carries a
content hash may be kept by browsers for a year; others are asked about again with an ETag.
"""

from __future__ import annotations

import hashlib
import mimetypes
import re
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    Headers = list[tuple[str, str]]

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
    """Everything below one prefix, by name."""

    def __init__(self, files: Iterable[tuple[str, Path]]) -> None:
        self._assets = {name: _describe(path) for name, path in files if not name.endswith((".gz", *_HIDDEN))}

    def find(self, method: str, name: str, headers: Any) -> tuple[int, Headers, Path | bytes]:
        """Answer GET and HEAD with 200 and the file to be sent, else 304, 404 or 405 and the body.

        `headers` are the request's, by lower-case name.
        """
        asset = self._assets.get(name)
        if method not in {"GET", "HEAD"}:
            return _plain(HTTPStatus.METHOD_NOT_ALLOWED, ("Allow", "GET, HEAD"))
        if asset is None:
            return _plain(HTTPStatus.NOT_FOUND)
        answer = [
            ("Content-Type", asset.kind),
            ("Cache-Control", asset.keep),
            ("ETag", asset.etag),
            ("Vary", "Accept-Encoding"),
            ("X-Content-Type-Options", "nosniff"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
        ]
        if headers.get("if-none-match") == asset.etag:
            return HTTPStatus.NOT_MODIFIED, answer, b""
        if asset.packed is not None and "gzip" in (headers.get("accept-encoding") or ""):
            return HTTPStatus.OK, [*answer, ("Content-Encoding", "gzip")], asset.packed
        return HTTPStatus.OK, answer, asset.path


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


def _plain(status: HTTPStatus, *extra: tuple[str, str]) -> tuple[int, Headers, bytes]:
    headers = [("Content-Type", "text/plain; charset=utf-8"), *extra]
    return status, headers, f"{int(status)} {status.phrase}".encode()


def collect() -> Iterable[tuple[str, Path]]:
    """Yield (name, file) of every asset of every installed room; the first one of a name counts."""
    from django.contrib.staticfiles.finders import get_finders  # needs settings

    seen: set[str] = set()
    for finder in get_finders():
        for name, storage in finder.list([]):
            if name not in seen:
                seen.add(name)
                yield name, Path(storage.path(name))
