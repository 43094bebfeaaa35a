"""`dojang customer`: the way out of a lock."""

from __future__ import annotations

from typing import Annotated

import typer

from dojang.cli import centre
from dojang.cli.output import Json, Output, say
from dojang.ports.acting import Acting

app = typer.Typer(help="What an operator does for a customer.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Make `unlock` a verb of its own."""


@app.command()
def unlock(
    customer: Annotated[str, typer.Argument(help="The bank's customer id.")],
    *,
    factor: Annotated[str, typer.Option(help="What is locked: card, otp, account, person …")],
    operator: Annotated[str, typer.Option(help="Who does this; written into the audit trail.")] = "cli",
    as_json: Json = False,
) -> None:
    """Open the lock of one factor, after the customer was identified at a branch. The customer is told."""
    out = Output(as_json)
    with centre.world() as world:
        from dojang.ra.actions import unlock_factor  # after the set-up

        acting = Acting(kind="operator", id=operator, channel="cli")
        unlock_factor(customer, factor, acting=acting, world=world)
    out.answer({"customer": customer, "factor": factor}, say("customer.unlocked", factor=factor))
