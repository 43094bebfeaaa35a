"""`dojang up`: the whole centre on one machine, in order, watched, and stopped cleanly.

Order: database → schema → signer → key ceremony (first start) → HTTP → worker. What is ready is found by
asking, never by waiting a fixed time. Every step is told with the time it took.
"""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from dojang.cli import centre
from dojang.cli.output import Output, explain, say
from dojang.cli.supervise import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
    Child,
    Supervisor,
    Told,
    dojang,
    spawn,
    until_told,
)
from dojang.config.listeners import claim_port
from dojang.config.options import Options, load_options
from dojang.config.postgres import PostgresError, PrivatePostgres
from dojang.config.wiring import require_adapters
from dojang.pki.errors import DojangError
from dojang.ports.acting import Acting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_READY_WAIT = 60.0
_LOOK_EVERY = 0.1
ACTING = Acting(kind="system", id="dojang up", channel="cli")


class AlreadyRunningError(DojangError):
    """Another `dojang up` works in the same data folder."""

    code: ClassVar[str] = "already_running"


def up(
    *,
    first: Annotated[bool, typer.Option(help="Issue a first certificate as a member of the cast.")] = True,
) -> None:
    """Start everything on this machine: database, signer, web, worker; then issue a first certificate."""
    options = load_options()
    raise typer.Exit(run_centre(options, demonstrate=first and options.sandbox))


def run_centre(options: Options, *, demonstrate: bool) -> int:
    """Run the centre until a signal ends it. Return the exit code of the demonstration, or 0."""
    require_adapters(options)
    made = centre.prepare_home(options)
    with contextlib.ExitStack() as stack:
        stack.enter_context(_only_one(options))
        claim_port(options)
        run = Running(options, made)
        stack.callback(run.stop)
        stack.enter_context(until_told())
        try:
            run.start()
            code = run.demonstrate() if demonstrate else 0
            if options.run_once:
                return code
            run.show_addresses()
            run.watch()
        except Told:
            run.tell(say("up.stopping"))
    return 0


class Running:
    """The processes of one centre."""

    def __init__(self, options: Options, made: tuple[str, ...] = ()) -> None:
        self.options = options
        self._made = made  #: secrets that were not there before this start
        self.postgres = None if options.database_url else PrivatePostgres(options.folder)
        self.supervisor = Supervisor(told=self._restarted)
        self.out = Output()
        self._postgres_at = 0.0
        self._postgres_pause = FIRST_PAUSE

    def tell(self, sentence: str) -> None:
        """Say something meanwhile."""
        self.out.aside.print(sentence)

    def start(self) -> None:
        """Start everything in order. Raises `DojangError` with the reason when something does not come up."""
        began = time.monotonic()
        self.tell(f"[bold]{say('up.starting', home=self.options.folder.path)}[/]")
        if self.postgres is not None:
            with self._step("database"):
                self._start_postgres()
        signer = self._child("signer", lambda: centre.start_signer(self.options))
        with self._step("schema"):
            migrate()
            centre.refuse_unsound(self.options, self._made, ceremony=False)
        with self._step("signer"):
            assert signer.process is not None
            centre.wait_for_signer(self.options, signer.process)
        with self._step("authorities"):
            self._ceremony()
        http_child = self._child("http", self._role("http"))
        self._child("worker", self._role("worker"))
        with self._step("http"):
            self._wait_ready(http_child)
        self.tell(f"[bold green]{say('up.ready', seconds=f'{time.monotonic() - began:.1f}')}[/]\n")

    def demonstrate(self) -> int:
        """Run `dojang first` and return its exit code, watching the others meanwhile."""
        process = subprocess.Popen(dojang("first"), env={**os.environ, "DOJANG_WITHIN_UP": "1"})  # noqa: S603
        try:
            while process.poll() is None:
                self._look()
                time.sleep(_LOOK_EVERY)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(5)
        return process.returncode

    def show_addresses(self) -> None:
        """Print where everything is."""
        base = self.options.base_url
        places = [
            ("centre", "/"),
            ("api", "/api/v1/docs"),
            ("sandbox", "/sandbox/"),
            ("mine", "/me/certificates/"),
        ]
        rows = [
            (say(f"place.{name}"), base + path)
            for name, path in places
            if name != "sandbox" or self.options.sandbox
        ]
        rows.append((say("place.home"), str(self.options.folder.path)))
        rows.append((say("place.command"), str(Path(sys.executable).parent / "dojang")))
        self.out.aside.print(self.out.table(["", ""], rows))
        self.tell(say("up.stop_with"))

    def watch(self) -> None:
        """Keep everything running until a signal comes."""
        while True:
            self._look()
            time.sleep(_LOOK_EVERY)

    def stop(self) -> None:
        """Stop everything, the database last."""
        self.supervisor.stop()
        if self.postgres is not None:
            self.postgres.stop()

    # --- inside ------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _step(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.tell(f"  [green]✓[/] {say(f'up.step.{name}')}  [dim]{time.monotonic() - began:.1f} s[/]")

    def _child(self, name: str, start: Callable[[], subprocess.Popen[bytes]]) -> Child:
        return self.supervisor.add(Child(name, start))

    def _role(self, role: str) -> Callable[[], subprocess.Popen[bytes]]:
        log = self.options.folder.log / f"{role}.log"
        return lambda: spawn(dojang("serve", "--role", role), log=log)

    def _start_postgres(self) -> None:
        assert self.postgres is not None
        if self.postgres.pid() is not None:
            # We hold the folder's lock, so this server was left by a supervisor that was killed.
            self.postgres.stop()
        self.postgres.start()

    def _ceremony(self) -> None:
        """Make the authorities at the first start; later starts find them."""
        from django.db import connections  # after Django's set-up

        from dojang.config import wiring

        world = wiring.build_world(self.options)
        try:
            wiring.perform_ceremony(acting=ACTING, world=world)
            if self.options.sandbox:
                from dojang.config.staging import stage_certificates

                stage_certificates(acting=ACTING, world=world)
        finally:
            wiring.close_world(world)
            connections.close_all()

    def _wait_ready(self, child: Child) -> None:
        deadline = time.monotonic() + _READY_WAIT
        log = self.options.folder.log / "http.log"
        while not is_ready(self.options):
            if time.monotonic() > deadline or child.failures >= 3:  # noqa: PLR2004 - then it will not come
                raise centre.NotStartedError(
                    "the web server did not start", name="http", log=str(log), why=centre.last_line(log)
                )
            self._look()
            time.sleep(0.05)

    def _look(self) -> None:
        if self.postgres is not None:
            self._look_at_postgres(self.postgres)
        self.supervisor.look()

    def _look_at_postgres(self, server: PrivatePostgres) -> None:
        """Start a server that ended; one that will not start is tried again, slower and slower."""
        if server.process is not None and server.process.poll() is not None:
            self._restarted("postgres", server.process.returncode, 0.0)
            server.process = None
        if server.process is not None or time.monotonic() < self._postgres_at:
            return
        try:
            server.start()
            self._postgres_pause = FIRST_PAUSE
        except PostgresError as failure:
            self._postgres_pause = min(LONGEST_PAUSE, self._postgres_pause * 2)
            self._postgres_at = time.monotonic() + self._postgres_pause
            self.tell(f"[yellow]{explain(failure)[0]}[/]")

    def _restarted(self, name: str, code: int, pause: float) -> None:
        self.tell(f"[yellow]{say('up.restarted', name=name, code=code, seconds=f'{pause:.1f}')}[/]")


def is_ready(options: Options) -> bool:
    """Ask the centre itself whether database and signer answer."""
    return bool((ask_condition(options) or {}).get("ready"))


def ask_condition(options: Options) -> dict[str, bool] | None:
    """Ask the running centre how it is, part by part; None when it does not answer."""
    host = "127.0.0.1" if options.host in {"0.0.0.0", "::"} else options.host  # noqa: S104 - a comparison
    link = http.client.HTTPConnection(host, options.port, timeout=5)
    try:
        link.request("GET", "/readyz")
        told = json.loads(link.getresponse().read())
    except (OSError, ValueError, http.client.HTTPException):
        return None
    finally:
        link.close()
    return told if isinstance(told, dict) else None


def migrate() -> None:
    """Bring the tables up to date. Raises `DatabaseUnreachableError`."""
    centre.setup_django()
    from django.core.management import call_command  # after the set-up
    from django.db import OperationalError, connections

    try:
        call_command("migrate", verbosity=0, interactive=False)
    except OperationalError as failure:
        raise centre.DatabaseUnreachableError(str(failure)) from failure
    finally:
        connections.close_all()


@contextlib.contextmanager
def _only_one(options: Options) -> Iterator[None]:
    """Hold the data folder for one `dojang up` at a time. The kernel frees the lock if we are killed."""
    with (options.folder.run / "up.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            pid = lock.read().strip() or "?"
            raise AlreadyRunningError("already running", home=str(options.folder.path), pid=pid) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield
