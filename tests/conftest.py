"""What every test may ask for.

* A private PostgreSQL of this test session, in a temporary folder. It starts when the first test needs it.
  `@pytest.mark.django_db` works as usual. With ``transaction=True`` the test's commits are real, and the
  database is made anew from the migrated template afterwards (truncating would break the audit trail's rule).
* `fresh_database`: the address of an own, migrated, empty database, for tests that start processes.
* `world`: a sandbox World in this process with authorities, a fresh cast and a real signing process (whose
  process is `signer_process`). Commits are real; the database is made anew afterwards.
* `run_jobs`: runs what the World's actions put in the queue.
* `start_centre`: starts a whole centre as `dojang up` does; `live` is one that the session's tests share.

Only loopback and Unix sockets may be opened.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.places import place_for_data

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.push_services import LoopbackService

    from dojang.ports.world import World

# The server's user must be able to walk into this folder, which pytest's own temporary folders forbid.
_HOME = Path(tempfile.mkdtemp(prefix="dojang-test-", dir=place_for_data()))
_HOME.chmod(0o755)
for _name in [name for name in os.environ if name.startswith("DOJANG_") and name != "DOJANG_PG_WHEEL_ONLY"]:
    del os.environ[_name]
os.environ["DOJANG_HOME"] = str(_HOME)
os.environ["DJANGO_SETTINGS_MODULE"] = "dojang.config.settings"

from tests.centres import ANY_HOUR, Centre, SignerProcess, carry_out, running_centre  # noqa: E402

from dojang.config.home import Home  # noqa: E402 - the environment comes first
from dojang.config.postgres import ADMIN, PrivatePostgres  # noqa: E402

(_HOME / "dojang.toml").write_text(ANY_HOUR, "utf-8")
_SERVER = PrivatePostgres(Home(_HOME), durable=False)
for _name in ("django.key", "field.key", "numbers.key"):
    _SERVER.home.secret(_name)
os.environ["DOJANG_DATABASE_URL"] = _SERVER.url(database="dojang_test")

TEMPLATE = "dojang_template"


def pytest_configure() -> None:
    """Set Django up with the session's own addresses (too early, and it would read the developer's)."""
    import django  # after the environment

    django.setup()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what asks for a World, so that the quick part can leave it out."""
    for item in items:
        if "world" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.world)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Let workers choose their own addresses: with these in the environment they would take ours."""
    for name in ("DJANGO_SETTINGS_MODULE", "DOJANG_DATABASE_URL", "DOJANG_HOME"):
        os.environ.pop(name, None)


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
        if self.family in {socket.AF_INET, socket.AF_INET6} and address[0] not in {
            "127.0.0.1",
            "::1",
            "localhost",
        }:
            raise AssertionError(f"a test tried to connect to {address[0]}")
        genuine(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect)
        yield


# --- database --------------------------------------------------------------------------------------------


def _admin(*statements: str) -> None:
    import psycopg  # only tests with a database pay for it

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
    from django.core.management import call_command  # needs settings
    from django.db import connection

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
    from django.db import connections
    from django.test import TransactionTestCase

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


# --- worlds and centres ----------------------------------------------------------------------------------

AUTHORITIES = "dojang_authorities"


@pytest.fixture(scope="session")
def authorities(schema: str, pg: PrivatePostgres, django_db_blocker: Any) -> Path:
    """Hold one key ceremony for the session; return the signer folder to copy. The database is a template."""
    from django.db import connection

    from dojang.config import wiring
    from dojang.config.options import load_options
    from dojang.ports.acting import Acting

    home = Home(_HOME / "signer-template")
    home.prepare()
    signer = SignerProcess(home)
    signer.start()
    _clone(AUTHORITIES)
    connection.close()
    connection.settings_dict["NAME"] = AUTHORITIES
    world = wiring.build_world(load_options(home=home.path, database_url=pg.url(database=AUTHORITIES)))
    try:
        with django_db_blocker.unblock():
            wiring.perform_ceremony(acting=Acting(kind="system", id="tests"), world=world)
            connection.close()
    finally:
        connection.settings_dict["NAME"] = "dojang_test"
        wiring.close_world(world)
        signer.stop()
    return home.path


@pytest.fixture(scope="session")
def _idle_signers(authorities: Path) -> Iterator[list[SignerProcess]]:
    idle: list[SignerProcess] = []
    yield idle
    for signer in idle:
        signer.stop()


@pytest.fixture
def signer_process(authorities: Path, _idle_signers: list[SignerProcess]) -> Iterator[SignerProcess]:
    """Return the signing process behind `world`. A test may kill it and start it again."""
    if _idle_signers:
        signer = _idle_signers.pop()
    else:
        place = _HOME / f"signer-{uuid.uuid4().hex[:8]}"
        shutil.copytree(authorities, place, ignore=shutil.ignore_patterns("*.sock", "lock"))
        signer = SignerProcess(Home(place), authorities=3)
        signer.start()
    yield signer
    if signer.is_as_new():
        _idle_signers.append(signer)
    else:
        signer.stop()
        shutil.rmtree(signer.home.path, ignore_errors=True)


@pytest.fixture
def world(transactional_db: None, signer_process: SignerProcess, pg: PrivatePostgres) -> Iterator[World]:
    """Return a World of the sandbox: authorities made, cast fresh, clock movable (`world.clock.advance`)."""
    from django.db import connections

    from dojang.config import wiring
    from dojang.config.options import load_options

    connections.close_all()
    _clone("dojang_test", AUTHORITIES)
    options = load_options(home=signer_process.home.path, database_url=pg.url(database="dojang_test"))
    built = wiring.build_world(options)
    former = wiring.set_world(built)
    yield built
    wiring.set_world(former)
    wiring.close_world(built)


@pytest.fixture
def run_jobs(world: World) -> Callable[[], int]:
    """Return a function that runs all jobs due now, in order, until none is left; it returns how many."""

    def run() -> int:
        from procrastinate.contrib.django.models import ProcrastinateJob

        done = 0
        while (row := ProcrastinateJob.objects.filter(status="todo").order_by("id").first()) is not None:
            carry_out(row, world)
            done += 1
        return done

    return run


@pytest.fixture
def start_centre() -> Iterator[Callable[..., Centre]]:
    """Return a function that starts a centre of this test's own: settings as keywords, see `make_centre`."""
    with contextlib.ExitStack() as started:
        yield lambda **settings: started.enter_context(running_centre(**settings))


@pytest.fixture(scope="session")
def push_peer() -> Iterator[LoopbackService]:
    """Return the push service that `live` may call. It knows no browser until a test subscribes one."""
    from tests.push_services import push_service

    place = _HOME / "push"
    place.mkdir()
    with push_service(place) as made:
        yield made


@pytest.fixture(scope="session")
def live(push_peer: LoopbackService) -> Iterator[Centre]:
    """Return a running centre, shared by the session's tests: leave it as usable as you found it."""
    services = f'["{push_peer.host}"]'
    with running_centre(push_services=services, push_trust=str(push_peer.authority)) as centre:
        yield centre
