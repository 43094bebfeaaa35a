"""The commands of `dojang`: nouns and verbs, exit codes 0 (done), 1 (refused or failed), 2 (wrong call)."""

from __future__ import annotations

from typing import Annotated

import typer

from dojang import __version__
from dojang.cli import (
    audit,
    authorities,
    certificates,
    customers,
    doctor,
    first,
    notices,
    runs,
    serve,
    switch,
    up,
    verify,
    verify_path,
)
from dojang.cli.output import report
from dojang.pki.errors import DojangError

app = typer.Typer(
    name="dojang",
    help="The open certificate centre for banks.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("up")(up.up)
app.command("serve")(serve.serve)
app.command("first")(first.first)
app.command("doctor")(doctor.doctor)
app.command("verify")(verify.verify)
app.add_typer(certificates.app, name="cert")
app.add_typer(authorities.app, name="ca")
app.add_typer(authorities.crl, name="crl")
app.add_typer(switch.app, name="signer")
app.add_typer(audit.app, name="audit")
app.add_typer(runs.app, name="run")
app.add_typer(customers.app, name="customer")
app.add_typer(notices.app, name="notices")


@app.command("verify-path")
def _verify_path(
    *, jsonl: Annotated[bool, typer.Option("--jsonl", help="A case a line on standard input.")] = True
) -> None:
    """Verify certification paths, a JSON case a line; needs no centre."""
    del jsonl
    raise typer.Exit(verify_path.main([]))


def _version(*, wanted: bool) -> None:
    if wanted:
        typer.echo(f"dojang {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=lambda value: _version(wanted=value),
            is_eager=True,
            help="Show the version.",
        ),
    ] = False,
) -> None:
    """Read what is asked of every command."""
    del version


def main() -> int:
    """Run the command line and return the exit code; every error becomes a sentence with a next step."""
    try:
        app(prog_name="dojang")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except KeyboardInterrupt:
        return 130
    except DojangError as error:
        return report(error)
    return 0
