"""The device's modules by themselves: types, and the tests written beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.device.bridge import FRONTEND, ROOT, node, run

if TYPE_CHECKING:
    from pathlib import Path


def test_types() -> None:
    """The compiler finds nothing in any module of the front end."""
    run([node(), str(FRONTEND / "node_modules" / "typescript" / "bin" / "tsc"), "--noEmit"])


def test_the_tests_of_the_modules(bundled: Path) -> None:
    """Vectors, rules, damage: what needs no other program than Node."""
    told = run(
        [node(), "--test", "tests/device.test.mjs"],
        DEVICE=str(bundled),
        VECTORS=str(ROOT / "tests" / "vectors" / "npki.json"),
    )
    assert "# fail 0" in told.replace("\u2139", "#")
    assert "# pass 18" in told.replace("\u2139", "#")
