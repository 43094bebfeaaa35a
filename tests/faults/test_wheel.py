"""The wheel, installed somewhere by itself: it holds everything, and a centre runs from it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.centres import running_centre

if TYPE_CHECKING:
    from tests.centres import Centre

pytestmark = [pytest.mark.live, pytest.mark.faults]

ROOT = Path(__file__).resolve().parents[2]
_ASSET = re.compile(rb'(?:href|src)="(/static/[^"]+|/[a-z-]+\.(?:svg|png|ico|webmanifest))"')


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel and install it alone into a folder."""
    place = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(place / "made")]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=120)
    [wheel] = (place / "made").glob("*.whl")
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--no-deps",
        "--no-index",
        "--target",
        str(place / "site"),
    ]
    subprocess.run([*install, str(wheel)], check=True, capture_output=True, timeout=120)
    return place / "site"


def test_the_wheel_holds_every_file_of_the_package(installed: Path) -> None:
    """Whatever lies in the sources' package, built assets included, is in the wheel, and nothing else."""

    def files(folder: Path) -> set[str]:
        found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
        return {str(path) for path in found if "__pycache__" not in path.parts and path.name != ".stamp"}

    assert files(installed / "dojang") == files(ROOT / "src" / "dojang")


def test_a_centre_runs_from_the_wheel(installed: Path) -> None:
    """A centre started from the wheel serves its pages with every style, script and picture they name."""
    with running_centre(sources=str(installed)) as centre:
        where = subprocess.run(
            [sys.executable, "-c", "import dojang; print(dojang.__file__)"],
            env=centre.env, cwd="/", check=True, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert where.stdout.startswith(str(installed))
        named = {asset for path in ("/", "/financial/", "/sandbox/") for asset in _named(centre, path)}
        assert any(asset.endswith(".css") for asset in named)
        assert any(asset.endswith(".js") for asset in named)
        assert {asset: centre.request("GET", asset)[0] for asset in named} == dict.fromkeys(named, 200)


def _named(centre: Centre, path: str) -> list[str]:
    body = centre.request("GET", path)[1]
    return [found.decode() for found in _ASSET.findall(body)] if isinstance(body, bytes) else []
