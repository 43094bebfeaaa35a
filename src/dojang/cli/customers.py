"""`dojang customer`: the way out of a lock, and of a lost telephone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dojang.cli import centre
from dojang.cli.output import Json, Output, say
from dojang.ports.acting import Acting
from dojang.ports.errors import CustomerUnknownError, PortError

if TYPE_CHECKING:
    from dojang.ports.world import World

app = typer.Typer(help="What an operator does for a customer.", no_args_is_help=True)


Customer = Annotated[str, typer.Argument(help="The bank's customer id.")]
Operator = Annotated[str, typer.Option(help="Who does this; written into the audit trail.")]


def _known(customer: str, operator: str, world: World) -> Acting:
    """Refuse a customer id the bank does not know: a mistyped one must not look like success.

    A core bank that does not answer is no reason to wait: what is asked for here may be urgent.
    """
    try:
        world.corebank.customer(customer)
    except CustomerUnknownError:
        raise
    except PortError:
        pass
    return Acting(kind="operator", id=operator, channel="cli")


@app.command()
def unlock(
    customer: Customer,
    *,
    factor: Annotated[str, typer.Option(help="What is locked: security_card, otp, account, person …")],
    operator: Operator = "cli",
    as_json: Json = False,
) -> None:
    """Open the lock of one factor, after the customer was identified at a branch. The customer is told."""
    out = Output(as_json)
    with centre.world() as world:
        from dojang.ra.actions import unlock_factor  # after the set-up

        acting = _known(customer, operator, world)
        opened = unlock_factor(customer, factor, acting=acting, world=world)
    facts = {"customer": customer, "factor": factor, "opened": opened}
    out.answer(facts, say("customer.unlocked" if opened else "customer.not_locked", factor=factor))


@app.command()
def hold(customer: Customer, *, operator: Operator = "cli", as_json: Json = False) -> None:
    """Stop everything of a customer: certificates, devices, sessions, runs. The customer is told."""
    out = Output(as_json)
    with centre.world(protective=True) as world:
        from dojang.account.actions import stop_everything  # after the set-up

        acting = _known(customer, operator, world)
        held = stop_everything(customer, acting=acting, world=world)
    facts = {"customer": customer, "certificates": held.certificates, "devices": held.devices}
    sentence = say("customer.held", certificates=held.certificates, devices=held.devices)
    out.answer(facts, sentence)


@app.command()
def release(customer: Customer, *, operator: Operator = "cli", as_json: Json = False) -> None:
    """Undo a hold, after the customer was identified at a branch. The customer is told."""
    out = Output(as_json)
    with centre.world() as world:
        from dojang.issuing.actions import restore_everything  # after the set-up

        acting = _known(customer, operator, world)
        back = restore_everything(customer, acting=acting, world=world)
    facts = {"customer": customer, "certificates": back.certificates, "devices": back.devices}
    sentence = say("customer.released", certificates=back.certificates, devices=back.devices)
    out.answer(facts, sentence)
