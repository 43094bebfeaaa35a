"""One HTTP process: Granian's listener and HTTP/1.1 parser, our `Front`, Django behind it.

The server runs inside this process, without a master of its own: who started it watches it, and `kill -9` of
it leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import signal
import sys
import threading
from typing import TYPE_CHECKING

from granian.constants import HTTPModes
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server

from dojang.config.front import Front

if TYPE_CHECKING:
    from dojang.config.options import Options

HEAD_SECONDS = 10  #: for the head of a request, and for the silence between two on one connection
BACKLOG = 1024  #: connections the kernel keeps until we accept them
CONNECTIONS = 16_384  #: connections at once, if the limit of open files allows it
SPARE_FILES = 512  #: files that are not clients: database, signer, logs, assets being sent
SWITCH = 0.001  #: seconds a busy thread of pages may keep the loop, and so status, waiting
GRACE = 10.0  #: seconds for requests under way once the end was asked for


def build_front(options: Options) -> Front:
    """Build what this process serves; one for status alone does not even load Django."""
    status = pages = assets = None
    if options.serve in {"va", "all"}:
        from dojang.config.wiring import build_status  # pulls the adapters in

        status = build_status(options)
    if options.serve != "va":
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dojang.config.settings")
        from django.core.wsgi import get_wsgi_application  # a status process does without

        from dojang.config.assets import Assets, collect  # the same

        pages = get_wsgi_application()
        assets = Assets(collect())
    threads = options.threads
    return Front(status=status, pages=pages, assets=assets, threads=threads, status_threads=threads)


def raise_file_limit() -> int:
    """Allow as many open files as the machine lets us; return how many clients may be connected at once."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        wanted = CONNECTIONS + SPARE_FILES if hard == resource.RLIM_INFINITY else hard
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return max(64, min(CONNECTIONS, soft - SPARE_FILES))


def make_server(front: Front, *, host: str, port: int, connections: int) -> Server:
    """Return the listener before a front; beyond so many clients at once, others wait in the kernel."""
    return Server(
        front,
        address=host,
        port=port,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=HEAD_SECONDS * 1000),
        websockets=False,
        backlog=BACKLOG,
        backpressure=connections,
        log_level=LogLevels.error,
    )


def serve(options: Options) -> None:
    """Serve until SIGTERM or SIGINT. Does not return: threads still busy must not keep the process."""
    sys.setswitchinterval(SWITCH)
    connections = raise_file_limit()
    front = build_front(options)
    asyncio.run(_serve(make_server(front, host=options.host, port=options.port, connections=connections)))
    logging.shutdown()
    os._exit(0)


async def _serve(server: Server) -> None:
    def stop() -> None:
        # A client that never ends its request, or a thread that waits, must not keep the process.
        timer = threading.Timer(GRACE, os._exit, (0,))
        timer.daemon = True
        timer.start()
        server.stop()  # type: ignore[no-untyped-call]

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    await server.serve()
