"""Forks customers' processes with everything imported, so that killing one costs milliseconds.

``python tests/faults/factory.py SOCKET`` listens on a Unix socket. Every connection gets a child of its own:
it builds its World, connects to the database, says ``{"pid", "backend"}``, reads one order (a JSON line),
does it and says how it ended. It stays until the other side hangs up, so that its pid stays its own.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from typing import TYPE_CHECKING, Any

import django

django.setup()

from dojang.ca import linting  # noqa: E402, F401 - preloaded
from dojang.config import wiring  # noqa: E402
from dojang.config.options import load_options  # noqa: E402
from dojang.config.processes import die_with_parent  # noqa: E402
from dojang.issuing.actions import carry_out, reconcile  # noqa: E402
from dojang.pki import lint  # noqa: E402
from dojang.pki.errors import DojangError  # noqa: E402
from dojang.ports.acting import Acting, job  # noqa: E402
from dojang.ra import actions  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

    from dojang.journeys.page import Page
    from dojang.ports.world import World


def _shown(page: Page) -> dict[str, Any]:
    return {
        "state": page.state,
        "step": page.step,
        "revision": page.revision,
        "errors": [error.code for error in page.errors],
    }


def _customer(order: dict[str, Any]) -> Acting:
    return Acting(
        kind="customer", session=order["session"], source="198.51.100.7", channel="web", locale="ko"
    )


def _act(order: dict[str, Any], world: World) -> dict[str, Any]:
    page = actions.act(
        order["run"], order["step"], order["revision"], "submit", order["data"],
        acting=_customer(order), world=world,
    )  # fmt: skip
    return _shown(page)


def _open(order: dict[str, Any], world: World) -> dict[str, Any]:
    return _shown(actions.open_page(order["run"], acting=_customer(order), world=world))


def _reconcile(_order: dict[str, Any], world: World) -> dict[str, Any]:
    kept = reconcile(acting=job("reconcile"), world=world)
    return {"state": "reconciled", "issuing": kept.issuing}


def _carry(order: dict[str, Any], world: World) -> dict[str, Any]:
    taken = carry_out(order["orders"], acting=job("reconcile"), world=world)
    return {"state": "carried", "taken": len(taken)}


_ORDERS: dict[str, Callable[[dict[str, Any], World], dict[str, Any]]] = {
    "act": _act,
    "open": _open,
    "reconcile": _reconcile,
    "carry": _carry,
}


def _serve(link: socket.socket) -> None:
    """Live one child's life."""
    from django.db import connection

    world = wiring.build_world(load_options())
    world.signer.keys()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        backend = cursor.fetchone()[0]
    with link.makefile("rw", encoding="utf-8") as line:
        print(json.dumps({"pid": os.getpid(), "backend": backend}), file=line, flush=True)
        text = line.readline()
        if not text:
            return
        order = json.loads(text)
        try:
            answer = _ORDERS[order["do"]](order, world)
        except DojangError as error:
            answer = {"error": error.code, "kind": type(error).__name__}
        except Exception as error:  # noqa: BLE001 - told to the test, which decides
            answer = {
                "error": type(error).__name__,
                "kind": f"{type(error).__module__}.{type(error).__name__}",
            }
        print(json.dumps(answer), file=line, flush=True)
        line.readline()


def main() -> None:
    """Fork a child for every connection until the parent is gone."""
    die_with_parent(signal.SIGKILL)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    _warm_up()
    place = sys.argv[1]
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(f"{place}.new")
        door.listen(64)
        os.rename(f"{place}.new", place)  # noqa: PTH104 - as quick as it gets
        while True:
            link, _ = door.accept()
            if os.fork() == 0:
                die_with_parent(signal.SIGKILL)
                door.close()
                try:
                    _serve(link)
                finally:
                    os._exit(0)
            link.close()


def _warm_up() -> None:
    """Import what pkilint imports at its first certificate; nothing of it opens a connection."""
    import psycopg

    with psycopg.connect(load_options().dsn) as link:
        row = link.execute("SELECT certificate FROM ca_authority WHERE role = 'issuing'").fetchone()
    assert row is not None
    lint.pkilint_certificate(bytes(row[0]))


if __name__ == "__main__":
    main()
