"""Worlds and centres for tests: a real signing process behind an in-process World, or a whole `dojang up`."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.places import place_for_data

from dojang.ports.signer_wire import socket_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from procrastinate.contrib.django.models import ProcrastinateJob

    from dojang.config.home import Home
    from dojang.ports.world import World

_SOURCES = str(Path(__file__).resolve().parent.parent / "src")
#: Seconds a process may take to come up on a busy machine.
PATIENCE = 90.0
#: Settings of a centre whose journeys begin at any hour.
ANY_HOUR = "[policy.service_hours.products]\njoint-reissue = '00:00-00:00'\n"
#: The signer's key stretching, cheap, so that a test takes milliseconds.
CHEAP_PINS = ("--pin-memory-kib", "8", "--pin-passes", "1")


def wait_until(met: Callable[[], bool], what: str, *, patience: float = PATIENCE) -> None:
    """Ask again and again until a condition is met; fail with `what` was awaited."""
    deadline = time.monotonic() + patience
    while not met():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {patience:.0f} s for {what}")
        time.sleep(0.02)


def free_port() -> int:
    """Return a port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class SignerProcess:
    """A signing process on a data folder of its own (`home.path`), with the movable clock."""

    home: Home
    authorities: int = 0  #: how many it was prepared with
    process: subprocess.Popen[bytes] | None = None
    packages: tuple[Path, ...] = ()  #: folders that hold packages installed besides

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        path = os.pathsep.join((_SOURCES, *map(str, self.packages)))
        log = (self.home.path / "signer.log").open("ab")
        with log:
            self.process = subprocess.Popen(
                [
                    sys.executable, "-m", "dojang.signer", "--home", str(self.home.path),
                    "--clock-file", str(self.home.clock), *CHEAP_PINS,
                ],
                stdout=log, stderr=log, env={**os.environ, "PYTHONPATH": path},
            )  # fmt: skip
        wait_until(self.answers, "the signer")

    def answers(self) -> bool:
        """Whether it takes connections."""
        assert self.process is not None
        assert self.process.poll() is None, (self.home.path / "signer.log").read_text()
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(socket_path(self.home.path)))
            except OSError:
                return False
        return True

    def kill(self) -> None:
        """End it without warning (SIGKILL)."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> None:
        """End it in order."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)

    def is_as_new(self) -> bool:
        """Whether the next test may have it: alive, clock never moved, no authority added, never halted."""
        from dojang.adapters.signer_client import SocketSigner  # most tests do without
        from dojang.audit.queries import journal_entries

        alive = self.process is not None and self.process.poll() is None
        if not alive or self.home.clock.exists():
            return False
        with contextlib.closing(SocketSigner(socket_path(self.home.path), timeout=5.0)) as signer:
            verbs = [entry.verb for entry in journal_entries(signer)]
        return "halt" not in verbs and verbs.count("install_certificate") == self.authorities


def carry_out(row: ProcrastinateJob, world: World) -> None:
    """Run one queued job in this process, as the worker does, and mark it done."""
    from django.db import connection  # needs settings
    from procrastinate import JobContext
    from procrastinate.contrib.django import app
    from procrastinate.jobs import Job

    job = Job(
        id=row.id, queue=row.queue_name, lock=row.lock, queueing_lock=row.queueing_lock,
        task_name=row.task_name, task_kwargs=row.args,
    )  # fmt: skip
    task = app.tasks[row.task_name]
    context = JobContext(
        app=app,
        job=job,
        start_timestamp=0.0,
        abort_reason=lambda: None,
        additional_context={"world": world},
    )
    arguments = (context,) if task.pass_context else ()
    task.func(*arguments, **row.args)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET status = 'succeeded' WHERE id = %s", [row.id])


@dataclass
class Centre:
    """A whole centre, started by `dojang up` in a folder of its own."""

    home: Path
    port: int
    env: dict[str, str]
    process: subprocess.Popen[bytes] | None = None
    token: str = ""
    _log: Path = field(init=False)

    def __post_init__(self) -> None:
        self._log = self.home / "up.log"

    @property
    def url(self) -> str:
        """Base address, without a trailing slash."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it is ready."""
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "dojang.cli", "up", "--no-first"],
                stdout=log, stderr=log, env=self.env, start_new_session=True,
            )  # fmt: skip
        wait_until(lambda: self.is_ready() and self._works(), "the centre to be ready")

    def _works(self) -> bool:
        """Whether the HTTP process is this start's own, and its worker has begun."""
        try:
            works = self.request("GET", "/readyz")[1]["worker"]
        except (OSError, http.client.HTTPException):
            return False
        return bool(works) and bool(self.pids().get("http"))

    def is_ready(self) -> bool:
        """Whether database and signer answer through it."""
        assert self.process is not None
        assert self.process.poll() is None, self.log()
        try:
            return self.request("GET", "/readyz")[0] == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False

    def request(
        self, method: str, path: str, body: Any = None, *, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        """Send one request; return status and answer (parsed when it is JSON, else bytes)."""
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            sent = dict(headers or {})
            data = None
            if body is not None:
                data = json.dumps(body).encode()
                sent.setdefault("Content-Type", "application/json")
            link.request(method, path, body=data, headers=sent)
            answer = link.getresponse()
            content = answer.read()
        finally:
            link.close()
        is_json = "json" in (answer.getheader("Content-Type") or "")
        return answer.status, json.loads(content) if is_json else content

    def dojang(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a `dojang` command against this centre."""
        return subprocess.run(
            [sys.executable, "-m", "dojang.cli", *arguments],
            capture_output=True, text=True, timeout=120, check=False, env=self.env,
        )  # fmt: skip

    def pids(self) -> dict[str, list[int]]:
        """Return the pids of its processes by name: up, postgres, signer, http, worker."""
        assert self.process is not None
        found: dict[str, list[int]] = {"up": [self.process.pid]}
        for child in _descendants(self.process.pid):
            line = _command(child)
            for name, sign in _SIGNS.items():
                if sign in line:
                    found.setdefault(name, []).append(child)
                    break
        return found

    def stop(self) -> None:
        """End it in order (SIGTERM)."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)

    def kill(self) -> None:
        """End the supervisor without warning; the kernel tells its children."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def log(self) -> str:
        """Return what the supervisor said so far."""
        return self._log.read_text("utf-8", "replace") if self._log.exists() else ""


_SIGNS = {
    "postgres": "/postgres ",
    "signer": "dojang.signer",
    "worker": "--role worker",
    "http": "--role http",
}


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return ""


def _descendants(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for place in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            parent = int(place.read_text("utf-8", "replace").rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(place.parent.name))
    found, waiting = [], [pid]
    while waiting:
        for child in children.get(waiting.pop(), ()):
            found.append(child)
            waiting.append(child)
    return found


def make_centre(database_url: str = "", sources: str = _SOURCES, **settings: str) -> Centre:
    """Prepare a centre in a new folder and on a free port; `settings` are further DOJANG_… variables.

    `sources` is where the package is imported from.
    """
    home = Path(tempfile.mkdtemp(prefix="dojang-centre-", dir=place_for_data()))
    home.chmod(0o755)  # the database's own user has to walk through
    (home / "dojang.toml").write_text(ANY_HOUR, "utf-8")
    port = free_port()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DOJANG_", "DJANGO_"))}
    env = {
        **kept,
        "DOJANG_HOME": str(home),
        "DOJANG_PORT": str(port),
        "PYTHONPATH": sources,
        "NO_COLOR": "1",
        "LC_ALL": "C.UTF-8",
        **({"DOJANG_DATABASE_URL": database_url} if database_url else {}),
        **{f"DOJANG_{name.upper()}": value for name, value in settings.items()},
    }
    return Centre(home, port, env)


def discard(centre: Centre) -> None:
    """Stop a centre and remove its folder."""
    try:
        centre.stop()
    finally:
        shutil.rmtree(centre.home, ignore_errors=True)


@contextlib.contextmanager
def running_centre(**settings: str) -> Iterator[Centre]:
    """Run a centre of one's own until the block ends: settings as `make_centre` takes them."""
    centre = make_centre(**settings)
    try:
        centre.start()
        yield centre
    finally:
        discard(centre)
