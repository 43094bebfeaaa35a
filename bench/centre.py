"""A whole centre to be measured, in a passing folder: durable private PostgreSQL, signer, HTTP server."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dojang.config.options import Options
    from dojang.ports.world import World

#: One person's journeys all come from one address here: figures that would stop that are set out of reach.
_FIGURES = ("reissue.per_day", "ars.calls_per_day", "wrong_entries.per_source", "runs.starts_per_source")
_POLICY = "".join(f"policy.{name} = 1000000\n" for name in _FIGURES)
_PATIENCE = 60.0


def free_port() -> int:
    """Return a port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Centre:
    """A running centre. `world` is this process's own way into it."""

    options: Options
    world: World
    admin: str  #: address of the database for its administrator
    signer: subprocess.Popen[bytes]

    def count(self, query: str) -> int:
        """Ask the database for one number."""
        from django.db import connection  # after the set-up

        with connection.cursor() as cursor:
            cursor.execute(query)
            return int(cursor.fetchone()[0])

    @contextlib.contextmanager
    def http(self, *, what: str = "all", workers: int = 1, threads: int = 8) -> Iterator[int]:
        """Serve HTTP as `dojang serve` does; yields the port."""
        port = free_port()
        env = os.environ | {
            "DOJANG_PORT": str(port), "DOJANG_WORKERS": str(workers), "DOJANG_THREADS": str(threads),
            "DOJANG_PUBLIC_URL": self.options.base_url,
        }  # fmt: skip
        role = "http" if what == "all" else what
        command = [sys.executable, "-m", "dojang.cli", "serve", "--role", role]
        place = "/readyz" if what == "all" else "/aia/issuing-1.cer"
        with serving(command, env, port, place, self.options.folder.log / "bench-http.log"):
            yield port


@contextlib.contextmanager
def serving(command: list[str], env: dict[str, str], port: int, place: str, log: Path) -> Iterator[None]:
    """Run a server until the block ends; waits until it answers at `place`."""
    with log.open("ab") as output:
        process = subprocess.Popen(command, env=env, stdout=output, stderr=output, start_new_session=True)
    try:
        deadline = time.monotonic() + _PATIENCE
        while not _answers(port, place):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(log.read_text("utf-8", "replace")[-2000:])
            time.sleep(0.05)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(5)


def _answers(port: int, place: str) -> bool:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        link.request("GET", place)
        return link.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        link.close()


@contextlib.contextmanager
def running(sources: Path) -> Iterator[Centre]:
    """Start a centre in a passing folder, and remove it afterwards. Sets this process's Django up."""
    folder = Path(tempfile.mkdtemp(prefix="dj-bench-"))
    folder.chmod(0o755)  # the database's own user has to walk into it
    for name in [name for name in os.environ if name.startswith("DOJANG_")]:
        del os.environ[name]
    os.environ |= {"DOJANG_HOME": str(folder), "DOJANG_PORT": str(free_port()), "PYTHONPATH": str(sources)}
    (folder / "dojang.toml").write_text(_POLICY)
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        from dojang.cli import centre  # the environment comes first
        from dojang.config.options import load_options
        from dojang.config.postgres import ADMIN, PrivatePostgres

        options = load_options()
        centre.prepare_home(options)
        postgres = PrivatePostgres(options.folder)
        stack.callback(postgres.stop)
        postgres.start()
        centre.setup_django()
        signer = centre.start_signer(options)
        stack.callback(signer.wait, 20)
        stack.callback(signer.terminate)
        world = _prepare(options, signer)
        stack.callback(_close, world)
        yield Centre(options, world, postgres.url(role=ADMIN), signer)


def _prepare(options: Options, signer: subprocess.Popen[bytes]) -> World:
    from django.core.management import call_command  # after the set-up

    from dojang.cli import centre
    from dojang.config import wiring
    from dojang.ports.acting import Acting

    call_command("migrate", verbosity=0, interactive=False)
    centre.wait_for_signer(options, signer)
    world = wiring.build_world(options)
    wiring.perform_ceremony(acting=Acting(kind="system", id="bench"), world=world)
    return world


def own_world() -> Any:
    """Build the World of a forked process: its own connections."""
    from dojang.config import wiring  # after the set-up
    from dojang.config.options import load_options

    return wiring.build_world(load_options())


def _close(world: World) -> None:
    from django.db import connections  # after the set-up

    from dojang.config import wiring

    wiring.close_world(world)
    connections.close_all()
