"""Built assets: what is found under which name."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    return Assets([(file.name, file) for file in tmp_path.iterdir()])


def ask(assets: Assets, name: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Send one request; return status, headers and body."""
    asked = {key.replace("_", "-"): value for key, value in headers.items()}
    status, answer, found = assets.find(method, name, asked)
    return status, dict(answer), found if isinstance(found, bytes) else found.read_bytes()


def test_hashed_files_are_kept_for_a_year_and_come_packed(assets: Assets) -> None:
    """A file with a hash in its name is immutable, and packed for who takes gzip."""
    status, headers, body = ask(assets, "app-ABCDEFGH.js", accept_encoding="gzip, br")
    assert (status, body, headers["Content-Encoding"]) == (200, b"packed", "gzip")
    assert headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert ask(assets, "app-ABCDEFGH.js")[2] == b"plain"


def test_known_files_are_not_sent_again(assets: Assets) -> None:
    """A reader who shows the ETag gets 304 without a body."""
    _, headers, _ = ask(assets, "seal.svg")
    status, _, body = ask(assets, "seal.svg", if_none_match=headers["ETag"])
    assert (status, body, headers["Cache-Control"]) == (304, b"", "no-cache")


@pytest.mark.parametrize("path", ["../conftest.py", "/etc/passwd", "app-ABCDEFGH.js.gz", ""])
def test_only_listed_files_are_served(assets: Assets, path: str) -> None:
    """Nothing but the files known at start can be named."""
    assert ask(assets, path)[0] == 404


def test_other_methods_are_refused(assets: Assets) -> None:
    """Only reading is allowed."""
    assert ask(assets, "seal.svg", "POST")[0] == 405
    assert ask(assets, "seal.svg", "HEAD")[0] == 200
