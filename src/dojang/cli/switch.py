"""`dojang signer`: stop and allow signing. Status answers and lists go on in any case."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Annotated

import typer

from dojang.cli import centre
from dojang.cli.output import Json, Output, say
from dojang.config.options import load_options
from dojang.ports.signer_errors import SignerUnavailableError
from dojang.ports.signer_wire import halt_order

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dojang.adapters.signer_client import SocketSigner

app = typer.Typer(help="The signer's switch: stop all signing at once, allow it again.", no_args_is_help=True)
Reason = Annotated[str, typer.Option(help="Why; kept in the signer's journal for ever.")]


@contextlib.contextmanager
def _signer() -> Iterator[SocketSigner]:
    """Give a block the signer; one that was not running is stopped afterwards."""
    from dojang.config.wiring import open_signer  # a quick start for the rest

    options = load_options()
    centre.prepare_home(options)
    with contextlib.ExitStack() as stack:
        if not centre.signer_answers(options):
            process = centre.start_signer(options)
            stack.callback(process.wait, 10)
            stack.callback(process.terminate)
            centre.wait_for_signer(options, process)
        yield stack.enter_context(contextlib.closing(open_signer(options)))


@app.command()
def status(*, as_json: Json = False) -> None:
    """Tell whether signing is allowed."""
    with _signer() as signer:
        halted = signer.is_halted()
    Output(as_json).answer({"halted": halted}, say("signer.halted" if halted else "signer.allowed"))


@app.command()
def halt(*, reason: Reason, as_json: Json = False) -> None:
    """Stop signing certificates and with customers' keys. Takes effect at once and outlives restarts."""
    try:
        with _signer() as signer:
            signer.halt(reason=reason)
    except (centre.NotStartedError, SignerUnavailableError):
        _leave_order(reason)
        Output(as_json).answer({"halted": True, "ordered": True}, say("signer.halt_ordered"))
    else:
        Output(as_json).answer({"halted": True, "ordered": False}, say("signer.halted"))


def _leave_order(reason: str) -> None:
    """Leave the order where the signer looks before each signature, and when it starts."""
    place = halt_order(load_options().folder.path)
    place.parent.mkdir(mode=0o700, exist_ok=True)
    draft = place.with_suffix(".new")
    draft.write_text(reason, "utf-8")
    draft.replace(place)


@app.command()
def resume(*, reason: Reason, as_json: Json = False) -> None:
    """Allow signing again; this also says that a clock that leapt is right."""
    with _signer() as signer:
        signer.resume(reason=reason)
    Output(as_json).answer({"halted": False}, say("signer.resumed"))
