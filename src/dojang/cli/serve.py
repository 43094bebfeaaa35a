"""`dojang serve`: one process of one role, to be run N times behind a proxy, or all roles at once."""

from __future__ import annotations

import logging
import os
import time
from enum import StrEnum
from functools import partial
from typing import Annotated

import typer

from dojang.cli import centre
from dojang.cli.supervise import Child, Supervisor, Told, dojang, spawn, until_told
from dojang.config.listeners import claim_port
from dojang.config.options import Options, load_options
from dojang.config.processes import follow_parent, supervisor

#: Set in the environment of HTTP processes that share their port with brothers under one watcher.
_SHARING = "DOJANG_SHARING"
_LOOK_EVERY = 0.1


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
    made = centre.prepare_home(options)
    if role is Role.SIGNER:
        _signer(options)
    elif role is Role.WORKER:
        centre.setup_django()
        centre.refuse_unsound(options, made)
        _worker()
    elif role is Role.ALL:
        from dojang.cli.up import run_centre  # up imports this module's roles

        raise typer.Exit(run_centre(options, demonstrate=False))
    else:
        # Brothers under one watcher: it has asked. Status alone needs neither outside nor sealed fields.
        if role is not Role.VA and os.environ.get(_SHARING) != "1":
            centre.setup_django()
            centre.refuse_unsound(options, made)
        _http(options, "all" if role is Role.HTTP else role.value)


def _signer(options: Options) -> None:
    """Become the signing process, so that it holds nothing of this program's."""
    command = centre.signer_command(options)
    os.execv(command[0], command)  # noqa: S606 - no shell is what we want


def _worker() -> None:
    from dojang.config import worker  # registers its tasks, after Django's set-up

    worker.run()


def _http(options: Options, what: str) -> None:
    """Serve HTTP, in this process when somebody watches over it, else in processes that we watch over."""
    os.environ["DOJANG_SERVE"] = what
    shares = os.environ.get(_SHARING) == "1"
    if not shares:
        for pid in claim_port(options):
            logging.getLogger(__name__).warning("process %d of an earlier start still listened; ended", pid)
    if shares or (options.workers == 1 and supervisor() is not None):
        from dojang.config import server  # only this role needs it

        server.serve(load_options())
    _watch_over(options.workers, dojang("serve", "--role", "http" if what == "all" else what))


def _watch_over(workers: int, command: list[str]) -> None:
    """Keep so many processes of a command running, which share one port; a dead one is replaced at once."""

    def told(name: str, code: int, pause: float) -> None:
        logging.getLogger(__name__).warning("%s ended with %d, again in %.1f s", name, code, pause)

    watcher = Supervisor(told)
    with until_told():
        try:
            for number in range(workers):
                name = f"{command[-1]}-{number + 1}"
                watcher.add(Child(name, partial(spawn, command, log=None, env={_SHARING: "1"})))
            while True:
                watcher.look()
                time.sleep(_LOOK_EVERY)
        except Told:
            watcher.stop()
