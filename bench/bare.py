"""The least that the server can do: the same bytes every time. Status answers are compared with it."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

_BODY = os.urandom(int(os.environ.get("BENCH_SIZE", "1000")))
_HEADERS = [("Content-Type", "application/ocsp-response")]


async def application(scope: Any, line: Any) -> None:
    """Answer, having read what was sent."""
    if scope.method == "POST":
        await line()
    line.response_bytes(200, _HEADERS, _BODY)


def main() -> None:
    """Serve it exactly as the centre is served."""
    from dojang.config.server import make_server  # only the served process needs it

    server = make_server(application, host="127.0.0.1", port=int(sys.argv[1]), connections=1000)
    asyncio.run(server.serve())


if __name__ == "__main__":
    main()
