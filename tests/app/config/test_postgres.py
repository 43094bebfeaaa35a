"""The private database server: starting, crashing, refusing. Each test has a server of its own."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from dojang.config.home import Home
from dojang.config.postgres import (
    PostgresError,
    PostgresVersionError,
    PrivatePostgres,
    find_programs,
    running,
    server_account,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def home() -> Iterator[Home]:
    """Return a data folder the server's own user can reach."""
    place = Path(tempfile.mkdtemp(prefix="dojang-pg-"))
    place.chmod(0o755)
    yield Home(place)
    shutil.rmtree(place)


def ask(server: PrivatePostgres, question: str) -> str:
    """Return the one value a question leads to."""
    with psycopg.connect(server.url(), connect_timeout=10) as link:
        row = link.execute(question).fetchone()
    assert row is not None
    return str(row[0])


def test_server_is_private_and_safe(home: Home) -> None:
    """It listens on no network, asks for a password, syncs to disk and speaks UTF-8."""
    with running(PrivatePostgres(home)) as server:
        names = ("listen_addresses", "fsync", "synchronous_commit", "server_encoding", "max_connections")
        assert [ask(server, f"SHOW {name}") for name in names] == ["", "on", "on", "UTF8", "200"]
        assert ask(server, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") == "False"
        assert ask(server, "SELECT '가' < '나'") == "True"
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(server.url().replace(home.secret("db.pass"), "wrong"), connect_timeout=10)
    assert server.pid() is None


def test_a_file_where_the_data_should_be_is_told(home: Home) -> None:
    """Something in the way of the server's folder is refused by its name, and is left as it was."""
    home.prepare()
    home.pg.write_text("mine")
    with pytest.raises(PostgresError) as caught:
        PrivatePostgres(home).start()
    assert str(home.pg) in caught.value.data["why"]
    assert home.pg.read_text() == "mine"


def test_root_never_runs_the_server(home: Home) -> None:
    """As root the server belongs to an unprivileged user; otherwise to ourselves."""
    with running(PrivatePostgres(home, durable=False)) as server:
        assert server.process is not None
        owner = Path(f"/proc/{server.process.pid}").stat().st_uid
    assert owner == server_account().uid
    assert owner != 0


def test_kill_loses_nothing_committed(home: Home) -> None:
    """After kill -9 of the server the next start replays what was committed."""
    server = PrivatePostgres(home)
    server.start()
    with psycopg.connect(server.url()) as link:
        link.execute("CREATE TABLE kept (n int)")
        link.execute("INSERT INTO kept SELECT generate_series(1, 1000)")
    assert server.process is not None
    server.process.kill()
    server.process.wait(10)
    with running(PrivatePostgres(home)) as again:
        assert ask(again, "SELECT count(*) FROM kept") == "1000"


def test_a_pid_given_to_another_program_is_no_obstacle(home: Home) -> None:
    """A pid file left by a crash, whose number another process has now, does not stop the start."""
    with running(PrivatePostgres(home, durable=False)) as server:
        content = (server.data / "postmaster.pid").read_text().splitlines()
    content[0] = str(os.getpid())
    (server.data / "postmaster.pid").write_text("\n".join(content) + "\n")
    with running(PrivatePostgres(home, durable=False)) as again:
        assert ask(again, "SELECT 1") == "1"


def test_a_second_command_joins_the_running_server(home: Home) -> None:
    """A command that finds a server running uses it and leaves it running."""
    with running(PrivatePostgres(home, durable=False)) as server:
        with running(PrivatePostgres(home, durable=False)) as joined:
            assert joined.process is None
            assert joined.pid() == server.pid()
        assert ask(server, "SELECT 1") == "1"


def test_an_interrupted_first_start_is_made_good(home: Home) -> None:
    """A data folder half made by a killed initdb is made anew."""
    server = PrivatePostgres(home, durable=False)
    home.pg.mkdir()
    (server.data / "base").mkdir(parents=True)
    (server.data / "base" / "half").write_text("")
    with running(server):
        assert ask(server, "SELECT 1") == "1"


def test_data_of_another_version_are_refused(home: Home) -> None:
    """Data made by a version no program here has are refused by name, and are not touched."""
    with running(PrivatePostgres(home, durable=False)) as server:
        pass
    (server.data / "PG_VERSION").write_text("9\n")
    with pytest.raises(PostgresVersionError) as caught:
        PrivatePostgres(home, durable=False).start()
    assert caught.value.data["made_by"] == 9
    assert server.pid() is None
    assert (server.data / "base").is_dir()


def test_a_folder_the_server_cannot_enter_is_refused(home: Home) -> None:
    """When the server's user may not reach the folder, the error names user and folder."""
    if os.geteuid() != 0:
        pytest.skip("only root runs the server as somebody else")
    home.path.chmod(0o700)
    with pytest.raises(PostgresError) as caught:
        PrivatePostgres(home, durable=False).start()
    assert server_account().name in caught.value.data["why"]


def test_programs_of_the_wheel_are_copied_when_unreadable(home: Home) -> None:
    """Programs below a folder closed to the server's user are copied to where it can read them."""
    account = server_account()
    for programs in find_programs(account, keep=home.path):
        assert os.access(programs.folder / "postgres", os.X_OK)
        assert programs.major >= 15


def test_stop_is_orderly(home: Home) -> None:
    """Stopping ends open work at once and leaves no pid file."""
    server = PrivatePostgres(home, durable=False)
    server.start()
    link = psycopg.connect(server.url())
    link.execute("SELECT 1")
    server.stop()
    assert not (server.data / "postmaster.pid").exists()
    with pytest.raises(psycopg.OperationalError):
        link.execute("SELECT 1")
    link.close()


def test_losing_the_parent_ends_the_server(home: Home) -> None:
    """When the process that started the server is killed, the server shuts down by itself."""
    import subprocess
    import sys

    from tests.centres import wait_until

    code = (
        "import sys,time;from pathlib import Path;from dojang.config.home import Home;"
        "from dojang.config.postgres import PrivatePostgres;"
        "PrivatePostgres(Home(Path(sys.argv[1]))).start();print('up',flush=True);time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(home.path)], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"up\n"
    server = PrivatePostgres(home, durable=False)
    assert server.pid() is not None
    parent.send_signal(signal.SIGKILL)
    parent.wait(10)
    parent.stdout.close()
    wait_until(lambda: server.pid() is None, "the server to end", patience=30)
