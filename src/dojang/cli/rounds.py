"""`dojang rounds`: rows that the background work put aside, and their next turn."""

from __future__ import annotations

from typing import Annotated

import typer

from dojang.cli import centre
from dojang.cli.output import Json, Output, say

app = typer.Typer(help="Rows the background work could not handle.", no_args_is_help=True)


@app.command("list")
def show(*, as_json: Json = False) -> None:
    """List what is put aside: which round, which row, why, how often, and when it is tried again."""
    out = Output(as_json)
    with centre.world():
        from dojang.guard.rounds import set_aside_rows  # after the set-up

        rows = set_aside_rows()
    facts = [
        {
            "round": row.round,
            "row": row.row,
            "why": row.why,
            "times": row.times,
            "since": row.since.isoformat(),
            "again": row.until.isoformat(),
        }
        for row in rows
    ]
    columns = ["round", "row", "why", "times", "since", "again"]
    lines = [[str(fact[column]) for column in columns] for fact in facts]
    out.answer(facts, out.table(columns, lines) if rows else say("rounds.none"))


@app.command()
def retry(
    round_name: Annotated[str, typer.Argument(metavar="[ROUND]", help="A round; left out: all.")] = "",
    row: Annotated[str, typer.Argument(metavar="[ROW]", help="One row of it.")] = "",
    *,
    as_json: Json = False,
) -> None:
    """Give rows their turn in the next round, once what was wrong with them is mended."""
    out = Output(as_json)
    with centre.world() as world:
        from dojang.guard.rounds import take_up_again  # after the set-up

        count = take_up_again(round_name=round_name, row=row, now=world.clock.now())
    out.answer({"again": count}, say("rounds.again", count=count))
