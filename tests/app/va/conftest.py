"""Fixtures of the status responder's tests: a centre, and the responder before it over real HTTP."""

from __future__ import annotations

import threading
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from tests.app.ca.conftest import centre, signer_process

__all__ = ["centre", "signer_process"]

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.app.ca.centre import Centre

    from dojang.va.app import StatusApp


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing on standard error."""


@pytest.fixture
def status(centre: Centre) -> Iterator[StatusApp]:
    """Return the status responder on this test's database."""
    from django.db import connection
    from psycopg.conninfo import make_conninfo

    from dojang.adapters.signer_client import SocketSigner
    from dojang.va.app import make_app

    wanted = ("host", "port", "user", "password", "dbname")
    values = {name: value for name, value in connection.get_connection_params().items() if name in wanted}
    # As the wiring does: a status answer does not wait for a signer that is being started again.
    signer = SocketSigner(centre.process.home.signer_socket, timeout=2, patience=0.2)
    app = make_app(make_conninfo(**values), signer, centre.world.clock)
    yield app
    app.close()
    signer.close()


@pytest.fixture
def url(status: StatusApp) -> Iterator[str]:
    """Return the address of a real HTTP server before the responder."""
    server = make_server("127.0.0.1", 0, status, server_class=_Server, handler_class=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
