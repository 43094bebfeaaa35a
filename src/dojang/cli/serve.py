"""`dojang serve`: one process of one role, to be run N times behind a proxy, or all roles at once."""

from __future__ import annotations

import os
from enum import StrEnum
from typing import Annotated

import typer

from dojang.cli import centre
from dojang.config.options import Options, load_options
from dojang.config.processes import follow_parent


class Role(StrEnum):
    """What a process does. `http` answers web, api and va together."""

    WEB = "web"
    API = "api"
    VA = "va"
    HTTP = "http"
    SIGNER = "signer"
    WORKER = "worker"
    ALL = "all"


def serve(role: Annotated[Role, typer.Option(help="What this process does.")] = Role.ALL) -> None:
    """Run one role until told to stop. The database must be there (DOJANG_DATABASE_URL or `dojang up`)."""
    follow_parent()
    options = load_options()
    centre.prepare_home(options)
    if role is Role.SIGNER:
        _signer(options)
    elif role is Role.WORKER:
        _worker()
    elif role is Role.ALL:
        from dojang.cli.up import run_centre  # up imports this module's roles

        raise typer.Exit(run_centre(options, demonstrate=False))
    else:
        _http(options, "all" if role is Role.HTTP else role.value)


def _signer(options: Options) -> None:
    """Become the signing process, so that it holds nothing of this program's."""
    command = centre.signer_command(options)
    os.execv(command[0], command)  # noqa: S606 - no shell is what we want


def _worker() -> None:
    centre.setup_django()
    from dojang.config import worker  # registers its tasks, after Django's set-up

    worker.run()


def _http(options: Options, what: str) -> None:
    """Serve HTTP with Granian: one worker process with threads; a dead one is replaced at once."""
    from granian import Granian  # only this role needs it
    from granian.constants import Interfaces
    from granian.log import LogLevels

    os.environ["DOJANG_SERVE"] = what
    Granian(
        "dojang.config.wsgi:application",
        address=options.host,
        port=options.port,
        interface=Interfaces.WSGI,
        workers=options.workers,
        blocking_threads=options.threads,
        websockets=False,
        backlog=1024,
        respawn_failed_workers=True,
        respawn_interval=0.1,
        workers_kill_timeout=10,
        log_level=LogLevels.warning,
    ).serve()
