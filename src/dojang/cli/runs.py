"""`dojang run`: where a journey stands."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, ClassVar

import typer

from dojang.cli import centre
from dojang.cli.output import Json, Output, say
from dojang.pki.errors import DojangError

app = typer.Typer(help="Runs of journeys.", no_args_is_help=True)
_FACTS = (
    "id", "journey", "version", "channel", "locale", "state", "step", "revision", "end_reason",
    "customer_id", "created_at", "touched_at", "idle_until", "ended_at",
)  # fmt: skip


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
        from dojang.ra.models import Run  # after the set-up
        from dojang.ra.queries import standing_of

        row = Run.objects.filter(pk=run).first()
        if row is None:
            raise RunUnknownError("no such run", run=run)
        facts = {name: getattr(row, name) for name in _FACTS} | asdict(standing_of(row))
    plain = {key: value.isoformat() if hasattr(value, "isoformat") else value for key, value in facts.items()}
    rows = [(say(f"fact.{name}"), str(value)) for name, value in plain.items() if value not in {None, ""}]
    out.answer(plain, out.table(["", ""], rows))
