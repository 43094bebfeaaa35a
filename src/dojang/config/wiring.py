"""The one place where adapters are chosen: builds the `World` from the options.

Impossible settings are refused here, at start, so that no request meets them.
"""

from __future__ import annotations

import ssl
import threading
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit

from dojang.config.options import load_options
from dojang.pki.errors import DojangError
from dojang.ports.world import World

if TYPE_CHECKING:
    from dojang.adapters.signer_client import SocketSigner
    from dojang.adapters.webpush import WebPush
    from dojang.config.options import Options
    from dojang.ports.acting import Acting
    from dojang.ports.clock import Clock
    from dojang.va.app import StatusApp

#: Seconds a caller waits for the signing process before giving up.
SIGNER_TIMEOUT = 10.0
STATUS_SIGNER_TIMEOUT = 2.0
#: The part of it that is spent on reaching one that is just being started again.
SIGNER_PATIENCE = 3.0

_lock = threading.Lock()
_world: World | None = None


class WiringError(DojangError):
    """The settings ask for something no adapter can do."""

    code: ClassVar[str] = "wiring_impossible"


def clock_of(options: Options) -> Clock:
    """Return the centre's clock: in the sandbox, the one that can be moved."""
    from dojang.adapters.clocks import FileClock, SystemClock  # a start without a World stays quick

    return FileClock(options.folder.clock) if options.sandbox else SystemClock()


def require_adapters(options: Options) -> None:
    """Raise `WiringError` unless everything outside has an adapter."""
    if not options.sandbox:
        raise WiringError("no core bank is configured", name="DOJANG_SANDBOX")


def build_world(options: Options) -> World:
    """Build a World from the options. Raises `WiringError` when something outside has no adapter."""
    from dojang.adapters.clocks import FileClock  # a start without a World stays quick

    require_adapters(options)
    from dojang.sandbox.world import build_sandbox  # only imported when the sandbox is on
    from dojang.wallet.devices.actions.pushing import DevicePush  # needs Django's set-up

    # Telephones of the sandbox show every push; browsers that really subscribed get it besides.
    clock = FileClock(options.folder.clock)
    parts = build_sandbox(options.dsn, options.folder.clock, push_beyond=DevicePush(clock))
    return World(
        signer=open_signer(options),
        corebank=parts.corebank,
        telephony=parts.telephony,
        sms=parts.sms,
        mail=parts.mail,
        push=parts.push,
        clock=parts.clock,
        policy=options.build_policy(),
        push_service=_push_service(options),
    )


def _push_service(options: Options) -> WebPush:
    """Build the way to browsers' push services; its key pair is made once, in the data folder."""
    from dojang.adapters.clocks import SystemClock
    from dojang.adapters.webpush import SERVICES, WebPush, sender_key

    context = None
    if options.push_trust is not None:
        context = ssl.create_default_context(cafile=str(options.push_trust))
    return WebPush(
        key=sender_key(bytes.fromhex(options.folder.secret("vapid.key"))),
        contact=options.push_contact or f"mailto:postmaster@{urlsplit(options.base_url).hostname}",
        # Other people's services judge the token by their own time, not by the sandbox's.
        clock=SystemClock(),
        services=options.push_services or SERVICES,
        context=context,
    )


def open_signer(
    options: Options, *, timeout: float = SIGNER_TIMEOUT, patience: float = SIGNER_PATIENCE
) -> SocketSigner:
    """Return a way to the signing process, for who needs nothing else of the World; to be closed."""
    from dojang.adapters.signer_client import SocketSigner  # a quick start for the rest

    return SocketSigner(options.folder.signer_socket, timeout=timeout, patience=patience)


def build_status(options: Options) -> StatusApp:
    """Build the status responder: its own connections, the signer, the clock, and nothing else."""
    from dojang.va.app import make_app

    return make_app(
        options.dsn,
        # A status answer is not worth waiting for a signer that is being started again.
        open_signer(options, timeout=STATUS_SIGNER_TIMEOUT, patience=0.2),
        clock_of(options),
        ocsp_life=options.build_policy().status.ocsp_life,
        connections=options.threads,
    )


def get_world() -> World:
    """Return this process's World, building it at the first call. Safe from any thread."""
    global _world  # noqa: PLW0603 - one World for each process is the design
    with _lock:
        if _world is None:
            _world = build_world(load_options())
        return _world


def set_world(world: World | None) -> World | None:
    """Put a World in place of the process's own and return the former one (tests, the worker)."""
    global _world
    with _lock:
        former, _world = _world, world
        return former


def close_world(world: World) -> None:
    """Let go of what a World holds open (connections). The World must not be used afterwards."""
    for part in (getattr(world.corebank, "store", None), world.signer):
        close = getattr(part, "close", None)
        if close is not None:
            close()


def perform_ceremony(*, acting: Acting, world: World) -> None:
    """Make the authorities if there are none. Safe to repeat."""
    from dojang.ca.actions.ceremony import perform_ceremony as perform  # needs Django's set-up

    perform(acting=acting, world=world)
