"""`dojang ca` and `dojang crl`: the authorities and their lists."""

from __future__ import annotations

import typer

from dojang.cli import centre
from dojang.cli.output import Json, Output, say
from dojang.pki.day import day_of
from dojang.ports.acting import Acting

app = typer.Typer(help="The authorities: look at them, make them.", no_args_is_help=True)
crl = typer.Typer(help="Certificate revocation lists.", no_args_is_help=True)
ACTING = Acting(kind="operator", id="cli", channel="cli")


@app.command()
def show(*, as_json: Json = False) -> None:
    """Show every authority: name, algorithm, life, newest lists."""
    out = Output(as_json)
    with centre.database():
        from dojang.ca import queries  # after the set-up

        found = queries.authorities()
    facts = [
        {
            "label": view.label,
            "role": view.role,
            "algorithm": view.algorithm,
            "subject": view.subject,
            "parent": view.parent,
            "serial": view.serial,
            "not_before": view.not_before.isoformat(),
            "not_after": view.not_after.isoformat(),
            "crls": [
                {"shard": item.shard, "number": item.number, "entries": item.entries} for item in view.crls
            ],
        }
        for view in found
    ]
    rows = [
        (
            view.label,
            view.role,
            view.algorithm,
            view.subject,
            f"{day_of(view.not_after)}",
            str(len(view.crls)),
        )
        for view in found
    ]
    out.answer(facts, out.table(["label", "role", "algorithm", "subject", "not_after", "crls"], rows))


@app.command()
def ceremony(*, as_json: Json = False) -> None:
    """Make root and issuing authority as the ceremony file says; once they are there, change nothing."""
    out = Output(as_json)
    with centre.world() as world:
        from dojang.config.wiring import perform_ceremony  # after the set-up

        perform_ceremony(acting=ACTING, world=world)
        from dojang.ca import queries

        labels = [view.label for view in queries.authorities()]
    out.answer({"authorities": labels}, say("ca.made", names=", ".join(labels)))


@crl.command()
def publish(*, as_json: Json = False) -> None:
    """Sign and publish all revocation lists now, due or not."""
    out = Output(as_json)
    with centre.world() as world:
        from dojang.ca.actions import publish_crls  # after the set-up

        made = publish_crls(acting=ACTING, world=world, force=True)
    facts = [
        {"authority": item.authority, "shard": item.shard, "number": item.number, "entries": item.entries}
        for item in made
    ]
    rows = [(item.authority, str(item.shard), str(item.number), str(item.entries)) for item in made]
    out.answer(facts, out.table(["authority", "shard", "crl_number", "entries"], rows))
