"""`dojang run`: where a journey stands."""

from __future__ import annotations

from typing import Annotated, ClassVar

import typer

from dojang.cli import centre
from dojang.cli.output import Json, Output, say
from dojang.pki.errors import DojangError

app = typer.Typer(help="Runs of journeys.", no_args_is_help=True)


class RunUnknownError(DojangError):
    """No run has this id."""

    code: ClassVar[str] = "run_unknown"


@app.callback()
def _group() -> None:
    """Make `status` a verb of its own."""


@app.command()
def status(
    run: Annotated[str, typer.Argument(help="Id of the run, as in its address.")], *, as_json: Json = False
) -> None:
    """Show where a run stands: state, step, times. What the customer typed is sealed and not shown."""
    out = Output(as_json)
    with centre.database():
        from dojang.ra.queries import facts_of  # after the set-up

        facts = facts_of(run)
        if facts is None:
            raise RunUnknownError("no such run", run=run)
    plain = {key: value.isoformat() if hasattr(value, "isoformat") else value for key, value in facts.items()}
    rows = [(say(f"fact.{name}"), str(value)) for name, value in plain.items() if value not in {None, ""}]
    out.answer(plain, out.table(["", ""], rows))
