"""`dojang cert`: look at, verify and revoke certificates."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import typer

from dojang.cli import centre, openssl
from dojang.cli.output import Json, Output, say
from dojang.pki.day import day_of
from dojang.pki.errors import DojangError
from dojang.ports.acting import Acting

if TYPE_CHECKING:
    from dojang.ca.queries import CertificateView

app = typer.Typer(help="Look at, verify and revoke certificates.", no_args_is_help=True)
Serial = Annotated[str, typer.Argument(help="Serial number, hexadecimal.")]


class SerialUnknownError(DojangError):
    """No certificate has this serial."""

    code: ClassVar[str] = "serial_unknown"


@app.command("list")
def list_(
    customer: Annotated[str, typer.Argument(help="The bank's customer id.")], *, as_json: Json = False
) -> None:
    """List the certificates of one customer, newest first."""
    out = Output(as_json)
    with centre.database():
        from dojang.ca import queries  # after the set-up

        found = queries.certificates_of(customer)
    rows = [(view.serial, view.product, view.state, f"{day_of(view.not_after)}") for view in found]
    out.answer([_facts(view) for view in found], out.table(["serial", "product", "state", "not_after"], rows))


@app.command()
def show(
    serial: Serial,
    *,
    pem: Annotated[bool, typer.Option(help="Print the certificate and its chain as PEM.")] = False,
    output: Annotated[
        str, typer.Option("--output", "-o", help="Write the PEM to a file; - is standard output.")
    ] = "-",
    as_json: Json = False,
) -> None:
    """Show a certificate: its facts, or its bytes with --pem."""
    out = Output(as_json)
    with centre.database():
        view, chain = _find(serial)
    if pem or output != "-":
        text = "".join(openssl.to_pem(der) for der in (view.der, *chain))
        if output == "-":
            sys.stdout.write(text)
        else:
            Path(output).write_text(text, "ascii")
        return
    facts = _facts(view)
    out.answer(
        facts,
        out.table(["", ""], [(say(f"fact.{name}"), str(value)) for name, value in facts.items() if value]),
    )


@app.command()
def verify(serial: Serial, *, as_json: Json = False) -> None:
    """Verify a certificate with the openssl command: its chain, and its status by OCSP if the centre runs."""
    out = Output(as_json)
    with centre.database() as options:
        view, chain = _find(serial)
    answers = openssl.judge(view.der, chain, f"{options.base_url}/ocsp")
    ok = all(answer.ok for answer in answers)
    out.answer(
        {"serial": view.serial, "ok": ok, "checks": [answer.__dict__ for answer in answers]},
        out.table(["check", "answer"], [(answer.name, answer.said) for answer in answers]),
    )
    raise typer.Exit(0 if ok else 1)


@app.command()
def revoke(
    serial: Serial,
    *,
    reason: Annotated[
        str, typer.Option(help="Reason of RFC 5280 §5.3.1, such as keyCompromise.")
    ] = "unspecified",
    operator: Annotated[str, typer.Option(help="Who does this; written into the audit trail.")] = "cli",
    as_json: Json = False,
) -> None:
    """Revoke a certificate. OCSP says so at once, the next CRL lists it; the customer is told."""
    out = Output(as_json)
    with centre.world(protective=True) as world:
        from dojang.issuing.actions import revoke_certificate  # after the set-up; tells the holder, too

        view, _ = _find(serial)
        acting = Acting(kind="operator", id=operator, channel="cli")
        revoke_certificate(view.id, reason, acting=acting, world=world)
        view, _ = _find(serial)
    out.answer(_facts(view), say("cert.revoked", serial=view.serial, reason=view.reason))


def _find(serial: str) -> tuple[CertificateView, tuple[bytes, ...]]:
    from dojang.ca import queries  # after Django's set-up

    view = queries.find_by_serial(serial)
    if view is None:
        raise SerialUnknownError("no such serial", serial=serial)
    return view, queries.chain_of(view)


def _facts(view: CertificateView) -> dict[str, Any]:
    names = (
        "serial", "subject", "issuer", "product", "policy", "state", "not_before", "not_after",
        "issued_at", "activated_at", "revoked_at", "reason", "customer_id", "sha256",
    )  # fmt: skip
    facts = {name: getattr(view, name) for name in names}
    return {
        name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in facts.items()
    }
