"""`dojang first`: a member of the cast gets a certificate before your eyes, and openssl judges it.

At a later start the certificate of the first one is still there: then it is shown and judged again.
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from dojang.cli import centre, openssl
from dojang.cli.output import Json, Output, language, say
from dojang.cli.visitor import DemoFailedError, Visitor
from dojang.cli.web_client import Client
from dojang.config.options import load_options
from dojang.pki.day import day_of
from dojang.products import advised_product

if TYPE_CHECKING:
    from dojang.ca.queries import CertificateView
    from dojang.config.options import Options


def first(
    *,
    person: Annotated[str, typer.Option(help="Who of the cast gets the certificate.")] = "hong",
    as_json: Json = False,
) -> None:
    """Issue a first certificate through the JSON API of the running centre, and have openssl judge it."""
    out = Output(as_json)
    options = load_options()
    client = Client(options.base_url, language())
    customer = client.get("sandbox", "api", "people", person, "drawer")["customer_id"]
    steps: list[dict[str, Any]] = []
    with centre.database(options):
        known = _active(customer)
        if known is None:
            _walk(client, person, steps, out)
            known = _active(customer)
        elif not as_json:
            out.console.print(say("first.kept", subject=known[0].subject))
    if known is None:
        raise DemoFailedError("no certificate", step="confirm", why="no active certificate")
    view, chain = known
    answers = _judge(client, view, chain, options)
    _conclude(out, view, steps, answers, client)
    raise typer.Exit(0 if all(answer.ok for answer in answers if answer.command) else 1)


def _active(customer: str) -> tuple[CertificateView, tuple[bytes, ...]] | None:
    from dojang.ca import queries  # after Django's set-up

    view = queries.active_certificate(customer, advised_product("web").id)
    return None if view is None else (view, queries.chain_of(view))


def _walk(client: Client, person: str, steps: list[dict[str, Any]], out: Output) -> None:
    """Walk the journey, telling each step of the guide as it is done."""

    def done(number: int, note: str, seconds: float) -> None:
        steps.append(
            {"step": number, "title": say(f"guide.{number}"), "note": note, "seconds": round(seconds, 3)}
        )
        if not out.as_json:
            extra = f"  [dim]{note}[/]" if note else ""
            out.console.print(
                f"  [red]{number:>2}[/]  {say(f'guide.{number}')}{extra}  [dim]{seconds:.2f} s[/]"
            )

    visitor = Visitor(client, person, done)
    if not out.as_json:
        name = client.get("sandbox", "api", "people", person, "drawer")["name"]
        out.console.print(f"[bold]{say('first.title', name=name, handle=person)}[/]")
    began = time.monotonic()
    page = visitor.walk(f"{advised_product('web').id}-web-issue")
    if not out.as_json:
        name = visitor.drawer["name"]
        subject = (page.get("result") or {}).get("subject", "")
        sentence = say("first.issued", name=name, seconds=f"{time.monotonic() - began:.1f}", subject=subject)
        out.console.print(f"[bold green]{sentence}[/]")


def _judge(
    client: Client, view: CertificateView, chain: tuple[bytes, ...], options: Options
) -> tuple[openssl.OpensslVerdict, ...]:
    clock = client.get("sandbox", "api", "clock")
    # Only a clock that was moved has to be told to openssl; otherwise it shall use its own.
    at = datetime.fromisoformat(clock["now"]) if clock["offset_seconds"] else None
    return openssl.judge(view.der, chain, f"{options.base_url}/ocsp", at=at)


def _conclude(
    out: Output,
    view: CertificateView,
    steps: list[dict[str, Any]],
    answers: tuple[openssl.OpensslVerdict, ...],
    client: Client,
) -> None:
    """Print certificate, judgement and cast, or all of it as JSON."""
    if out.as_json:
        facts = {
            "serial": view.serial,
            "subject": view.subject,
            "not_after": view.not_after.isoformat(),
            "steps": steps,
            "checks": [answer.__dict__ for answer in answers],
        }
        out.answer(facts, "")
        return
    console = out.console
    console.print(f"  {say('first.serial', serial=view.serial, until=f'{day_of(view.not_after)}')}\n")
    console.print(f"[bold]{say('first.checks')}[/]")
    for answer in answers:
        mark = "[green]✓[/]" if answer.ok else "[red]✗[/]"
        if answer.command:
            console.print(f"  [dim]$ {answer.command}[/]")
        console.print(f"  {mark} {answer.said}")
    console.print()
    console.print(_cast(client))


def _cast(client: Client) -> Table:
    """Return the table of people one can play."""
    made = Table(title=say("first.cast"), box=None, pad_edge=False, title_justify="left", header_style="bold")
    for column in ("handle", "name", "user_id", "phone", "note"):
        made.add_column(say(f"column.{column}"), overflow="fold")
    for one in client.get("sandbox", "api", "people"):
        made.add_row(one["person"], one["name"], one["user_id"], ", ".join(one["numbers"]), one["about"])
    return made
