"""`dojang notices`: what is told to customers by the calendar."""

from __future__ import annotations

import typer

from dojang.cli import centre
from dojang.cli.output import Json, Output, say
from dojang.ports.acting import Acting

app = typer.Typer(help="Notices to customers.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Make `expiry` a verb of its own."""


@app.command()
def expiry(*, as_json: Json = False) -> None:
    """Find certificates that end in 30, 14, 7 or 1 days and queue their notices; safe to repeat."""
    out = Output(as_json)
    with centre.world() as world:
        from dojang.notices.actions.expiry import look  # after the set-up

        looked = look(acting=Acting(kind="operator", id="cli", channel="cli"), world=world)
    found = {str(days): count for days, count in looked.found.items()}
    out.answer({"found": found, "again": looked.again}, say("notices.expiry", count=looked.total))
