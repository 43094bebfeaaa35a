"""What the tests of the device's modules may ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.browser.conftest import base_url, browser_context_args, browser_type_launch_args
from tests.device.bridge import Device, bundle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["base_url", "browser_context_args", "browser_type_launch_args"]  # the same browser as elsewhere


@pytest.fixture(scope="session")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bundle the device's modules once."""
    return bundle(tmp_path_factory.mktemp("device"))


@pytest.fixture
def handset(bundled: Path) -> Iterator[Device]:
    """Return a fresh device, run by Node."""
    one = Device(bundled)
    yield one
    one.close()
