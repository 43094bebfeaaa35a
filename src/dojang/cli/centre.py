"""What a command needs to be running: options, database, Django, signer, World."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from typing import TYPE_CHECKING, ClassVar

from dojang.cli.supervise import spawn
from dojang.config.faults import DatabaseBehindError
from dojang.config.options import Options, load_options
from dojang.config.postgres import PrivatePostgres, running
from dojang.pki.errors import DojangError

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Sequence

    from dojang.ports.world import World

#: Secrets a data folder has from its first use on.
SECRETS = ("django.key", "field.key", "numbers.key", "vapid.key")
_SIGNER_WAIT = 30.0


class NotStartedError(DojangError):
    """A process did not come up in time; its log says why."""

    code: ClassVar[str] = "not_started"


class DatabaseUnreachableError(DojangError):
    """The database does not answer."""

    code: ClassVar[str] = "database_unreachable"


def prepare_home(options: Options) -> tuple[str, ...]:
    """Make the data folder and the secrets that are missing; return which secrets were made just now."""
    home = options.folder
    home.prepare()
    made = tuple(name for name in SECRETS if not (home.secrets / name).exists())
    for name in SECRETS:
        home.secret(name)
    os.environ["DOJANG_HOME"] = str(home.path)
    return made


def refuse_unsound(options: Options, made: tuple[str, ...], *, ceremony: bool = True) -> None:
    """Refuse to go on with what could not serve (`config.soundness`). Django must be set up.

    A key made just now in the place of a lost one is taken away again: the next start must not find it.
    """
    from dojang.config import wiring
    from dojang.config.soundness import require_sound  # after the set-up

    try:
        require_sound(options, now=wiring.clock_of(options).now() if ceremony else None)
    except DojangError as fault:
        take_back(options, made, [fault])
        raise


def take_back(options: Options, made: tuple[str, ...], faults: Sequence[DojangError]) -> None:
    """Take keys away that were made just now, if the database was sealed with others."""
    if any(fault.code == "key_replaced" for fault in faults):
        for name in made:
            (options.folder.secrets / name).unlink(missing_ok=True)


def setup_django() -> None:
    """Load Django with this process's environment. Idempotent."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dojang.config.settings")
    import django  # commands without a database start quicker

    django.setup()


@contextlib.contextmanager
def database(options: Options | None = None) -> Iterator[Options]:
    """Give a block the database and Django; starts the private server if nobody did."""
    options = options or load_options()
    made = prepare_home(options)
    with contextlib.ExitStack() as stack:
        if not options.database_url:
            stack.enter_context(running(PrivatePostgres(options.folder)))
        setup_django()
        from django.db import OperationalError, ProgrammingError, connections  # after the set-up

        stack.callback(connections.close_all)
        refuse_unsound(options, made, ceremony=False)
        try:
            yield options
        except ProgrammingError as failure:
            raise DatabaseBehindError(str(failure), missing="?") from failure
        except OperationalError as failure:
            raise DatabaseUnreachableError(str(failure)) from failure


@contextlib.contextmanager
def world(options: Options | None = None, *, protective: bool = False) -> Iterator[World]:
    """Give a block database, signer and World; what was not running is stopped afterwards.

    What is `protective` goes on without a signer that cannot be had: revoking and holding never wait for it.
    """
    with database(options) as chosen, contextlib.ExitStack() as stack:
        from dojang.config.wiring import build_world  # after the set-up

        if not signer_answers(chosen):
            process = start_signer(chosen)
            stack.callback(process.wait, 10)
            stack.callback(process.terminate)
            try:
                wait_for_signer(chosen, process)
            except NotStartedError:
                if not protective:
                    raise
        yield build_world(chosen)


def start_signer(options: Options) -> subprocess.Popen[bytes]:
    """Start the signing process of a data folder."""
    return spawn(signer_command(options), log=options.folder.log / "signer.log")


def signer_command(options: Options) -> list[str]:
    """Return the command of the signing process: a program of its own that loads nothing of the rest."""
    home, policy = options.folder, options.build_policy()
    command = [sys.executable, "-m", "dojang.signer", "--home", str(home.path)]
    command += ["--pin-errors", str(policy.wrong_entries.pin.count), "--policy-arc", policy.bank.policy_arc]
    return [*command, "--clock-file", str(home.clock)] if options.sandbox else command


def signer_answers(options: Options) -> bool:
    """Whether the signing process can be asked at this moment."""
    from dojang.config.wiring import open_signer  # a quick start for the rest

    if not options.folder.signer_socket.exists():
        return False
    try:
        with contextlib.closing(open_signer(options, timeout=2.0, patience=0.1)) as signer:
            signer.keys()
    except DojangError:
        return False
    return True


def wait_for_signer(options: Options, process: subprocess.Popen[bytes]) -> None:
    """Wait until the signing process answers. Raises `NotStartedError`."""
    deadline = time.monotonic() + _SIGNER_WAIT
    while not signer_answers(options):
        if process.poll() is not None or time.monotonic() > deadline:
            log = options.folder.log / "signer.log"
            raise NotStartedError("the signer did not start", name="signer", log=str(log), why=last_line(log))
        time.sleep(0.03)


def last_line(log: os.PathLike[str]) -> str:
    """Return the last line of a log, or nothing."""
    try:
        with open(log, "rb") as file:  # noqa: PTH123 - any path-like
            file.seek(max(0, os.fstat(file.fileno()).st_size - 4096))
            lines = file.read().decode("utf-8", "replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1] if lines else ""
