"""The data folder."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dojang.config.home import Home, HomeError, own_folder


def test_secrets_are_private_and_stay(tmp_path: Path) -> None:
    """A secret is made once, only its owner may read it, and a second reader gets the same."""
    home = Home(tmp_path / "home")
    first = home.secret("field.key")
    assert len(bytes.fromhex(first)) == 32
    assert home.secret("field.key") == first
    assert stat.S_IMODE((home.secrets / "field.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(home.secrets.stat().st_mode) == 0o700


def test_parallel_first_uses_agree(tmp_path: Path) -> None:
    """Twenty first users at once get one and the same secret, and nothing else is left behind."""
    home = Home(tmp_path / "home")
    home.prepare()
    with ThreadPoolExecutor(20) as pool:
        got = set(pool.map(lambda _: home.secret("x.key"), range(20)))
    assert len(got) == 1
    assert [item.name for item in home.secrets.iterdir()] == ["x.key"]


def test_an_impossible_folder_is_refused(tmp_path: Path) -> None:
    """A data folder below a file is refused with its path."""
    (tmp_path / "file").write_text("")
    with pytest.raises(HomeError) as caught:
        Home(tmp_path / "file" / "home").prepare()
    assert caught.value.data["path"].startswith(str(tmp_path))


def test_long_paths_get_a_short_socket_folder(tmp_path: Path) -> None:
    """A path too long for a socket is replaced by a short one that follows from it."""
    deep = Home(tmp_path / ("x" * 60) / ("y" * 60))
    assert len(os.fsencode(deep.signer_socket)) < 100
    assert deep.signer_socket == Home(deep.path).signer_socket
    assert Home(Path("/srv/d")).signer_socket == Path("/srv/d/signer/signer.sock")


def test_a_prepared_link_is_not_trusted(tmp_path: Path) -> None:
    """A folder that is a link somebody else laid is refused, and its target is not touched."""
    target = tmp_path / "target"
    target.mkdir(mode=0o755)
    (tmp_path / "link").symlink_to(target)
    with pytest.raises(HomeError):
        own_folder(tmp_path / "link", uid=os.geteuid(), gid=os.getegid())
    assert stat.S_IMODE(target.stat().st_mode) == 0o755
