"""A centre of processes that may be killed."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.country import Country


@pytest.fixture
def country(django_db_blocker: Any) -> Iterator[Country]:
    """Return a centre with sixty customers, on a database and a signer of its own."""
    from django.db import connection  # all three need Django's set-up, which follows the conftests
    from tests.faults.country import Country

    from dojang.config.home import Home

    former = dict(connection.settings_dict)
    place = Path(tempfile.mkdtemp(prefix="dojang-faults-"))
    place.chmod(0o755)  # the database's own user has to walk through
    country = Country(Home(place))
    with django_db_blocker.unblock():
        try:
            country.start(people=60)
            yield country
        finally:
            country.stop()
            connection.settings_dict.clear()
            connection.settings_dict.update(former)
