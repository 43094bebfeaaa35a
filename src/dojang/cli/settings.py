"""`dojang config` and `dojang db`: what would stop a start, found beforehand; the tables, brought up."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import typer

from dojang.cli import centre
from dojang.cli.output import Json, Output, explain, say
from dojang.config.options import load_options, look_over
from dojang.config.postgres import PrivatePostgres, running
from dojang.config.wiring import clock_of, require_adapters
from dojang.pki.errors import DojangError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dojang.config.options import Options

config = typer.Typer(help="The settings.", no_args_is_help=True)
db = typer.Typer(help="The database's tables.", no_args_is_help=True)


@config.callback()
def _config_group() -> None:
    """Make `check` a verb of its own."""


@config.command("check")
def check_config(*, as_json: Json = False) -> None:
    """Find every setting that cannot be, and everything outside without an adapter. Changes nothing."""
    options, found = look_over()
    faults: list[DojangError] = [*found]
    if options is not None:
        try:
            require_adapters(options)
        except DojangError as fault:
            faults.append(fault)
    _tell(faults, say("config.sound"), as_json=as_json)


@db.command()
def migrate(*, as_json: Json = False) -> None:
    """Bring the tables up to date; once they are, change nothing."""
    from dojang.cli.up import migrate as bring_up  # up is slow to load

    with _database() as options:
        made = centre.prepare_home(options)
        bring_up()
        centre.refuse_unsound(options, made, ceremony=False)
    Output(as_json).answer({"ok": True}, say("db.migrated"))


@db.command("check")
def check_database(*, as_json: Json = False) -> None:
    """Find what keeps this version from serving with the database: tables, keys, authorities."""
    with _database() as options:
        made = centre.prepare_home(options)
        centre.setup_django()
        from django.db import OperationalError, connections  # after the set-up

        from dojang.config.soundness import database_faults

        try:
            faults = database_faults(clock_of(options).now())
        except OperationalError as failure:
            raise centre.DatabaseUnreachableError(str(failure)) from failure
        finally:
            connections.close_all()
        centre.take_back(options, made, faults)
    _tell(faults, say("db.sound"), as_json=as_json)


@contextlib.contextmanager
def _database() -> Iterator[Options]:
    """Give a block the settings and a running database, whatever its tables are."""
    options = load_options()
    with contextlib.ExitStack() as stack:
        if not options.database_url:
            options.folder.prepare()
            stack.enter_context(running(PrivatePostgres(options.folder)))
        yield options


def _tell(faults: Sequence[DojangError], well: str, *, as_json: bool) -> None:
    """Print every fault with its remedy and end with 1, or say that all is well."""
    out = Output(as_json)
    explained = [(fault.code, *explain(fault)) for fault in faults]
    told = [{"code": code, "said": said, "remedy": remedy} for code, said, remedy in explained]
    lines = [f"[red]✗[/] {said} {remedy}".rstrip() for _, said, remedy in explained]
    out.answer({"ok": not faults, "faults": told}, "\n".join(lines) if lines else f"[green]✓[/] {well}")
    raise typer.Exit(1 if faults else 0)
