"""Assets over WSGI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dojang.config.assets import Assets

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def assets(tmp_path: Path) -> Assets:
    """Serve a hashed script with a packed twin, and a plain picture."""
    (tmp_path / "app-ABCDEFGH.js").write_text("plain")
    (tmp_path / "app-ABCDEFGH.js.gz").write_bytes(b"packed")
    (tmp_path / "seal.svg").write_text("<svg/>")
    return Assets("/static/", [(file.name, file) for file in tmp_path.iterdir()])


def ask(assets: Assets, path: str, method: str = "GET", **headers: str) -> tuple[str, dict[str, str], bytes]:
    """Send one request; return status, headers and body."""
    seen: dict[str, Any] = {}

    def start(status: str, given: list[tuple[str, str]]) -> None:
        seen["status"], seen["headers"] = status, dict(given)

    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        **{f"HTTP_{k.upper()}": v for k, v in headers.items()},
    }
    body = b"".join(assets(environ, start))
    return seen["status"], seen["headers"], body


def test_hashed_files_are_kept_for_a_year_and_come_packed(assets: Assets) -> None:
    """A file with a hash in its name is immutable, and packed for who takes gzip."""
    status, headers, body = ask(assets, "/static/app-ABCDEFGH.js", accept_encoding="gzip, br")
    assert (status, body, headers["Content-Encoding"]) == ("200 OK", b"packed", "gzip")
    assert headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert ask(assets, "/static/app-ABCDEFGH.js")[2] == b"plain"


def test_known_files_are_not_sent_again(assets: Assets) -> None:
    """A reader who shows the ETag gets 304 without a body."""
    _, headers, _ = ask(assets, "/static/seal.svg")
    status, _, body = ask(assets, "/static/seal.svg", if_none_match=headers["ETag"])
    assert (status, body, headers["Cache-Control"]) == ("304 Not Modified", b"", "no-cache")


@pytest.mark.parametrize(
    "path", ["/static/../conftest.py", "/static//etc/passwd", "/static/app-ABCDEFGH.js.gz", "/static/"]
)
def test_only_listed_files_are_served(assets: Assets, path: str) -> None:
    """Nothing but the files known at start can be named."""
    assert ask(assets, path)[0] == "404 Not Found"


def test_other_methods_are_refused(assets: Assets) -> None:
    """Only reading is allowed."""
    assert ask(assets, "/static/seal.svg", "POST")[0] == "405 Method Not Allowed"
    assert ask(assets, "/static/seal.svg", "HEAD")[2] == b""
