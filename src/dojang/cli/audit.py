"""`dojang audit`: prove that the trail is whole."""

from __future__ import annotations

from dataclasses import asdict

import typer

from dojang.cli import centre
from dojang.cli.output import Json, Output, say

app = typer.Typer(help="The audit trail.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Make `verify` a verb of its own."""


@app.command()
def verify(*, as_json: Json = False) -> None:
    """Recompute every chain; compare it with the certificates and the signer's journal. Exit 1 if broken."""
    out = Output(as_json)
    with centre.world() as world:
        from dojang.ca.queries import verify_trail  # after the set-up

        found = verify_trail(world)
    facts = {
        "ok": found.ok,
        "events": found.events,
        "anchors": found.anchors,
        "broken": found.broken,
        "breaks": [asdict(item) for item in found.breaks],
    }
    name = "audit.whole" if found.ok else "audit.broken"
    out.answer(facts, say(name, events=found.events, anchors=found.anchors, broken=found.broken))
    if not found.ok and not as_json:
        for item in found.breaks[:20]:
            out.console.print(f"  {item}")
    raise typer.Exit(0 if found.ok else 1)
