"""Each test of the site begins in the site's own language, whatever the one before it spoke."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.utils import translation

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _own_language() -> Iterator[None]:
    """Forget the language a request has left in this thread."""
    yield
    translation.deactivate()
