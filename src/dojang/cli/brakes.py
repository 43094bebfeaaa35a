"""`dojang brakes`: who is slowed because of wrong entries, and letting somebody go on."""

from __future__ import annotations

import ipaddress
from typing import Annotated

import typer

from dojang.cli import centre
from dojang.cli.output import Json, Output, say
from dojang.ports.acting import Acting

app = typer.Typer(help="Brakes on wrong entries.", no_args_is_help=True)
_EVERYBODY = "everybody"


@app.command("list")
def show(*, as_json: Json = False) -> None:
    """List what is slowed today. Networks are indexed only: `brake:on` in the audit trail names them."""
    out = Output(as_json)
    with centre.world() as world:
        from dojang.guard.brakes import brakes_now  # after the set-up

        found = brakes_now(now=world.clock.now())
    facts = [
        {"what": item.name, "errors": item.errors, "limit": item.limit, "since": item.since.isoformat()}
        for item in found
    ]
    columns = ["what", "errors", "limit", "since"]
    lines = [
        [say(f"brakes.{item.name}"), str(item.errors), str(item.limit), item.since.isoformat()]
        for item in found
    ]
    out.answer(facts, out.table(columns, lines) if found else say("brakes.none"))


@app.command()
def lift(
    whose: Annotated[str, typer.Argument(metavar="ADDRESS|everybody", help="An address, or everybody.")],
    *,
    as_json: Json = False,
) -> None:
    """Forget today's wrong entries of an address (its /64 and /48), or of everybody together."""
    if whose != _EVERYBODY:
        try:
            ipaddress.ip_address(whose)
        except ValueError:
            raise typer.BadParameter(say("brakes.address")) from None
    out = Output(as_json)
    with centre.world() as world:
        from dojang.ra.actions.brakes import lift_brake  # after the set-up

        acting = Acting(kind="operator", id="cli", channel="cli")
        count = lift_brake(None if whose == _EVERYBODY else whose, acting=acting, world=world)
    out.answer({"lifted": count}, say("brakes.lifted" if count else "brakes.was_not"))
