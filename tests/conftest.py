"""What every test may ask for.

* A private PostgreSQL of this test session, in a temporary folder. It starts when the first test needs it.
  `@pytest.mark.django_db` works as usual. With ``transaction=True`` the test's commits are real, and the
  database is made anew from the migrated template afterwards (truncating would break the audit trail's rule).
* `fresh_database`: the address of an own, migrated, empty database, for tests that start processes.
* `signer_home`, `world`, `own_world`, `live`: see their docstrings.

Only loopback and Unix sockets may be opened.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

# The server's user must be able to walk into this folder, which pytest's own temporary folders forbid.
_HOME = Path(tempfile.mkdtemp(prefix="dojang-test-"))
_HOME.chmod(0o755)
for _name in [name for name in os.environ if name.startswith("DOJANG_") and name != "DOJANG_PG_WHEEL_ONLY"]:
    del os.environ[_name]
os.environ["DOJANG_HOME"] = str(_HOME)
os.environ["DJANGO_SETTINGS_MODULE"] = "dojang.config.settings"

from dojang.config.home import Home  # noqa: E402 - the environment comes first
from dojang.config.postgres import ADMIN, PrivatePostgres  # noqa: E402

_SERVER = PrivatePostgres(Home(_HOME), durable=False)
for _name in ("django.key", "field.key", "numbers.key"):
    _SERVER.home.secret(_name)
os.environ["DOJANG_DATABASE_URL"] = _SERVER.url(database="dojang_test")

TEMPLATE = "dojang_template"


def pytest_configure() -> None:
    """Set Django up with the session's own addresses (too early, and it would read the developer's)."""
    import django  # noqa: PLC0415 - after the environment

    django.setup()


def pytest_unconfigure() -> None:
    """Stop the session's server and remove its folder."""
    _SERVER.stop()
    shutil.rmtree(_HOME, ignore_errors=True)


# --- network ---------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True, scope="session")
def _only_loopback() -> Iterator[None]:
    """Refuse every connection that would leave this machine."""
    genuine = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:
        if self.family in {socket.AF_INET, socket.AF_INET6} and address[0] not in {"127.0.0.1", "::1", "localhost"}:
            raise AssertionError(f"a test tried to connect to {address[0]}")
        genuine(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect)
        yield


# --- database --------------------------------------------------------------------------------------------


def _admin(*statements: str) -> None:
    import psycopg  # noqa: PLC0415 - only tests with a database pay for it

    with psycopg.connect(_SERVER.url(role=ADMIN, database="postgres"), autocommit=True) as link:
        for statement in statements:
            link.execute(statement)


def _clone(name: str, template: str = TEMPLATE) -> None:
    _admin(
        f"DROP DATABASE IF EXISTS {name} WITH (FORCE)",
        f"CREATE DATABASE {name} TEMPLATE {template} OWNER dojang STRATEGY file_copy",
    )


@pytest.fixture(scope="session")
def pg() -> PrivatePostgres:
    """Return the session's server, running."""
    if _SERVER.process is None:
        _SERVER.start()
    return _SERVER


@pytest.fixture(scope="session")
def schema(pg: PrivatePostgres, django_db_blocker: Any) -> str:
    """Return the name of a database holding the migrated schema and nothing else: the template of all."""
    from django.core.management import call_command  # noqa: PLC0415 - needs settings
    from django.db import connection  # noqa: PLC0415

    _admin("CREATE DATABASE dojang_template OWNER dojang")
    connection.settings_dict["NAME"] = TEMPLATE
    with django_db_blocker.unblock():
        call_command("migrate", verbosity=0, interactive=False)
        connection.close()
    connection.settings_dict["NAME"] = "dojang_test"
    return TEMPLATE


@pytest.fixture(scope="session")
def django_db_setup(schema: str, django_db_blocker: Any) -> None:
    """Give pytest-django a copy of the template in place of a database it would make itself."""
    from django.db import connections  # noqa: PLC0415
    from django.test import TransactionTestCase  # noqa: PLC0415

    _clone("dojang_test")

    def renew(self: TransactionTestCase) -> None:
        connections.close_all()
        _clone("dojang_test")  # drops the connections other threads still hold

    TransactionTestCase._fixture_teardown = renew  # type: ignore[attr-defined]


@pytest.fixture
def fresh_database(schema: str, pg: PrivatePostgres) -> Iterator[str]:
    """Return the address of a migrated, empty database of this test's own."""
    name = f"dojang_{uuid.uuid4().hex[:12]}"
    _clone(name)
    yield pg.url(database=name)
    _admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
