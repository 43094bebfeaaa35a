"""The least a WSGI callable can do: the same bytes every time. Status answers are compared with it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_BODY = os.urandom(int(os.environ.get("BENCH_SIZE", "1000")))
_HEADERS = [("Content-Type", "application/ocsp-response"), ("Content-Length", str(len(_BODY)))]


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer, having read what was sent."""
    size = int(environ.get("CONTENT_LENGTH") or 0)
    if size:
        environ["wsgi.input"].read(size)
    start_response("200 OK", _HEADERS)
    return [_BODY]


def main() -> None:
    """Serve it exactly as the centre is served."""
    from granian import Granian  # only the served process needs it
    from granian.constants import Interfaces
    from granian.log import LogLevels

    Granian(
        "bench.bare:application",
        address="127.0.0.1",
        port=int(sys.argv[1]),
        interface=Interfaces.WSGI,
        workers=int(sys.argv[2]),
        blocking_threads=int(sys.argv[3]),
        websockets=False,
        backlog=1024,
        log_level=LogLevels.warning,
    ).serve()


if __name__ == "__main__":
    main()
